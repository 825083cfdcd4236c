"""The ring and its keyspaces as rows of Cassandra's own tables, turned into facts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast

from hybridspan.cassandra.ranges import TokenOwner
from hybridspan.facts.cassandra import KeyspaceFacts, Replication, RingNode

LOCAL = (
    "SELECT cluster_name, host_id, data_center, rack, broadcast_address, release_version, schema_version, tokens"
    " FROM system.local"
)
PEERS = (
    "SELECT peer, host_id, data_center, rack, release_version, schema_version, tokens, writetime(host_id) AS written"
    " FROM system.peers_v2"
)
KEYSPACES = "SELECT keyspace_name, replication FROM system_schema.keyspaces"
TABLES = "SELECT keyspace_name, table_name FROM system_schema.tables"
AVAILABLE = "SELECT keyspace_name, full_ranges, transient_ranges FROM system.available_ranges_v2"

UNREACHABLE = "UNREACHABLE"
UNKNOWN = "UNKNOWN"

Row = Mapping[str, Any]


def read_replication(options: Mapping[str, str]) -> Replication:
    """A keyspace's `replication` map as Cassandra keeps it."""
    strategy = options["class"].rsplit(".", 1)[-1]
    factors = {name: value for name, value in options.items() if name != "class"}
    if strategy == "SimpleStrategy":
        return Replication("SimpleStrategy", {"": int(factors["replication_factor"])})
    kinds = Literal["NetworkTopologyStrategy", "LocalStrategy", "EverywhereStrategy"]
    # A transient factor such as `3/1` counts all its replicas, the transient one too.
    whole = {name: int(value.split("/")[0]) for name, value in factors.items()}
    return Replication(cast("kinds", strategy), whole)


def read_keyspaces(keyspaces: Iterable[Row], tables: Iterable[Row]) -> tuple[KeyspaceFacts, ...]:
    """Every keyspace of the schema, in name order."""
    by_keyspace = tables_by_keyspace(tables)
    return tuple(
        KeyspaceFacts(
            row["keyspace_name"],
            read_replication(row["replication"]),
            tuple(sorted(by_keyspace.get(row["keyspace_name"], ()))),
        )
        for row in sorted(keyspaces, key=lambda row: str(row["keyspace_name"]))
    )


def tables_by_keyspace(tables: Iterable[Row]) -> Mapping[str, Sequence[str]]:
    """The names of its tables, for each keyspace that has any."""
    found: dict[str, list[str]] = {}
    for row in tables:
        found.setdefault(row["keyspace_name"], []).append(row["table_name"])
    return found


def read_members(local: Row, peers: Sequence[Row]) -> tuple[RingNode, ...]:
    """The members that a node knows, all shown as up and normal: the tables do not tell."""
    return tuple(
        RingNode(
            address,
            str(row["host_id"]),
            row["data_center"],
            row["rack"],
            "U",
            "N",
            None,
            len(row["tokens"] or ()),
        )
        for address, row in current(local, peers)
    )


def read_owners(local: Row, peers: Sequence[Row]) -> tuple[TokenOwner, ...]:
    """Who owns which tokens, as one node knows it."""
    return tuple(
        TokenOwner(
            address, row["data_center"], row["rack"], tuple(sorted(int(t) for t in row["tokens"] or ()))
        )
        for address, row in current(local, peers)
    )


def current(local: Row, peers: Sequence[Row]) -> list[tuple[str, Row]]:
    """Each member once, by its address of now.

    A pod that restarts gets another address. For a while Cassandra lists such a node twice, under the same host id, and a row
    that is still being written lacks parts; neither is a member.
    """
    whole = [row for row in peers if row["host_id"] and row["data_center"] and row["rack"]]
    newest = {row["host_id"]: row for row in sorted(whole, key=lambda row: row["written"] or 0)}
    newest.pop(local["host_id"], None)
    found = [(str(row["peer"]), row) for row in whole if newest.get(row["host_id"]) is row]
    return [(str(local["broadcast_address"]), local), *found]


def read_schema_versions(
    nodes: Sequence[RingNode], local: Row, peers: Sequence[Row]
) -> Mapping[str, tuple[str, ...]]:
    """Schema version → addresses, as `nodetool describecluster` groups them: nodes that are down under UNREACHABLE."""
    told = {str(row["peer"]): row["schema_version"] for row in peers}
    told[str(local["broadcast_address"])] = local["schema_version"]
    versions: dict[str, list[str]] = {}
    for node in nodes:
        version = str(told.get(node.address) or UNKNOWN) if node.status == "U" else UNREACHABLE
        versions.setdefault(version, []).append(node.address)
    return {version: tuple(sorted(addresses)) for version, addresses in versions.items()}


def read_releases(local: Row, peers: Sequence[Row]) -> Mapping[str, tuple[str, ...]]:
    """Cassandra's release → addresses of the members that run it."""
    releases: dict[str, list[str]] = {}
    for address, row in current(local, peers):
        if release := row.get("release_version"):
            releases.setdefault(str(release), []).append(address)
    return {release: tuple(sorted(addresses)) for release, addresses in releases.items()}
