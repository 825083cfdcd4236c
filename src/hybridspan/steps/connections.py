"""What two steps ask: whether every Cassandra node reaches every other one on the TLS port, tried from inside the pods."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hybridspan.errors import PermanentFailure
from hybridspan.observation.estate import Estate
from hybridspan.plan.model import Decision
from hybridspan.plan.phases.reachability import Member, blamed, decide_reachability, silent
from hybridspan.topology.model import Region, RegionName


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


class Connections:
    """Of the nodes of a region with those of the regions before it: later ones have not joined yet."""

    def __init__(self, estate: Estate, region: Region) -> None:
        regions = estate.topology.regions
        self.port = estate.topology.cassandra.tls_port
        self.regions = regions[: regions.index(region) + 1]
        self._estate = estate

    async def closed(self) -> PermanentFailure | None:
        """Why nothing passes between nodes that run, this region's among them; None where it does, or nodes do not run."""
        look, own = await self.look(), self.regions[-1].name
        concerned = any(own in (end.region for end in (o, *goals)) for o, goals in look.failed.items())
        return look.failure(self.port, self.regions) if concerned and not look.missing else None

    async def look(self) -> Look:
        """Each connection tried now; TemporaryFailure where a pod cannot be asked."""
        members = await self._members()
        ring = await (await self._estate.cassandra(self.regions[0])).members() if members else None
        missing, failed = silent(self.regions, members, ring), await self._failed(members)
        return Look(missing, failed, decide_reachability(missing, members, failed, self.port))

    async def _members(self) -> list[Member]:
        """All Cassandra pods up to and with the region."""
        found: list[Member] = []
        for region in self.regions:
            cassandra = await self._estate.cassandra(region)
            found += [Member(region.name, pod.name, pod.address) for pod in await cassandra.pods()]
        return found

    async def _failed(self, members: list[Member]) -> dict[Member, tuple[Member, ...]]:
        answers = await asyncio.gather(*(self._unreached(origin, members) for origin in members))
        return {origin: goals for origin, goals in zip(members, answers, strict=True) if goals}

    async def _unreached(self, origin: Member, members: list[Member]) -> tuple[Member, ...]:
        others = {m.address: m for m in members if m != origin}
        cassandra = await self._estate.cassandra(self._estate.topology.region(origin.region))
        closed = await cassandra.unreachable_from(origin.pod, tuple(others), self.port)
        return tuple(others[address] for address in closed)
