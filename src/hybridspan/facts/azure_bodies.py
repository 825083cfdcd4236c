"""The documents that we send. Each is whole: nothing is left to a default that another client or another year would choose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any, Final

import hybridspan
from hybridspan.facts.azure import ClusterFacts, SecurityRuleFacts
from hybridspan.topology.model import NodePool, Region, Subnet

TOPOLOGY_TAG: Final = "hybridspan-topology"
REGION_TAG: Final = "hybridspan-region"
VERSION_TAG: Final = "hybridspan-version"


def tags(topology_name: str, region: Region) -> dict[str, str]:
    """The marks on what we make, so that a later run knows its own."""
    return {TOPOLOGY_TAG: topology_name, REGION_TAG: region.name, VERSION_TAG: hybridspan.__version__}


def is_marked(topology_name: str, marks: Iterable[tuple[str, str]]) -> bool:
    """Whether a run for that topology made what carries these tags."""
    return dict(marks).get(TOPOLOGY_TAG) == topology_name


def network(region: Region, marks: Mapping[str, str]) -> dict[str, Any]:
    """A virtual network with its subnets, as `az network vnet create` makes it."""
    return {
        "location": region.name,
        "tags": dict(marks),
        "properties": {
            "addressSpace": {"addressPrefixes": [str(p) for p in region.network.address_prefixes]},
            "enableDdosProtection": False,
            "subnets": [{"name": each.name, **subnet(each)} for each in region.network.subnets],
        },
    }


def subnet(declared: Subnet) -> dict[str, Any]:
    """A declared subnet."""
    return {"properties": {"addressPrefix": str(declared.prefix)}}


def with_prefixes(document: Mapping[str, Any], added: Sequence[IPv4Network]) -> dict[str, Any]:
    """The same network with further ranges, everything else as Azure gave it."""
    properties = document["properties"]
    space = properties["addressSpace"]
    every = [*space["addressPrefixes"], *(str(p) for p in added)]
    return {**document, "properties": {**properties, "addressSpace": {**space, "addressPrefixes": every}}}


def peering(remote_network_id: str) -> dict[str, Any]:
    """One direction, as `az network vnet peering create --allow-vnet-access` makes it."""
    return {
        "properties": {
            "remoteVirtualNetwork": {"id": remote_network_id},
            "allowVirtualNetworkAccess": True,
            "allowForwardedTraffic": False,
            "allowGatewayTransit": False,
            "useRemoteGateways": False,
        }
    }


_PEERING_OPTIONS: Final = (
    "remoteVirtualNetwork",
    "allowVirtualNetworkAccess",
    "allowForwardedTraffic",
    "allowGatewayTransit",
    "useRemoteGateways",
    "doNotVerifyRemoteGateways",
    "peerCompleteVnets",
    "enableOnlyIPv6Peering",
    "localSubnetNames",
    "remoteSubnetNames",
)


def peering_again(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same peering once more, with the options that somebody chose for it and nothing that Azure adds."""
    properties = document.get("properties") or {}
    kept = {key: properties[key] for key in _PEERING_OPTIONS if key in properties}
    return {"properties": {**kept, "remoteVirtualNetwork": {"id": kept["remoteVirtualNetwork"]["id"]}}}


def rule(wanted: SecurityRuleFacts) -> dict[str, Any]:
    """A security rule."""
    return {
        "properties": {
            "priority": wanted.priority,
            "direction": wanted.direction,
            "access": wanted.access,
            "protocol": wanted.protocol,
            **_one_or_many("sourceAddressPrefix", "sourceAddressPrefixes", wanted.sources),
            **_one_or_many("sourcePortRange", "sourcePortRanges", wanted.source_ports),
            **_one_or_many("destinationAddressPrefix", "destinationAddressPrefixes", wanted.destinations),
            **_one_or_many("destinationPortRange", "destinationPortRanges", wanted.destination_ports),
            "description": "Cassandra between data centers, added by hybridspan",
        }
    }


def _one_or_many(one: str, many: str, values: tuple[str, ...]) -> dict[str, Any]:
    return {one: values[0]} if len(values) == 1 else {many: list(values)}


@dataclass(frozen=True, slots=True)
class Placement:
    """Ids of the subnets that a cluster's nodes, and pods where they have their own, take their addresses from."""

    nodes: str
    pods: str | None = None


def cluster(region: Region, place: Placement, like: ClusterFacts, marks: Mapping[str, str]) -> dict[str, Any]:
    """A managed cluster with all its pools, its network plugin stated as `like` has it."""
    declared = region.cluster
    pools = [{"name": p.name, **pool(p, place, marks)["properties"]} for p in declared.node_pools]
    return {
        "location": region.name,
        "tags": dict(marks),
        "identity": {"type": "SystemAssigned"},
        "sku": {"name": "Base", "tier": "Premium" if like.is_long_term else "Standard"},
        "properties": {
            "kubernetesVersion": declared.kubernetes_version or like.kubernetes_version,
            "supportPlan": "AKSLongTermSupport" if like.is_long_term else "KubernetesOfficial",
            "dnsPrefix": dns_prefix(region),
            "enableRBAC": True,
            "agentPoolProfiles": pools,
            "networkProfile": _network_profile(region, like),
            "oidcIssuerProfile": {"enabled": True},
            "securityProfile": {"workloadIdentity": {"enabled": True}},
            "servicePrincipalProfile": {"clientId": "msi"},
        },
    }


def dns_prefix(region: Region) -> str:
    """The first part of the API server's name: letters, digits and hyphens, at most 54 characters."""
    allowed = "".join(c if c.isalnum() else "-" for c in region.cluster.name)
    return allowed.strip("-")[:54].strip("-")


def _network_profile(region: Region, like: ClusterFacts) -> dict[str, Any]:
    declared = region.cluster
    profile: dict[str, Any] = {
        "networkPlugin": like.network_plugin,
        "serviceCidr": str(declared.service_cidr),
        "dnsServiceIP": str(dns_address(declared.service_cidr)),
        "loadBalancerSku": "standard",
        "outboundType": "loadBalancer",
    }
    if like.network_plugin_mode:
        profile["networkPluginMode"] = like.network_plugin_mode
    if not like.pods_are_routable and declared.pod_cidr is not None:
        profile["podCidr"] = str(declared.pod_cidr)
    return profile


def dns_address(service_cidr: IPv4Network) -> str:
    """The tenth address of the service range, where clusters have their DNS by custom."""
    return str(service_cidr.network_address + 10)


def pool(declared: NodePool, place: Placement, marks: Mapping[str, str]) -> dict[str, Any]:
    """An agent pool in the declared network; it has marks of its own, for its cluster may be somebody else's."""
    properties: dict[str, Any] = {
        "count": declared.count,
        "vmSize": declared.vm_size,
        "mode": declared.mode,
        "osType": "Linux",
        "type": "VirtualMachineScaleSets",
        "vnetSubnetID": place.nodes,
        "nodeLabels": dict(declared.labels),
        "tags": dict(marks),
    }
    if place.pods is not None:
        properties["podSubnetID"] = place.pods
    if declared.max_pods is not None:
        properties["maxPods"] = declared.max_pods
    if declared.zones:
        properties["availabilityZones"] = list(declared.zones)
    return {"properties": properties}


def raised_pool(document: Mapping[str, Any], declared: NodePool) -> dict[str, Any]:
    """The pool as Azure gave it, with at least the declared nodes and labels; never fewer of either."""
    properties = dict(document["properties"])
    properties["count"] = max(int(properties.get("count") or 0), declared.count)
    properties["nodeLabels"] = {**(properties.get("nodeLabels") or {}), **dict(declared.labels)}
    return {"properties": properties}


NETWORK_CONTRIBUTOR: Final = "4d97b98b-1d4f-4787-a291-c67834d212e7"
"""Azure's built-in role, the same in every tenant."""


def grant(region: Region, principal: str) -> dict[str, Any]:
    """A role assignment that lets a cluster's identity use its subnet."""
    return {
        "properties": {
            "roleDefinitionId": f"/subscriptions/{region.subscription}/providers/"
            f"Microsoft.Authorization/roleDefinitions/{NETWORK_CONTRIBUTOR}",
            "principalId": principal,
            "principalType": "ServicePrincipal",
        }
    }


def group(region: Region, marks: Mapping[str, str]) -> dict[str, Any]:
    """A resource group."""
    return {"location": region.name, "tags": dict(marks)}
