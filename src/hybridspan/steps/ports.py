"""Opens Cassandra's port between two subnets where a security group of theirs closes it."""

from __future__ import annotations

import asyncio

from hybridspan.apigee.overrides import says_host_network
from hybridspan.engine.step import Step
from hybridspan.facts.azure import RegionAzureFacts
from hybridspan.observation.estate import Estate
from hybridspan.plan.model import Decision, PlannedStep
from hybridspan.plan.phases.closings import closings
from hybridspan.plan.phases.peerings import pair_of
from hybridspan.plan.phases.ports import decide_ports
from hybridspan.progress import Progress


class PortsStep:
    """The security groups of two regions' subnets."""

    deadline_seconds = 120.0

    def __init__(self, planned: PlannedStep, estate: Estate) -> None:
        self.planned = planned
        self._estate = estate
        self._pair = pair_of(estate.topology, planned.id)

    async def check(self) -> Decision:
        """Judges the groups' rules; that packets pass is proved later, by connections from node to node."""
        first, second = await self._facts()
        on_machines = says_host_network(self._estate.topology)
        return decide_ports(self._estate.topology, self._pair, first, second, on_machines=on_machines)

    async def _facts(self) -> tuple[RegionAzureFacts, RegionAzureFacts]:
        first, second = await asyncio.gather(
            *(self._estate.azure(region).network_with_groups(region) for region in self._pair)
        )
        return first, second

    async def act(self, progress: Progress) -> None:
        """Adds just the rules that are missing."""
        first, second = await self._facts()
        topology = self._estate.topology
        on_machines = says_host_network(topology)
        for closing in closings(topology, self._pair, first, second, on_machines=on_machines):
            if closing.remedy is not None:
                gateway = self._estate.azure(closing.region)
                await gateway.ensure_rule(closing.group.id, closing.remedy, progress)

    async def verify(self, progress: Progress) -> Decision:
        """Judges again."""
        return await self.check()


STEPS: dict[str, type[Step]] = {"ports": PortsStep}
