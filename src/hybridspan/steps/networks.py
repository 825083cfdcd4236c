"""Makes virtual networks with the subnets of the clusters."""

from __future__ import annotations

from hybridspan.engine.step import ProgressSink, Step
from hybridspan.observation.estate import Estate
from hybridspan.plan.model import Decision, PlannedStep
from hybridspan.plan.phases.networks import decide_network


class NetworkStep:
    """A region's virtual network with its declared subnet."""

    deadline_seconds = 300.0

    def __init__(self, planned: PlannedStep, estate: Estate) -> None:
        self.planned = planned
        self._estate = estate
        self._region = estate.topology.region(planned.region)

    async def check(self) -> Decision:
        """Looks whether it exists and is as declared."""
        network = await self._estate.azure(self._region).network_facts(self._region)
        return decide_network(self._estate.topology, self._region, network)

    async def act(self, progress: ProgressSink) -> None:
        """Makes it, or its missing subnet, and waits for all of it."""
        gateway = self._estate.azure(self._region)
        await gateway.ensure_network(self._region, self._estate.topology.name, progress)

    async def verify(self, progress: ProgressSink) -> Decision:
        """Looks again."""
        return await self.check()


STEPS: dict[str, type[Step]] = {"network": NetworkStep}
