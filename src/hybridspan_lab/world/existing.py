"""Builds the existing estate's part in Azure: regions as their owner made them by hand, some time ago.

It goes through the lab's own Resource Manager over HTTPS, as the portal or `az` would.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any, Final, Self

import aiohttp

from hybridspan.errors import PermanentFailure
from hybridspan.secrets import Secret
from hybridspan.topology.model import NodePool, Region
from hybridspan_lab.arm.credentials import CLIENT, TENANT

GROUP_VERSION: Final = "2021-04-01"
NETWORK_VERSION: Final = "2024-05-01"
CLUSTER_VERSION: Final = "2024-09-01"
OPERATION_SECONDS: Final = 600.0
_POLL_SECONDS: Final = 0.2
PASSING: Final = ("ReferencedResourceNotProvisioned", "AnotherOperationInProgress")
"""Refusals that go away: a network that is still being written cannot be peered yet."""


class ByHand:
    """A person at the Resource Manager. Use it as an asynchronous context manager."""

    def __init__(self, endpoint: str, authority: Path, secret: Secret) -> None:
        self._endpoint = endpoint
        self._authority = authority
        self._secret = secret
        self._session: aiohttp.ClientSession | None = None
        self._token = ""

    async def __aenter__(self) -> Self:
        tls = ssl.create_default_context(cafile=str(self._authority))
        # trust_env stays off: what a proxy variable says does not concern loopback.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls))
        form = {
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "client_secret": self._secret.reveal(),
            "scope": f"{self._endpoint}/.default",
        }
        url = f"{self._endpoint}/{TENANT}/oauth2/v2.0/token"
        async with self._session.post(url, data=form) as answer:
            self._token = (await _checked(answer, "token"))["access_token"]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def create(self, regions: Sequence[Region]) -> None:
        """Resource groups, virtual networks with their subnets, peerings among all of them, and the AKS clusters."""
        groups: dict[str, str] = {}
        for region in regions:
            groups.setdefault(_group(region), region.name)
        for group, location in groups.items():
            await self._put(group, GROUP_VERSION, {"location": location})
        await asyncio.gather(*(self._network(region) for region in regions))
        for region, other in permutations(regions, 2):
            peering = f"{_network(region)}/virtualNetworkPeerings/{region.name}-to-{other.name}"
            await self._put(peering, NETWORK_VERSION, peering_document(other))
        # The requests in the regions' order: the first cluster is a person's current context.
        for region in regions:
            await self._request(
                "PUT", _cluster(region), CLUSTER_VERSION, cluster_document(region, _subnet(region))
            )
        await asyncio.gather(*(self._until_made(_cluster(region), CLUSTER_VERSION) for region in regions))

    async def _network(self, region: Region) -> None:
        await self._put(_network(region), NETWORK_VERSION, network_document(region))

    async def _put(self, path: str, version: str, document: Mapping[str, Any]) -> None:
        async with asyncio.timeout(OPERATION_SECONDS):
            while not await self._accepted(path, version, document):  # noqa: ASYNC110  # Azure sends no events
                await asyncio.sleep(_POLL_SECONDS)
        await self._until_made(path, version)

    async def _accepted(self, path: str, version: str, document: Mapping[str, Any]) -> bool:
        """Whether the write was taken; False for a refusal that goes away."""
        try:
            await self._request("PUT", path, version, document)
        except PermanentFailure as refusal:
            if not any(code in (refusal.why or "") for code in PASSING):
                raise
            return False
        return True

    async def _until_made(self, path: str, version: str) -> None:
        async with asyncio.timeout(OPERATION_SECONDS):
            while (state := await self._state(path, version)) != "Succeeded":
                if state in ("Failed", "Canceled"):
                    raise _refused(path, f"its provisioning state is {state}")
                await asyncio.sleep(_POLL_SECONDS)

    async def _state(self, path: str, version: str) -> str:
        document = await self._request("GET", path, version)
        return str(document.get("properties", {}).get("provisioningState"))

    async def _request(
        self, method: str, path: str, version: str, document: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        if self._session is None:
            raise RuntimeError("used outside its context")
        headers = {"Authorization": f"Bearer {self._token}"}
        url = f"{self._endpoint}{path}"
        async with self._session.request(
            method, url, params={"api-version": version}, json=document, headers=headers
        ) as answer:
            return await _checked(answer, path)


def _group(region: Region) -> str:
    return f"/subscriptions/{region.subscription}/resourcegroups/{region.resource_group}"


def _network(region: Region) -> str:
    return f"{_group(region)}/providers/Microsoft.Network/virtualNetworks/{region.network.name}"


def _subnet(region: Region) -> str:
    return f"{_network(region)}/subnets/{region.network.subnet.name}"


def _cluster(region: Region) -> str:
    return f"{_group(region)}/providers/Microsoft.ContainerService/managedClusters/{region.cluster.name}"


def peering_document(other: Region) -> dict[str, Any]:
    """A peering towards another region's network, as `az network vnet peering create --allow-vnet-access` sends it."""
    return {
        "properties": {
            "remoteVirtualNetwork": {"id": _network(other)},
            "allowVirtualNetworkAccess": True,
            "allowForwardedTraffic": False,
            "allowGatewayTransit": False,
            "useRemoteGateways": False,
        }
    }


def network_document(region: Region) -> dict[str, Any]:
    """The virtual network with its subnet, as the portal sends it."""
    subnet = region.network.subnet
    return {
        "location": region.name,
        "properties": {
            "addressSpace": {"addressPrefixes": [str(prefix) for prefix in region.network.address_prefixes]},
            "subnets": [{"name": subnet.name, "properties": {"addressPrefix": str(subnet.prefix)}}],
        },
    }


def cluster_document(region: Region, subnet_id: str) -> dict[str, Any]:
    """The managed cluster with its agent pools, as the portal sends it."""
    cluster = region.cluster
    plugin = cluster.network_plugin or "azure"
    profile: dict[str, Any] = {
        "networkPlugin": "azure" if plugin.startswith("azure") else plugin,
        "serviceCidr": str(cluster.service_cidr),
        "dnsServiceIP": str(cluster.service_cidr[10]),
    }
    if plugin == "azure-overlay":
        profile["networkPluginMode"] = "overlay"
    if cluster.pod_cidr is not None:
        profile["podCidr"] = str(cluster.pod_cidr)
    properties: dict[str, Any] = {
        "dnsPrefix": f"{cluster.name}-dns",
        "networkProfile": profile,
        "agentPoolProfiles": [_pool_document(pool, subnet_id) for pool in cluster.node_pools],
    }
    if cluster.kubernetes_version is not None:
        properties["kubernetesVersion"] = cluster.kubernetes_version
    return {"location": region.name, "identity": {"type": "SystemAssigned"}, "properties": properties}


def _pool_document(pool: NodePool, subnet_id: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": pool.name,
        "count": pool.count,
        "vmSize": pool.vm_size,
        "mode": pool.mode,
        "osType": "Linux",
        "type": "VirtualMachineScaleSets",
        "vnetSubnetID": subnet_id,
        "nodeLabels": dict(pool.labels),
    }
    if pool.max_pods is not None:
        document["maxPods"] = pool.max_pods
    if pool.zones:
        document["availabilityZones"] = list(pool.zones)
    return document


async def _checked(answer: aiohttp.ClientResponse, path: str) -> dict[str, Any]:
    if answer.status >= 400:
        raise _refused(path, f"{answer.status}: {(await answer.text())[:1000]}")
    document: dict[str, Any] = await answer.json() if await answer.read() else {}
    return document


def _refused(path: str, why: str) -> PermanentFailure:
    return PermanentFailure(
        "HS-LAB-022",
        "the lab's Azure did not make a part of the existing estate",
        where=path,
        why=why,
        hint="look at that region in the topology: real Azure would most likely refuse the same",
    )
