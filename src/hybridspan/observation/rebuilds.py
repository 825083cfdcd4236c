"""Rebuilds as they are seen from outside, in every new region; kept from look to look for the sake of rates."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from hybridspan.errors import HybridspanError
from hybridspan.facts.cassandra import RebuildFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.observation.estate import Estate
from hybridspan.plan.phases.rebuild import to_stream
from hybridspan.topology.model import Region
from hybridspan.topology.releases import replication_of

if TYPE_CHECKING:
    from hybridspan.cassandra.rebuild_looks import RebuildLooks


class RebuildWatch:
    """Every new region of an estate."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._regions: dict[str, RebuildLooks] = {}

    async def look(self, facts: WorldFacts) -> tuple[RebuildFacts, ...]:
        """What is received now; nothing where there is no ring yet."""
        regions = [r for r in self._estate.topology.new_regions if facts.regions[r.name].nodes]
        found = await asyncio.gather(*(self._of(region, facts) for region in regions))
        return tuple(seen for nodes in found for seen in nodes)

    async def _of(self, region: Region, facts: WorldFacts) -> tuple[RebuildFacts, ...]:
        names = to_stream(facts.ring, region) if facts.ring else ()
        # Its source may be out of reach; the look has said so already.
        with contextlib.suppress(HybridspanError):
            return await (await self._looks_at(region)).look(names) if names else ()
        return ()

    async def _looks_at(self, region: Region) -> RebuildLooks:
        from hybridspan.cassandra.rebuild_looks import RebuildLooks

        if region.name not in self._regions:
            topology = self._estate.topology
            target = await self._estate.cassandra(region)
            source = await self._estate.cassandra(topology.region_of(str(region.copy_from)))
            self._regions[region.name] = RebuildLooks(
                target,
                source,
                topology.cassandra.tls_port,
                self._estate.clock,
                by_operator=replication_of(topology).is_resource,
            )
        return self._regions[region.name]
