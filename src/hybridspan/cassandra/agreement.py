"""Waits until every live node has the same schema."""

from __future__ import annotations

import asyncio
from typing import Final

from hybridspan.cassandra import ring
from hybridspan.cassandra.session import CqlSession
from hybridspan.clock import Clock
from hybridspan.errors import TemporaryFailure

SECONDS: Final = 60.0
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
