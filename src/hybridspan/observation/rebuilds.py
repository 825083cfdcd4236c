"""Rebuilds as they are seen from outside, in every new region; kept from look to look for the sake of rates."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from hybridspan.errors import HybridspanError
from hybridspan.facts.cassandra import RebuildFacts
from hybridspan.facts.world import Unseen, WorldFacts
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

    async def look(self, facts: WorldFacts) -> WorldFacts:
        """The facts with what is received now; nothing where there is no ring yet. What could not be asked is unseen."""
        regions = [r for r in self._estate.topology.new_regions if facts.regions[r.name].nodes]
        found = await asyncio.gather(*(self._of(region, facts) for region in regions))
        rebuilds = tuple(seen for nodes, _ in found for seen in nodes)
        gaps = tuple(
            Unseen(str(region.name), "rebuilds", failure.to_document())
            for region, (_, failure) in zip(regions, found, strict=True)
            if failure is not None
        )
        return replace(facts, rebuilds=rebuilds, unseen=(*facts.unseen, *gaps))

    async def _of(
        self, region: Region, facts: WorldFacts
    ) -> tuple[tuple[RebuildFacts, ...], HybridspanError | None]:
        names = to_stream(facts.ring, region) if facts.ring else ()
        try:
            return await (await self._looks_at(region)).look(names) if names else ((), None)
        except HybridspanError as error:
            return (), error

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
