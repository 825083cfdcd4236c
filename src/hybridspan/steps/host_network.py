"""Brings the first region's Cassandra to its machines' addresses, one node after the other."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from hybridspan.apigee.observe import apigee_facts
from hybridspan.apigee.overrides import edited, overrides_facts, read, write
from hybridspan.apigee.overrides_edits import with_host_network
from hybridspan.plan.model import Decision, needed
from hybridspan.plan.phases.host_network import by_argo, decide_host_network
from hybridspan.progress import Progress
from hybridspan.steps.datastore import apply_datastore, rolling
from hybridspan.steps.region_step import RegionStep


class HostNetworkStep(RegionStep):
    """`cassandra.hostNetwork: true` into the overrides, then the installer; the ring and the pods' addresses prove it."""

    deadline_seconds: float = 3600.0

    async def check(self) -> Decision:
        cluster = await self.estate.cluster(self.region)
        azure, apigee, objects, ring = await asyncio.gather(
            self.estate.azure(self.region).cluster_facts(self.region),
            apigee_facts(cluster, self.region.namespace),
            cluster.objects(self.region.namespace),
            self._ring(),
        )
        overrides = overrides_facts(self.estate.topology, self.region)
        application = by_argo(self.estate.topology, apigee)
        return decide_host_network(
            self.region, azure, overrides, apigee.datastore, objects, ring, application
        )

    async def act(self, progress: Progress) -> None:
        await asyncio.to_thread(self._edit)
        cluster = await self.estate.cluster(self.region)
        store = (await apigee_facts(cluster, self.region.namespace)).datastore
        if store is not None and store.host_network:
            return  # an earlier run applied it: only the restart is waited for
        await apply_datastore(self.estate, self.region, progress)

    def _edit(self) -> None:
        """The file as it was stays beside it."""
        path = self.region.overrides
        document = read(path)
        changed = edited(path, with_host_network)
        if changed.text != document.text:
            write(path.with_name(f"{path.name}.before-host-network"), document, path)
            write(path, changed, path)

    async def verify(self, progress: Progress) -> Decision:
        if left := await rolling(self.estate, self.region):
            progress(left, None, {})
            return needed(f"hostNetwork is set, and the change is not over: {left}")
        decision = await self.check()
        return decision if decision.is_done else needed(decision.reason)

    async def _ring(self) -> Any:
        return await (await self.estate.cassandra(self.region)).ring_facts()


STEPS: Final = {"host-network": HostNetworkStep}
