"""Makes resource groups."""

from __future__ import annotations

from hybridspan.engine.step import Step
from hybridspan.plan.model import Decision
from hybridspan.plan.phases.groups import decide_group
from hybridspan.progress import Progress
from hybridspan.steps.region_step import RegionStep


class GroupStep(RegionStep):
    """A region's resource group."""

    deadline_seconds = 60.0

    async def check(self) -> Decision:
        """Looks whether it exists."""
        exists = await self.estate.azure(self.region).group_exists(self.region)
        return decide_group(self.estate.topology, self.region, exists)

    async def act(self, progress: Progress) -> None:
        """Makes it."""
        gateway = self.estate.azure(self.region)
        await gateway.ensure_group(self.region, self.estate.topology.name, progress)

    async def verify(self, progress: Progress) -> Decision:
        """Looks again."""
        return await self.check()


STEPS: dict[str, type[Step]] = {"group": GroupStep}
