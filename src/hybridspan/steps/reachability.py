"""Tries the TLS port from every Cassandra node to every other one."""

from __future__ import annotations

import asyncio

from hybridspan.engine.step import ProgressSink
from hybridspan.errors import PermanentFailure
from hybridspan.observation.estate import Estate
from hybridspan.plan.model import Decision, PlannedStep
from hybridspan.plan.phases.reachability import Member, blamed, decide_reachability

PATIENCE_SECONDS = 60.0
"""How long a port may stay closed: a rule or a route that was just made takes a moment."""


class ReachabilityStep:
    """Looks until all connections open; changes nothing."""

    deadline_seconds = 0.0

    def __init__(self, planned: PlannedStep, estate: Estate) -> None:
        self.planned = planned
        self._estate = estate
        self._port = estate.topology.cassandra.tls_port
        names = [str(region.name) for region in estate.topology.regions]
        self._regions = names[: names.index(str(planned.region)) + 1]

    async def check(self) -> Decision:
        members = await self._members()
        return decide_reachability(self._regions, members, await self._failed(members), self._port)

    async def act(self, progress: ProgressSink) -> None:
        clock = self._estate.clock
        deadline = clock.monotonic() + PATIENCE_SECONDS
        while True:
            members = await self._members()
            failed = await self._failed(members)
            decision = decide_reachability(self._regions, members, failed, self._port)
            if decision.is_done:
                return
            progress(decision.reason, None, {"closed": sum(len(goals) for goals in failed.values())})
            if clock.monotonic() > deadline:
                raise PermanentFailure(
                    "HS-CASS-022",
                    f"Cassandra nodes do not reach one another on port {self._port}",
                    where=blamed(failed),
                    why=decision.reason,
                    hint="look at the peering between these regions and at the security groups of their subnets",
                )
            await clock.sleep(2.0)

    async def verify(self, progress: ProgressSink) -> Decision:
        return await self.check()

    async def _members(self) -> list[Member]:
        """All Cassandra pods up to and with this step's region; later regions have not joined yet."""
        found: list[Member] = []
        for region in self._estate.topology.regions:
            cassandra = await self._estate.cassandra(region)
            found += [Member(region.name, pod.name, pod.address) for pod in await cassandra.pods()]
            if region.name == self.planned.region:
                break
        return found

    async def _failed(self, members: list[Member]) -> dict[Member, tuple[Member, ...]]:
        answers = await asyncio.gather(*(self._unreached(origin, members) for origin in members))
        return {origin: goals for origin, goals in zip(members, answers, strict=True) if goals}

    async def _unreached(self, origin: Member, members: list[Member]) -> tuple[Member, ...]:
        others = {m.address: m for m in members if m != origin}
        cassandra = await self._estate.cassandra(self._estate.topology.region(origin.region))
        closed = await cassandra.unreachable_from(origin.pod, tuple(others), self._port)
        return tuple(others[address] for address in closed)


STEPS = {"reachability": ReachabilityStep}
