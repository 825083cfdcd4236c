"""What installation there is, from the resource groups where it may lie: clusters, their networks, datastores and ring.

Read-only. What cannot be reached is told and left out; nothing here is fatal but that nothing at all can be asked.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybridspan.errors import HybridspanError
from hybridspan.facts.azure import ClusterFacts
from hybridspan.facts.cassandra import RingFacts
from hybridspan.observation.description import Found, FoundRegion, in_order, subnets_of, without_twins
from hybridspan.secrets import write_private
from hybridspan.topology.model import (
    Cluster,
    DatacenterName,
    Network,
    Region,
    RegionName,
    Subnet,
)

if TYPE_CHECKING:
    from hybridspan.azure.gateway import AzureGateway
    from hybridspan.kubernetes.cluster import KubernetesCluster


def _nothing(_kind: str, _document: Mapping[str, Any]) -> None:
    """Looking leaves no record."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where to look: resource groups with their subscriptions, contexts of the person's, the runtime's namespace."""

    groups: tuple[tuple[str, str], ...]
    contexts: tuple[str, ...]
    namespace: str


async def discover(gateway: AzureGateway, where: Where) -> Found:
    """Every cluster of these groups that has a datastore, in the order in which a topology lists them."""
    listed = await asyncio.gather(*(gateway.clusters_of(*group) for group in where.groups))
    clusters = [cluster for found in listed for cluster in found]
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hybridspan-")))
        looks = [_Look(gateway, where, cluster, folder, stack) for cluster in clusters]
        seen = await asyncio.gather(*(look.region() for look in looks))
        regions, remarks = without_twins([r for r in seen if isinstance(r, FoundRegion)])
        ordered = in_order(regions, where.contexts)
        ring = await _ring(ordered, {look.cluster.id: look for look in looks})
    told = [r for r in seen if isinstance(r, str)]
    if isinstance(ring, str):
        return Found(ordered, None, (*told, *remarks, ring))
    return Found(ordered, ring, (*told, *remarks))


async def _ring(regions: Sequence[FoundRegion], looks: Mapping[str, _Look]) -> RingFacts | str:
    """The ring as the first region that answers sees it, or why none does."""
    why = "no region has a datastore"
    for region in regions:
        try:
            return await looks[region.cluster.id].ring(region)
        except HybridspanError as failure:
            why = f"the ring could not be asked in {region.location}: {failure}"
    return why


class _Look:
    """One cluster, looked at."""

    def __init__(
        self,
        gateway: AzureGateway,
        where: Where,
        cluster: ClusterFacts,
        folder: Path,
        stack: AsyncExitStack,
    ) -> None:
        self.cluster = cluster
        self._gateway = gateway
        self._where = where
        self._folder = folder
        self._stack = stack
        self._connected: KubernetesCluster | None = None

    async def region(self) -> FoundRegion | str:
        """The region that this cluster is, or why it is none."""
        try:
            return await self._region()
        except HybridspanError as failure:
            return f"AKS cluster {self.cluster.name} could not be looked at: {failure}"

    async def _region(self) -> FoundRegion | str:
        from hybridspan.apigee.observe import apigee_facts

        nodes, _ = subnets_of(self.cluster)
        network = await self._gateway.network_at(nodes.split("/subnets/")[0]) if nodes else None
        if network is None:
            return f"AKS cluster {self.cluster.name} lies in no network of its own: left out"
        context, self._connected = await self._connect()
        self._stack.push_async_callback(self._connected.close)
        apigee = await apigee_facts(self._connected, self._where.namespace)
        if apigee.datastore is None:
            return f"AKS cluster {self.cluster.name} has no Apigee datastore in namespace {self._where.namespace}: left out"
        return FoundRegion(self.cluster, network, apigee.datastore, apigee.hybrid_version, context)

    async def _connect(self) -> tuple[str | None, KubernetesCluster]:
        """By a context of the person's that leads to the same authority, else with what Azure gives."""
        from hybridspan.kubernetes.cluster import KubernetesCluster
        from hybridspan.kubernetes.kubeconfig import authority_of, context_with_authority

        content = await self._gateway.credentials_of(self.cluster.id) or b""
        path = self._folder / f"{self.cluster.name}.kubeconfig"
        write_private(path, content)
        context = context_with_authority(self._where.contexts, authority_of(path))
        file = None if context else path
        return context, await KubernetesCluster.connect(file, context, self.cluster.name, _nothing)

    async def ring(self, region: FoundRegion) -> RingFacts:
        """The ring as this region's Cassandra sees it."""
        from hybridspan.cassandra.region import CassandraRegion

        if self._connected is None:
            raise AssertionError("a ring is asked for after its region was found")
        cassandra = await CassandraRegion.open(
            self._connected, as_declared(region, self._where.namespace), _nothing
        )
        try:
            return await cassandra.ring_facts()
        finally:
            await cassandra.close()


def as_declared(region: FoundRegion, namespace: str) -> Region:
    """The region as far as looking into its Cassandra needs it."""
    network, cluster = region.network, region.cluster
    prefixes = network.address_prefixes
    place = cluster.id.split("/")
    return Region(
        name=RegionName(region.location),
        role="active",
        datacenter=DatacenterName(region.store.datacenter),
        rack=region.store.rack,
        subscription=place[2],
        resource_group=place[4],
        namespace=namespace,
        network=Network(network.name, prefixes, Subnet(network.name, prefixes[0]), id=network.id),
        cluster=Cluster(cluster.name, None, None, (), prefixes[0], None, None, id=cluster.id),
        overrides=Path(),
        cassandra_nodes=region.store.replicas,
        copy_from=None,
    )
