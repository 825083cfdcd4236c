"""What the portal sends for an estate made by hand: bodies of networks, peerings and managed clusters.

Nothing here is sent, and nothing is filled in that the Resource Manager fills in by itself.
"""

from __future__ import annotations

from typing import Any

from hybridspan.topology import azure_ids
from hybridspan.topology.model import NodePool, Region


def peering_document(other: Region) -> dict[str, Any]:
    """A peering towards another region's network, as `az network vnet peering create --allow-vnet-access` sends it."""
    return {
        "properties": {
            "remoteVirtualNetwork": {"id": azure_ids.network_id(other)},
            "allowVirtualNetworkAccess": True,
            "allowForwardedTraffic": False,
            "allowGatewayTransit": False,
            "useRemoteGateways": False,
        }
    }


def network_document(region: Region) -> dict[str, Any]:
    """The virtual network with its subnets: the nodes', and the pods' where they have one."""
    return {
        "location": region.name,
        "properties": {
            "addressSpace": {"addressPrefixes": [str(prefix) for prefix in region.network.address_prefixes]},
            "subnets": [
                {"name": subnet.name, "properties": {"addressPrefix": str(subnet.prefix)}}
                for subnet in region.network.subnets
            ],
        },
    }


def cluster_document(region: Region) -> dict[str, Any]:
    """The managed cluster with its agent pools."""
    cluster = region.cluster
    plugin = cluster.network_plugin or ("azure-overlay" if cluster.pod_cidr else "azure")
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
        "agentPoolProfiles": [_pool_document(region, pool) for pool in cluster.node_pools],
    }
    if cluster.kubernetes_version is not None:
        properties["kubernetesVersion"] = cluster.kubernetes_version
    return {"location": region.name, "identity": {"type": "SystemAssigned"}, "properties": properties}


def _pool_document(region: Region, pool: NodePool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": pool.name,
        "count": pool.count,
        "vmSize": pool.vm_size,
        "mode": pool.mode,
        "osType": "Linux",
        "type": "VirtualMachineScaleSets",
        "vnetSubnetID": azure_ids.subnet_id(region),
        "nodeLabels": dict(pool.labels),
    }
    if pods := region.network.pod_subnet:
        document["podSubnetID"] = azure_ids.subnet_id(region, pods)
    if pool.max_pods is not None:
        document["maxPods"] = pool.max_pods
    if pool.zones:
        document["availabilityZones"] = list(pool.zones)
    return document
