"""Takes the seed out of the file and of the live datastore, and waits until the restarted nodes are back."""

from __future__ import annotations

import asyncio
from typing import Final

from hybridspan.apigee.observe import DATASTORE, apigee_facts
from hybridspan.apigee.overrides import edited, overrides_facts, read, write
from hybridspan.apigee.overrides_edits import without_seed
from hybridspan.plan.model import Decision, needed
from hybridspan.plan.phases.seed_removal import decide_seed_removal
from hybridspan.progress import Progress
from hybridspan.steps.datastore import apply_datastore, rolling
from hybridspan.steps.region_step import RegionStep


class SeedOutStep(RegionStep):
    """Row 17 of the procedure; runs only after the region's data was verified."""

    deadline_seconds: float = 1800.0

    async def check(self) -> Decision:
        cluster = await self.estate.cluster(self.region)
        overrides = overrides_facts(self.estate.topology, self.region)
        apigee, left = await asyncio.gather(
            apigee_facts(cluster, self.region.namespace), rolling(self.estate, self.region)
        )
        store = apigee.datastore
        if left and store is not None and overrides.seed is None and store.seed_host is None:
            return needed(f"after the seed went: {left}")
        source = await self.estate.cassandra(self.estate.topology.first)
        return decide_seed_removal(self.region, overrides, store, await source.ring_facts())

    async def act(self, progress: Progress) -> None:
        path = self.region.overrides
        document = await asyncio.to_thread(read, path)
        clean = await asyncio.to_thread(edited, path, without_seed)
        if clean.text != document.text:
            await asyncio.to_thread(write, path, clean, path)
        if await self._live_seed() is None:
            return  # a run before this one applied it: only the restart is waited for
        await apply_datastore(self.estate, self.region, progress)

    async def verify(self, progress: Progress) -> Decision:
        decision = await self.check()
        return decision if decision.is_done else needed(decision.reason)

    async def _live_seed(self) -> str | None:
        cluster = await self.estate.cluster(self.region)
        found = await cluster.get(DATASTORE, "ApigeeDatastore", "default", self.region.namespace)
        components = ((found or {}).get("spec") or {}).get("components") or {}
        properties = (components.get("cassandra") or {}).get("properties") or {}
        return properties.get("multiRegionSeedHost") or None


STEPS: Final = {"seed-out": SeedOutStep}
