"""Steps of a region that is somebody else's finished work: looked at once a run, and left alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hybridspan.apigee.observe import apigee_facts
from hybridspan.plan.model import Decision, PlannedStep, refused
from hybridspan.plan.phases.in_service import Seen, unfinished
from hybridspan.plan.phases.memory import remembered
from hybridspan.progress import Progress
from hybridspan.topology.model import Region

if TYPE_CHECKING:
    from hybridspan.observation.estate import Estate


class InService:
    """Whether a region still is in service; the steps of one run share the look."""

    def __init__(self, estate: Estate, region: Region) -> None:
        self._estate = estate
        self._region = region
        self._look: asyncio.Task[str] | None = None

    async def unfinished(self) -> str:
        """Why it is not, empty where it is."""
        if self._look is None or (self._look.done() and self._look.exception()):
            self._look = asyncio.create_task(self._seen())
        return await asyncio.shield(self._look)

    async def _seen(self) -> str:
        estate, first = self._estate, self._estate.topology.first
        there, here = await asyncio.gather(estate.cluster(first), estate.cluster(self._region))
        apigee, own = await asyncio.gather(
            apigee_facts(there, first.namespace), apigee_facts(here, self._region.namespace)
        )
        ring = await (await estate.cassandra(first)).ring_facts()
        kept = {
            key: value for key in remembered(estate.topology) if (value := estate.decided(key)) is not None
        }
        return unfinished(self._region, Seen(ring, apigee, own, kept))


class InServiceStep:
    """Done as long as the region serves as the plan saw it; otherwise refused, for another plan to decide."""

    deadline_seconds = 0.0

    def __init__(self, planned: PlannedStep, look: InService) -> None:
        self.planned = planned
        self._look = look

    async def check(self) -> Decision:
        if why := await self._look.unfinished():
            return refused(
                f"the plan saw {self.planned.region} in service, and now it is not: {why}",
                "nothing was copied or cleared; plan again, and read what it would do now",
            )
        return self.planned.decision

    async def act(self, progress: Progress) -> None:
        """Never needed."""

    async def verify(self, progress: Progress) -> Decision:
        return await self.check()
