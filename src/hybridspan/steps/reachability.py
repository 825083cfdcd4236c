"""Tries the TLS port from every Cassandra node to every other one."""

from __future__ import annotations

from hybridspan.observation.estate import Estate
from hybridspan.plan.model import Decision, PlannedStep
from hybridspan.progress import Progress
from hybridspan.steps.connections import Connections

PATIENCE_SECONDS = 60.0
"""How long a port may stay closed: a rule or a route that was just made takes a moment."""


class ReachabilityStep:
    """Looks until all connections open; changes nothing."""

    deadline_seconds = 0.0

    def __init__(self, planned: PlannedStep, estate: Estate) -> None:
        self.planned = planned
        self._clock = estate.clock
        self._connections = Connections(estate, estate.topology.region(planned.region))

    async def check(self) -> Decision:
        return (await self._connections.look()).decision

    async def act(self, progress: Progress) -> None:
        deadline = self._clock.monotonic() + PATIENCE_SECONDS
        while True:
            look = await self._connections.look()
            if look.decision.is_done:
                return
            progress(
                look.decision.reason, None, {"closed": sum(len(goals) for goals in look.failed.values())}
            )
            if self._clock.monotonic() > deadline:
                raise look.failure(self._connections.port, self._connections.regions)
            await self._clock.sleep(2.0)

    async def verify(self, progress: Progress) -> Decision:
        return await self.check()


STEPS = {"reachability": ReachabilityStep}
