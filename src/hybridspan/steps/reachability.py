"""Tries the TLS port from every Cassandra node to every other one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hybridspan.errors import PermanentFailure
from hybridspan.observation.estate import Estate
from hybridspan.plan.model import Decision, PlannedStep
from hybridspan.plan.phases.reachability import Member, blamed, decide_reachability, silent
from hybridspan.progress import Progress
from hybridspan.topology.model import Region, RegionName

PATIENCE_SECONDS = 60.0
"""How long a port may stay closed: a rule or a route that was just made takes a moment."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was missing, what was closed, and what that means."""

    missing: Mapping[RegionName, str]
    failed: Mapping[Member, tuple[Member, ...]]
    decision: Decision

    def failure(self, port: int, regions: Sequence[Region]) -> PermanentFailure:
        """Why there is no going on: nodes that do not run, or connections that do not open."""
        if self.missing:
            asked = " and ".join(f"{region.kubectl} get pods -l app=apigee-cassandra" for region in regions)
            return PermanentFailure(
                "HS-CASS-023",
                "Cassandra nodes that belong to the ring do not run",
                where=" and ".join(self.missing),
                why=self.decision.reason,
                hint=f"{asked} shows what they wait for",
            )
        return PermanentFailure(
            "HS-CASS-022",
            f"Cassandra nodes do not reach one another on port {port}",
            where=blamed(self.failed),
            why=self.decision.reason,
            hint="look at the peering between these regions, or at what connects them otherwise (the hub's routes, the VPN), and"
            " at the security groups of their subnets",
        )


class ReachabilityStep:
    """Looks until all connections open; changes nothing."""

    deadline_seconds = 0.0

    def __init__(self, planned: PlannedStep, estate: Estate) -> None:
        self.planned = planned
        self._estate = estate
        self._port = estate.topology.cassandra.tls_port
        regions = estate.topology.regions
        self._regions = regions[: regions.index(estate.topology.region(planned.region)) + 1]

    async def check(self) -> Decision:
        return (await self._look()).decision

    async def act(self, progress: Progress) -> None:
        clock = self._estate.clock
        deadline = clock.monotonic() + PATIENCE_SECONDS
        while True:
            look = await self._look()
            if look.decision.is_done:
                return
            progress(
                look.decision.reason, None, {"closed": sum(len(goals) for goals in look.failed.values())}
            )
            if clock.monotonic() > deadline:
                raise look.failure(self._port, self._regions)
            await clock.sleep(2.0)

    async def verify(self, progress: Progress) -> Decision:
        return await self.check()

    async def closed(self) -> PermanentFailure | None:
        """Why nothing passes between nodes that run, this region's among them; None where it does, or nodes do not run."""
        look, own = await self._look(), self.planned.region
        concerned = any(own in (end.region for end in (o, *goals)) for o, goals in look.failed.items())
        return look.failure(self._port, self._regions) if concerned and not look.missing else None

    async def _look(self) -> Look:
        members = await self._members()
        ring = await (await self._estate.cassandra(self._regions[0])).members() if members else None
        missing, failed = silent(self._regions, members, ring), await self._failed(members)
        return Look(missing, failed, decide_reachability(missing, members, failed, self._port))

    async def _members(self) -> list[Member]:
        """All Cassandra pods up to and with this step's region; later regions have not joined yet."""
        found: list[Member] = []
        for region in self._regions:
            cassandra = await self._estate.cassandra(region)
            found += [Member(region.name, pod.name, pod.address) for pod in await cassandra.pods()]
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
