"""What the steps of one region share: what was planned, the way to the world, and that looking again is their proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybridspan.plan.model import Decision, PlannedStep
from hybridspan.progress import Progress

if TYPE_CHECKING:
    from hybridspan.observation.estate import Estate


class RegionStep:
    """A step about the region that the plan names; whoever derives from it says how to `check` and to `act`."""

    deadline_seconds: float = 60.0

    def __init__(self, planned: PlannedStep, estate: Estate) -> None:
        self.planned = planned
        self.estate = estate
        self.region = estate.topology.region(planned.region)

    async def check(self) -> Decision:
        raise NotImplementedError

    async def act(self, progress: Progress) -> None:
        raise NotImplementedError

    async def verify(self, progress: Progress) -> Decision:
        """As it is after the act: the same look as before it, unless a step has more to wait for."""
        return await self.check()
