"""Makes the new regions' AKS clusters."""

from __future__ import annotations

import asyncio

from hybridspan.engine.step import Step
from hybridspan.errors import PermanentFailure
from hybridspan.facts.azure import ClusterFacts, OfferFacts
from hybridspan.plan.model import Decision
from hybridspan.plan.phases.clusters import decide_cluster
from hybridspan.plan.phases.new_clusters import completed
from hybridspan.progress import Progress
from hybridspan.steps.region_step import RegionStep
from hybridspan.topology.model import Region


class ClusterStep(RegionStep):
    """A new region's cluster, like the first one's."""

    deadline_seconds = 900.0

    async def check(self) -> Decision:
        """Looks at both clusters."""
        first, own = await asyncio.gather(
            self._cluster_of(self.estate.topology.first), self._cluster_of(self.region)
        )
        offer = None if own else await self._offer()
        return decide_cluster(self.region, own, first, offer, topology_name=self.estate.topology.name)

    async def _offer(self) -> OfferFacts:
        return await self.estate.azure(self.region).offer(self.region)

    async def _cluster_of(self, region: Region) -> ClusterFacts | None:
        return await self.estate.azure(region).cluster_facts(region)

    async def act(self, progress: Progress) -> None:
        """Makes the cluster or its missing pools; one that is being made is waited for, not made again."""
        like, own = await asyncio.gather(
            self._cluster_of(self.estate.topology.first), self._cluster_of(self.region)
        )
        if like is None:
            raise PermanentFailure(
                "HS-AZURE-021",
                "the first region has no AKS cluster to be like",
                where=self.estate.topology.first.name,
                hint="install hybrid there first, by its own guide",
            )
        made = completed(self.region, like, await self._offer(), own)
        gateway = self.estate.azure(self.region)
        await gateway.ensure_cluster(made, like, self.estate.topology.name, progress)

    async def verify(self, progress: Progress) -> Decision:
        """Looks again."""
        return await self.check()


STEPS: dict[str, type[Step]] = {"cluster": ClusterStep}
