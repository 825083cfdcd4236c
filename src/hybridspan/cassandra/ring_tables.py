"""Reads the tables in which one node keeps the ring and the schema, and makes facts of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from hybridspan.cassandra import ring
from hybridspan.cassandra.ranges import TokenOwner
from hybridspan.cassandra.session import CqlSession, Row
from hybridspan.facts.cassandra import RingFacts, RingNode


@dataclass(frozen=True, slots=True)
class RingTables:
    """Rows of one node's own tables."""

    local: Row
    peers: Sequence[Row]
    keyspaces: Sequence[Row]
    tables: Sequence[Row]

    @property
    def members(self) -> tuple[RingNode, ...]:
        """Every member as if it were up: the tables do not tell."""
        return ring.read_members(self.local, self.peers)

    def facts(self, nodes: Sequence[RingNode]) -> RingFacts:
        """The ring of those nodes, with the schema as the tables have it."""
        return RingFacts(
            seen_from=str(self.local["broadcast_address"]),
            nodes=tuple(nodes),
            schema_versions=ring.read_schema_versions(nodes, self.local, self.peers),
            keyspaces=ring.read_keyspaces(self.keyspaces, self.tables),
            cassandra_version=self.local["release_version"],
            cluster_name=self.local["cluster_name"],
            releases=ring.read_releases(self.local, self.peers),
        )


async def read_tables(cql: CqlSession) -> RingTables:
    """The tables of the session's node, at once."""
    local, peers, keyspaces, tables = await asyncio.gather(
        cql.query(ring.LOCAL), cql.query(ring.PEERS), cql.query(ring.KEYSPACES), cql.query(ring.TABLES)
    )
    return RingTables(local[0], peers, keyspaces, tables)


async def owners_seen_by(cql: CqlSession) -> tuple[TokenOwner, ...]:
    """Who owns which tokens, as the session's node knows it."""
    local, peers = await asyncio.gather(cql.query(ring.LOCAL), cql.query(ring.PEERS))
    return ring.read_owners(local[0], peers)
