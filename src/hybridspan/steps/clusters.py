"""Makes the new regions' AKS clusters."""

from __future__ import annotations

import asyncio

from hybridspan.engine.step import ProgressSink, Step
from hybridspan.errors import PermanentFailure
from hybridspan.facts.azure import ClusterFacts, OfferFacts
from hybridspan.observation.estate import Estate
from hybridspan.plan.model import Decision, PlannedStep
from hybridspan.plan.phases.clusters import decide_cluster
from hybridspan.plan.phases.new_clusters import completed
from hybridspan.topology.model import Region


class ClusterStep:
    """A new region's cluster, like the first one's."""

    deadline_seconds = 900.0

    def __init__(self, planned: PlannedStep, estate: Estate) -> None:
        self.planned = planned
        self._estate = estate
        self._region = estate.topology.region(planned.region)

    async def check(self) -> Decision:
        """Looks at both clusters."""
        first, own = await asyncio.gather(
            self._cluster_of(self._estate.topology.first), self._cluster_of(self._region)
        )
        offer = None if own else await self._offer()
        return decide_cluster(self._region, own, first, offer)

    async def _offer(self) -> OfferFacts:
        return await self._estate.azure(self._region).offer(self._region)

    async def _cluster_of(self, region: Region) -> ClusterFacts | None:
        return await self._estate.azure(region).cluster_facts(region)

    async def act(self, progress: ProgressSink) -> None:
        """Makes the cluster or its missing pools; one that is being made is waited for, not made again."""
        like = await self._cluster_of(self._estate.topology.first)
        if like is None:
            raise PermanentFailure(
                "HS-AZURE-021",
                "the first region has no AKS cluster to be like",
                where=self._estate.topology.first.name,
                hint="install hybrid there first, by its own guide",
            )
        made = completed(self._region, like, await self._offer())
        gateway = self._estate.azure(self._region)
        await gateway.ensure_cluster(made, like, self._estate.topology.name, progress)

    async def verify(self, progress: ProgressSink) -> Decision:
        """Looks again."""
        return await self.check()


STEPS: dict[str, type[Step]] = {"cluster": ClusterStep}
