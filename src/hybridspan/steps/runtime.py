"""Installs everything of Apigee but the datastore, once the region's data is proved."""

from __future__ import annotations

import asyncio
from typing import Final

from hybridspan.apigee.observe import apigee_facts
from hybridspan.plan.model import Decision, needed
from hybridspan.plan.phases.runtime import decide_runtime
from hybridspan.progress import Progress
from hybridspan.steps.region_step import RegionStep


class RuntimeStep(RegionStep):
    """`apigeectl apply` of everything, then `check-ready` until it says yes."""

    deadline_seconds: float = 1800.0

    async def check(self) -> Decision:
        first, own = await asyncio.gather(
            self.estate.cluster(self.estate.topology.first), self.estate.cluster(self.region)
        )
        there, here = await asyncio.gather(
            apigee_facts(first, self.estate.topology.first.namespace),
            apigee_facts(own, self.region.namespace),
        )
        return decide_runtime(there, here)

    async def act(self, progress: Progress) -> None:
        if self.estate.topology.installer == "helm":
            return  # its releases are steps of their own: here they are waited for
        installer = await self.estate.apigeectl(self.region)
        await installer.apply(self.region.overrides, lambda line: progress(line, None, {}))

    async def verify(self, progress: Progress) -> Decision:
        decision = await self.check()
        if not decision.is_done:
            return needed(decision.reason)
        if self.estate.topology.installer == "helm":
            return decision
        installer = await self.estate.apigeectl(self.region)
        is_ready, told = await installer.check_ready(self.region.overrides)
        return decision if is_ready else needed(f"apigeectl check-ready: {told}")


STEPS: Final = {"runtime": RuntimeStep}
