"""The ring, its keyspaces and its nodes as last seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

SYSTEM_KEYSPACES = ("system_auth", "system_distributed", "system_traces")
"""Replicated keyspaces of Cassandra's own, in the order in which they get a new data center."""

LOCAL_KEYSPACES = frozenset({"system", "system_schema", "system_virtual_schema", "system_views"})
"""Keyspaces on LocalStrategy or virtual: every node has its own, nothing is replicated."""


@dataclass(frozen=True, slots=True)
class RingNode:
    """One line of `nodetool status`."""

    address: str
    host_id: str
    datacenter: str
    rack: str
    status: Literal["U", "D"]
    state: Literal["N", "L", "J", "M"]
    load_bytes: int | None
    tokens: int

    @property
    def is_up_normal(self) -> bool:
        return self.status == "U" and self.state == "N"


@dataclass(frozen=True, slots=True)
class Replication:
    """A keyspace's strategy: `factors` by data center; for SimpleStrategy the one factor under ''."""

    strategy: Literal["NetworkTopologyStrategy", "SimpleStrategy", "LocalStrategy", "EverywhereStrategy"]
    factors: Mapping[str, int]

    def factor(self, datacenter: str) -> int:
        return self.factors.get(datacenter, 0)

    def can_be_compared(self, datacenter: str) -> bool:
        """Whether a replica there has another one to be compared with, in whichever data center that is."""
        return self.factor(datacenter) > 0 and sum(self.factors.values()) > 1


@dataclass(frozen=True, slots=True)
class KeyspaceFacts:
    """A keyspace, its replication and its tables."""

    name: str
    replication: Replication
    tables: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        return self.name in LOCAL_KEYSPACES or self.replication.strategy == "LocalStrategy"


@dataclass(frozen=True, slots=True)
class AvailableRanges:
    """A node's progress record for one keyspace (`system.available_ranges_v2`)."""

    keyspace: str
    full_ranges: int
    transient_ranges: int


REPAIR_AGE_SECONDS: Final = 10 * 24 * 3600.0
"""A repair older than this proves nothing: deletions are forgotten after `gc_grace_seconds`, ten days by default."""


@dataclass(frozen=True, slots=True)
class StreamProgress:
    """What one node receives from one peer, from `nodetool netstats`."""

    peer: str
    plan: str
    operation: str
    files: int
    files_total: int
    bytes: int
    bytes_total: int


@dataclass(frozen=True, slots=True)
class Hindrances:
    """What keeps a data center's nodes from receiving, as they themselves show it."""

    full: Mapping[str, int] = field(default_factory=dict)
    """Bytes that are free, by pod, of those whose disk is full."""
    closed: tuple[str, ...] = ()
    """Addresses of the source that some node does not reach on Cassandra's port."""


@dataclass(frozen=True, slots=True)
class RebuildFacts:
    """One node that receives its data now."""

    pod: str
    datacenter: str
    keyspace: str
    """Which one is under way; `all` where one command rebuilds them all, empty where that is not known."""
    keyspaces_done: int
    keyspaces_total: int
    bytes: int
    """Of the streams that could be seen: what had ended before nobody tells."""
    bytes_total: int
    files: int
    seconds_left: float | None
    """At the present rate; None where there is none to judge by."""


@dataclass(frozen=True, slots=True)
class RingFacts:
    """The ring as one node of a data center saw it."""

    seen_from: str
    nodes: tuple[RingNode, ...]
    schema_versions: Mapping[str, tuple[str, ...]]
    """Schema version → addresses; more than one version is a disagreement. UNREACHABLE is a version too."""
    keyspaces: tuple[KeyspaceFacts, ...] = ()
    cassandra_version: str = ""
    cluster_name: str = ""
    releases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Cassandra's release → addresses, as far as the node that was asked knows."""

    @property
    def before_4(self) -> str:
        """The release of a member that is older than 4.0, empty where none is: it has no `nodetool repair --preview`, and takes no
        two repairs of the same data at a time."""
        return next((release for release in sorted(self.releases) if int(release.split(".")[0]) < 4), "")

    @property
    def datacenters(self) -> tuple[str, ...]:
        """Data centers in order of first appearance."""
        return tuple(dict.fromkeys(n.datacenter for n in self.nodes))

    def of(self, datacenter: str) -> tuple[RingNode, ...]:
        return tuple(n for n in self.nodes if n.datacenter == datacenter)

    @property
    def data_keyspaces(self) -> tuple[KeyspaceFacts, ...]:
        """Those that are not Cassandra's own."""
        return tuple(k for k in self.keyspaces if not k.is_local and not k.name.startswith("system_"))

    def keyspace(self, name: str) -> KeyspaceFacts | None:
        return next((k for k in self.keyspaces if k.name == name), None)

    @property
    def schema_agrees(self) -> bool:
        return len(self.schema_versions) == 1 and "UNREACHABLE" not in self.schema_versions


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One Cassandra pod: what pre-flight and rebuild ask of it."""

    pod: str
    address: str
    datacenter: str
    data_bytes: int | None
    disk_free_bytes: int | None
    clock_offset_seconds: float | None
    """Its clock minus ours, as far as one round trip tells."""
    own_name_resolves: bool | None
    available_ranges: tuple[AvailableRanges, ...] = ()
    last_repair: Mapping[str, float] = field(default_factory=dict)
    """Keyspace → Unix time of the last successful full repair, as far as Cassandra's tables tell."""
    clock_doubt_seconds: float = 0.0
    """How far the offset may be wrong."""
