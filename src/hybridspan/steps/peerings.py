"""Makes and mends the peerings of a pair of regions."""

from __future__ import annotations

import asyncio

from hybridspan.engine.step import Step
from hybridspan.facts.azure import NetworkFacts
from hybridspan.observation.estate import Estate
from hybridspan.plan.model import Decision, PlannedStep
from hybridspan.plan.phases.peerings import connected_otherwise, decide_peering, pair_of, peering_name
from hybridspan.plan.phases.torn_peerings import TornSide, torn_key_of
from hybridspan.progress import Progress
from hybridspan.topology.model import Region


class PeeringStep:
    """Both directions between two regions."""

    deadline_seconds = 300.0

    def __init__(self, planned: PlannedStep, estate: Estate) -> None:
        self.planned = planned
        self._estate = estate
        self._pair = pair_of(estate.topology, planned.id)

    async def check(self) -> Decision:
        """Looks at both sides."""
        first, second = await self._networks()
        decision = decide_peering(self._pair, first, second)
        if decision.is_done and not connected_otherwise(self._pair):
            self._forget()  # somebody may have made it whole since a run of ours was stopped
        return decision

    def _forget(self) -> None:
        """What the pair was before it was torn; a later tear must not bring that back."""
        for local, remote in (self._pair, self._pair[::-1]):
            if self._estate.decided(torn_key_of(local, remote)) is not None:
                self._estate.decide(torn_key_of(local, remote), None)

    async def _networks(self) -> tuple[NetworkFacts | None, NetworkFacts | None]:
        first, second = await asyncio.gather(
            *(self._estate.azure(region).network_facts(region) for region in self._pair)
        )
        return first, second

    async def act(self, progress: Progress) -> None:
        """Brings both sides to Connected and FullyInSync."""
        (a, b), (first, second) = self._pair, await self._networks()
        await self._estate.azure(a).ensure_peering(
            a,
            self._name(a, b, first),
            b,
            self._name(b, a, second),
            self._estate,
            progress,
        )

    def _name(self, local: Region, remote: Region, network: NetworkFacts | None) -> str:
        torn = TornSide.read(self._estate.decided(torn_key_of(local, remote)))
        return peering_name(self._estate.topology, local, remote, network, torn)

    async def verify(self, progress: Progress) -> Decision:
        """Looks again, at both sides."""
        return await self.check()


STEPS: dict[str, type[Step]] = {"peering": PeeringStep}
