"""Makes virtual networks with the subnets of the clusters."""

from __future__ import annotations

from hybridspan.engine.step import Step
from hybridspan.plan.model import Decision
from hybridspan.plan.phases.networks import decide_network
from hybridspan.progress import Progress
from hybridspan.steps.region_step import RegionStep


class NetworkStep(RegionStep):
    """A region's virtual network with its declared subnet."""

    deadline_seconds = 300.0

    async def check(self) -> Decision:
        """Looks whether it exists and is as declared."""
        network = await self.estate.azure(self.region).network_facts(self.region)
        return decide_network(self.estate.topology, self.region, network)

    async def act(self, progress: Progress) -> None:
        """Makes it, or its missing subnet, and waits for all of it."""
        gateway = self.estate.azure(self.region)
        await gateway.ensure_network(self.region, self.estate.topology.name, progress)

    async def verify(self, progress: Progress) -> Decision:
        """Looks again."""
        return await self.check()


STEPS: dict[str, type[Step]] = {"network": NetworkStep}
