"""Makes resource groups."""

from __future__ import annotations

from hybridspan.engine.step import ProgressSink, Step
from hybridspan.observation.estate import Estate
from hybridspan.plan.model import Decision, PlannedStep
from hybridspan.plan.phases.groups import decide_group


class GroupStep:
    """A region's resource group."""

    deadline_seconds = 60.0

    def __init__(self, planned: PlannedStep, estate: Estate) -> None:
        self.planned = planned
        self._estate = estate
        self._region = estate.topology.region(planned.region)

    async def check(self) -> Decision:
        """Looks whether it exists."""
        exists = await self._estate.azure(self._region).group_exists(self._region)
        return decide_group(self._estate.topology, self._region, exists)

    async def act(self, progress: ProgressSink) -> None:
        """Makes it."""
        gateway = self._estate.azure(self._region)
        await gateway.ensure_group(self._region, self._estate.topology.name, progress)

    async def verify(self, progress: ProgressSink) -> Decision:
        """Looks again."""
        return await self.check()


STEPS: dict[str, type[Step]] = {"group": GroupStep}
