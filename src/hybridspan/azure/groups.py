"""Resource groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hybridspan.azure.calls import ArmCalls, Document
from hybridspan.azure.networks import Clients
from hybridspan.facts import azure_bodies as bodies
from hybridspan.progress import Progress
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region


class Groups:
    """Reads and makes resource groups."""

    def __init__(self, clients: Clients, calls: ArmCalls) -> None:
        self._clients = clients
        self._calls = calls

    async def document(self, region: Region) -> Document | None:
        """The region's resource group, or None."""

        def call() -> Any:
            return self._clients(region.subscription).resources.resource_groups.get(region.resource_group)

        return await self._calls.read(call, azure_ids.group_id(region))

    async def ensure(self, region: Region, marks: Mapping[str, str], progress: Progress) -> bool:
        """Make the group where it is missing; one that exists keeps its location and its tags. True where it was made."""

        async def once() -> bool:
            if await self.document(region) is not None:
                return False
            body = bodies.group(region, marks)

            def call() -> Any:
                groups = self._clients(region.subscription).resources.resource_groups
                return groups.create_or_update(region.resource_group, body)

            await self._calls.write("PUT", azure_ids.group_id(region), call, progress)
            return True

        return await self._calls.persist(once, progress)
