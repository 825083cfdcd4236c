"""Makes and mends the peerings of a pair of regions."""

from __future__ import annotations

import asyncio

from hybridspan.engine.step import Step
from hybridspan.facts.azure import NetworkFacts
from hybridspan.observation.estate import Estate
from hybridspan.plan.model import Decision, PlannedStep
from hybridspan.plan.phases.peerings import decide_peering, pair_of, peering_name
from hybridspan.progress import Progress


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
        return decide_peering(self._pair, first, second)

    async def _networks(self) -> tuple[NetworkFacts | None, NetworkFacts | None]:
        first, second = await asyncio.gather(
            *(self._estate.azure(region).network_facts(region) for region in self._pair)
        )
        return first, second

    async def act(self, progress: Progress) -> None:
        """Brings both sides to Connected and FullyInSync."""
        (a, b), (first, second) = self._pair, await self._networks()
        topology = self._estate.topology
        await self._estate.azure(a).ensure_peering(
            a,
            peering_name(topology, a, b, first),
            b,
            peering_name(topology, b, a, second),
            progress,
        )

    async def verify(self, progress: Progress) -> Decision:
        """Looks again, at both sides."""
        return await self.check()


STEPS: dict[str, type[Step]] = {"peering": PeeringStep}
