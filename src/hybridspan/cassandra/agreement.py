"""Waits until every live node has the same schema: after a change of ours without fail, before one for a moment."""

from __future__ import annotations

import asyncio
from typing import Final

from hybridspan.cassandra import ring
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.cassandra.session import CqlSession
from hybridspan.clock import Clock
from hybridspan.errors import TemporaryFailure
from hybridspan.facts.cassandra import RingFacts

SECONDS: Final = 60.0
SETTLING_SECONDS: Final = 20.0
"""How long a plan waits for nodes that do not have one schema; one that has just joined takes some seconds to fetch it."""
_PAUSE: Final = 0.25


async def agreed(cql: CqlSession, clock: Clock) -> str:
    """The one schema version; TemporaryFailure where nodes still differ after a minute."""
    deadline = clock.monotonic() + SECONDS
    while True:
        local, peers = await asyncio.gather(cql.query(ring.LOCAL), cql.query(ring.PEERS))
        versions: dict[str, list[str]] = {}
        for address, row in ring.current(local[0], peers):
            versions.setdefault(str(row["schema_version"]), []).append(address)
        if len(versions) == 1:
            return next(iter(versions))
        if clock.monotonic() > deadline:
            groups = "; ".join(f"{version}: {', '.join(nodes)}" for version, nodes in versions.items())
            raise TemporaryFailure(
                "HS-CASS-017",
                "the nodes do not agree on the schema",
                why=groups,
                hint="nodetool describecluster shows who is apart; a node that is down must come back",
            )
        await clock.sleep(_PAUSE)


def live_versions(seen: RingFacts) -> tuple[str, ...]:
    """The schema versions of the nodes that are up and tell theirs."""
    return tuple(v for v in seen.schema_versions if v not in (ring.UNREACHABLE, ring.UNKNOWN))


async def settled(region: CassandraRegion, seen: RingFacts, clock: Clock) -> RingFacts:
    """The ring, looked at again for a while where live nodes differ in the schema."""
    deadline = clock.monotonic() + SETTLING_SECONDS
    while len(live_versions(seen)) > 1 and clock.monotonic() < deadline:
        await clock.sleep(1.0)
        seen = await region.ring_facts()
    return seen
