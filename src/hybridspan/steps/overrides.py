"""Writes the new region's overrides file, and the seed into it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from hybridspan.apigee.observe import apigee_facts
from hybridspan.apigee.overrides import derived, edited, overrides_facts, write
from hybridspan.apigee.overrides_edits import with_seed
from hybridspan.errors import PermanentFailure
from hybridspan.facts.apigee import DatastoreFacts
from hybridspan.facts.cassandra import RingFacts
from hybridspan.plan.model import Decision
from hybridspan.plan.phases.overrides import choose_seed, decide_overrides, decide_seed
from hybridspan.progress import Progress
from hybridspan.steps.region_step import RegionStep


class OverridesStep(RegionStep):
    """The first region's file with what may differ changed, and nothing else."""

    deadline_seconds: float = 5.0

    async def check(self) -> Decision:
        return decide_overrides(overrides_facts(self.estate.topology, self.region))

    async def act(self, progress: Progress) -> None:
        topology = self.estate.topology
        wanted = derived(topology, self.region)
        await asyncio.to_thread(write, self.region.overrides, wanted, topology.first.overrides)


class SeedStep(RegionStep):
    """The seed, looked up in the ring just before it is needed."""

    deadline_seconds: float = 5.0

    async def check(self) -> Decision:
        ring, store = await asyncio.gather(self._ring(), self._store())
        return decide_seed(self.region, ring, overrides_facts(self.estate.topology, self.region), store)

    async def act(self, progress: Progress) -> None:
        chosen = choose_seed(await self._ring(), self.region)
        if chosen.address is None:
            raise PermanentFailure(
                "HS-APIGEE-012",
                "there is no node that could be the seed",
                where=str(self.region.datacenter),
                why=chosen.reason,
                hint="bring the nodes up (nodetool status), then run apply again",
            )
        progress(chosen.reason, None, {"seed": chosen.address})
        path = self.region.overrides
        seeded = edited(path, partial(with_seed, address=chosen.address))
        await asyncio.to_thread(write, path, seeded, path)

    async def _ring(self) -> RingFacts:
        return await (await self.estate.cassandra(self.estate.topology.first)).ring_facts()

    async def _store(self) -> DatastoreFacts | None:
        cluster = await self.estate.cluster_or_none(self.region)
        return (await apigee_facts(cluster, self.region.namespace)).datastore if cluster else None


STEPS: Final = {"overrides": OverridesStep, "seed": SeedStep}
