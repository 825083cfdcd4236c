"""What the rest of hybridspan may ask of Azure, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from threading import Lock
from typing import Any

from hybridspan.azure import documents
from hybridspan.azure.calls import ArmCalls, Recorder
from hybridspan.azure.clients import AzureClients
from hybridspan.azure.cloud import AzureCloud
from hybridspan.azure.clusters import Clusters
from hybridspan.azure.credentials import SignIn
from hybridspan.azure.groups import Groups
from hybridspan.azure.networks import Networks
from hybridspan.azure.offers import Offers
from hybridspan.azure.peerings import Memory, Peerings
from hybridspan.azure.rest import get_all
from hybridspan.azure.security import SecurityGroups
from hybridspan.clock import Clock, SystemClock
from hybridspan.errors import PermanentFailure
from hybridspan.facts import azure_bodies as bodies
from hybridspan.facts import azure_versions as api_versions
from hybridspan.facts.azure import (
    ClusterFacts,
    NetworkFacts,
    OfferFacts,
    PermissionFacts,
    RegionAzureFacts,
    SecurityGroupFacts,
    SecurityRuleFacts,
)
from hybridspan.plan.phases.pools import machines_to_come
from hybridspan.progress import Progress, quiet
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region


class AzureGateway:
    """Azure as hybridspan uses it: regions are looked at, and what they lack is made.

    `subscription` is the one that it mostly serves; a region of another one, a peering into another one and a security group
    that lies elsewhere are reached with the same sign-in. Every `ensure_` looks first, writes only what is missing, waits
    for the end, and says whether it wrote. All raise TemporaryFailure and PermanentFailure with HS-AZURE codes.
    """

    def __init__(
        self, cloud: AzureCloud, subscription: str, record: Recorder, *, clock: Clock | None = None
    ) -> None:
        self.cloud = cloud
        self.subscription = subscription
        self._sign_in = SignIn(cloud)
        self._clients: dict[str, AzureClients] = {}
        self._lock = Lock()
        self._calls = calls = ArmCalls(record, clock or SystemClock())
        self._groups = Groups(self._clients_of, calls)
        self._networks = Networks(self._clients_of, calls)
        self._peerings = Peerings(self._clients_of, calls, self._networks)
        self._security = SecurityGroups(self._clients_of, calls)
        self._clusters = Clusters(self._clients_of, calls, cloud)
        self._offers = Offers(self._clients_of, calls)

    def _clients_of(self, subscription: str) -> AzureClients:
        with self._lock:
            if subscription not in self._clients:
                self._clients[subscription] = AzureClients(self.cloud, subscription, self._sign_in)
            return self._clients[subscription]

    async def region_facts(self, region: Region) -> RegionAzureFacts:
        """What Azure has of the region; None for what does not exist."""
        exists, document, cluster = await asyncio.gather(
            self.group_exists(region), self._networks.document(region), self.cluster_facts(region)
        )
        network = None if document is None else documents.network(document)
        groups = await self._security_groups(network, self._security.document)
        offer = await self._offer_to_come(region, cluster)
        unassigned = await self._clusters.unassigned(cluster)
        return RegionAzureFacts(exists, network, groups, cluster, offer, unassigned)

    async def _offer_to_come(self, region: Region, cluster: ClusterFacts | None) -> OfferFacts | None:
        """What the location has for the machines that are to come, or None where none are: the first region gets none in any case."""
        pools = machines_to_come(region, cluster) if region.copy_from else []
        if not pools or (cluster is None and region.cluster.id):
            return None
        return await self._offers.facts(
            replace(region, cluster=replace(region.cluster, node_pools=tuple(pools)))
        )

    async def network_with_groups(self, region: Region) -> RegionAzureFacts:
        """The network and its subnets' security groups alone, a moment old at most; the rest is not looked at."""
        network = await self.network_facts(region)
        return RegionAzureFacts(
            True, network, await self._security_groups(network, self._security.seen), None
        )

    async def permissions(self, scope: str) -> tuple[PermissionFacts, ...]:
        """What the caller may do at that scope, by role, inherited rights included."""
        path = f"{scope}/providers/Microsoft.Authorization/permissions"

        def call() -> Any:
            client = self._clients_of(scope.split("/")[2]).rest
            return get_all(client, path, api_versions.AUTHORIZATION)

        document = await self._calls.read(call, scope)
        return tuple(documents.permission(item) for item in (document or {}).get("value") or ())

    async def offer(self, region: Region) -> OfferFacts:
        """What the region's location has for a cluster."""
        return await self._offers.facts(region)

    async def group_exists(self, region: Region) -> bool:
        """Whether the region's resource group exists."""
        return await self._groups.document(region) is not None

    async def network_facts(self, region: Region) -> NetworkFacts | None:
        """The region's virtual network with its subnets and peerings, a moment old at most, or None."""
        document = await self._networks.seen(region)
        return None if document is None else documents.network(document)

    async def cluster_facts(self, region: Region) -> ClusterFacts | None:
        """The region's cluster with its pools, or None."""
        document = await self._clusters.document(region)
        return None if document is None else documents.cluster(document)

    async def _security_groups(
        self, network: NetworkFacts | None, look: Callable[[str], Awaitable[Any]]
    ) -> tuple[SecurityGroupFacts, ...]:
        """The groups of all the network's subnets, each once."""
        ids = {
            s.security_group_id.lower(): s.security_group_id for s in _subnets(network) if s.security_group_id
        }
        found = await asyncio.gather(*(look(ids[key]) for key in sorted(ids)))
        return tuple(documents.security_group(item) for item in found if item is not None)

    async def ensure_group(self, region: Region, topology_name: str, progress: Progress = quiet) -> bool:
        """The region's resource group."""
        return await self._groups.ensure(region, bodies.tags(topology_name, region), progress)

    async def ensure_network(self, region: Region, topology_name: str, progress: Progress = quiet) -> bool:
        """The region's virtual network with its declared subnet, at rest."""
        return await self._networks.ensure(region, bodies.tags(topology_name, region), progress)

    async def ensure_peering(
        self,
        first: Region,
        first_name: str,
        second: Region,
        second_name: str,
        memory: Memory,
        progress: Progress = quiet,
    ) -> bool:
        """Both directions between two regions' networks, Connected and in step; the names are for missing ones.

        The memory has what a torn pair was, from before it is deleted until it is whole again.
        """
        return await self._peerings.ensure(first, first_name, second, second_name, memory, progress)

    async def ensure_cluster(
        self, region: Region, like: ClusterFacts, topology_name: str, progress: Progress = quiet
    ) -> bool:
        """The region's cluster in its declared subnet, its network plugin that of `like`, with all declared pools."""
        network = await self._networks.at_rest(region, progress)
        ids = []
        for declared in region.network.subnets:
            subnet = network.subnet(declared.name)
            if subnet is None:
                raise PermanentFailure(
                    "HS-AZURE-021",
                    "there is no such subnet",
                    where=azure_ids.subnet_id(region, declared),
                    hint="run apply from its beginning: the network is made first",
                )
            ids.append(subnet.id)
        marks = bodies.tags(topology_name, region)
        return await self._clusters.ensure(region, bodies.Placement(*ids), like, marks, progress)

    async def ensure_rule(self, group_id: str, rule: SecurityRuleFacts, progress: Progress = quiet) -> bool:
        """A rule in that network security group."""
        return await self._security.ensure_rule(group_id, rule, progress)

    async def credentials(self, region: Region) -> bytes | None:
        """The kubeconfig that Azure gives for the region's cluster, or None where there is no cluster. It is a secret."""
        return await self.credentials_of(azure_ids.cluster_id(region))

    async def credentials_of(self, cluster_id: str) -> bytes | None:
        """The kubeconfig that Azure gives for that cluster, or None where there is none. It is a secret."""
        return await self._clusters.kubeconfig(cluster_id)

    async def clusters_of(self, subscription: str, resource_group: str) -> tuple[ClusterFacts, ...]:
        """All clusters of a resource group."""
        found = await self._clusters.of_group(subscription, resource_group)
        return tuple(documents.cluster(document) for document in found)

    async def network_at(self, network_id: str) -> NetworkFacts | None:
        """The virtual network of that id, wherever it lies, or None."""
        document = await self._networks.at(network_id)
        return None if document is None else documents.network(document)

    async def close(self) -> None:
        """Close every connection."""
        with self._lock:
            opened, self._clients = list(self._clients.values()), {}
        for clients in opened:
            await asyncio.to_thread(clients.close)
        await asyncio.to_thread(self._sign_in.close)
        self._calls.close()


def _subnets(network: NetworkFacts | None) -> tuple[Any, ...]:
    return () if network is None else network.subnets
