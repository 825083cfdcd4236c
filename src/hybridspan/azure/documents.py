"""From Azure's documents to facts. A document is JSON as the Resource Manager gives it; keys that may be missing are missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Network, ip_network
from typing import Any, Final

from hybridspan.facts.azure import (
    ClusterFacts,
    NetworkFacts,
    NodePoolFacts,
    PeeringFacts,
    PermissionFacts,
    SecurityGroupFacts,
    SecurityRuleFacts,
    SubnetFacts,
)

LONG_TERM: Final = "AKSLongTermSupport"
"""AKS's name for the plan."""
Document = Mapping[str, Any]


def network(document: Document) -> NetworkFacts:
    """A virtual network with its subnets and peerings."""
    properties = document.get("properties") or {}
    return NetworkFacts(
        id=document["id"],
        name=document["name"],
        location=document.get("location", ""),
        address_prefixes=_ranges((properties.get("addressSpace") or {}).get("addressPrefixes")),
        subnets=tuple(subnet(item) for item in properties.get("subnets") or ()),
        peerings=tuple(peering(item) for item in properties.get("virtualNetworkPeerings") or ()),
        etag=document.get("etag", ""),
        provisioning_state=properties.get("provisioningState", "Succeeded"),
        tags=_pairs(document.get("tags")),
        references=tuple(dict.fromkeys(_references(properties))),
    )


_JOINED: Final = ("networkSecurityGroup", "routeTable", "natGateway")


def _references(network: Document) -> Iterator[str]:
    for item in network.get("subnets") or ():
        properties = item.get("properties") or {}
        named = [properties.get(field) or {} for field in _JOINED]
        yield from (
            n["id"] for n in (*named, *(properties.get("serviceEndpointPolicies") or ())) if n.get("id")
        )
    if plan := (network.get("ddosProtectionPlan") or {}).get("id"):
        yield plan


def subnet(document: Document) -> SubnetFacts:
    """A subnet; it has one prefix or several, under different keys."""
    properties = document.get("properties") or {}
    prefixes = properties.get("addressPrefixes") or [properties.get("addressPrefix")]
    return SubnetFacts(
        id=document["id"],
        name=document["name"],
        prefixes=_ranges(prefixes),
        security_group_id=(properties.get("networkSecurityGroup") or {}).get("id"),
        provisioning_state=properties.get("provisioningState", "Succeeded"),
    )


def peering(document: Document) -> PeeringFacts:
    """One direction of a peering."""
    properties = document.get("properties") or {}
    remote = properties.get("remoteVirtualNetworkAddressSpace") or properties.get("remoteAddressSpace") or {}
    return PeeringFacts(
        id=document["id"],
        name=document["name"],
        remote_network_id=(properties.get("remoteVirtualNetwork") or {}).get("id", ""),
        state=properties.get("peeringState", ""),
        sync_level=properties.get("peeringSyncLevel", "FullyInSync"),
        allow_access=bool(properties.get("allowVirtualNetworkAccess", False)),
        provisioning_state=properties.get("provisioningState", "Succeeded"),
        remote_prefixes=_ranges(remote.get("addressPrefixes")),
    )


def security_group(document: Document) -> SecurityGroupFacts:
    """A network security group with its own rules, lowest priority number first."""
    rules = [_rule(item) for item in (document.get("properties") or {}).get("securityRules") or ()]
    return SecurityGroupFacts(
        id=document["id"],
        name=document["name"],
        rules=tuple(sorted(rules, key=lambda rule: (rule.direction, rule.priority))),
        etag=document.get("etag", ""),
    )


def _rule(document: Document) -> SecurityRuleFacts:
    properties = document.get("properties") or {}
    return SecurityRuleFacts(
        name=document["name"],
        priority=int(properties["priority"]),
        direction=properties["direction"],
        access=properties["access"],
        protocol=properties["protocol"],
        sources=_one_or_many(properties, "sourceAddressPrefix", "sourceAddressPrefixes"),
        source_ports=_one_or_many(properties, "sourcePortRange", "sourcePortRanges"),
        destinations=_one_or_many(properties, "destinationAddressPrefix", "destinationAddressPrefixes"),
        destination_ports=_one_or_many(properties, "destinationPortRange", "destinationPortRanges"),
    )


def cluster(document: Document) -> ClusterFacts:
    """A managed cluster with its agent pools."""
    properties = document.get("properties") or {}
    profile = properties.get("networkProfile") or {}
    access = properties.get("apiServerAccessProfile") or {}
    return ClusterFacts(
        id=document["id"],
        name=document["name"],
        location=document.get("location", ""),
        kubernetes_version=properties.get("currentKubernetesVersion")
        or properties.get("kubernetesVersion", ""),
        network_plugin=profile.get("networkPlugin", ""),
        network_plugin_mode=profile.get("networkPluginMode") or None,
        service_cidr=_range(profile.get("serviceCidr")),
        pod_cidr=_range(profile.get("podCidr")),
        node_pools=tuple(_pool(item) for item in properties.get("agentPoolProfiles") or ()),
        provisioning_state=properties.get("provisioningState", ""),
        power_state=(properties.get("powerState") or {}).get("code", "Running"),
        node_resource_group=properties.get("nodeResourceGroup", ""),
        tags=_pairs(document.get("tags")),
        is_private=bool(access.get("enablePrivateCluster")),
        etag=document.get("eTag") or "",
        is_long_term=str(properties.get("supportPlan", "")).lower() == LONG_TERM.lower(),
        needs_entra_login=bool(properties.get("disableLocalAccounts")),
        oidc_issuer=(properties.get("oidcIssuerProfile") or {}).get("issuerURL") or "",
        principal_id=(document.get("identity") or {}).get("principalId") or "",
    )


def _pool(document: Document) -> NodePoolFacts:
    limit = document.get("maxPods")
    return NodePoolFacts(
        name=document["name"],
        count=int(document.get("count") or 0),
        vm_size=document.get("vmSize", ""),
        mode=document.get("mode", "User"),
        max_pods=None if limit is None else int(limit),
        zones=tuple(document.get("availabilityZones") or ()),
        labels=_pairs(document.get("nodeLabels")),
        subnet_id=document.get("vnetSubnetID"),
        provisioning_state=document.get("provisioningState", ""),
        pod_subnet_id=document.get("podSubnetID"),
        etag=document.get("eTag") or "",
        tags=_pairs(document.get("tags")),
    )


def permission(document: Document) -> PermissionFacts:
    """What one role allows at a scope."""
    return PermissionFacts(tuple(document.get("actions") or ()), tuple(document.get("notActions") or ()))


def _ranges(values: Iterable[str | None] | None) -> tuple[IPv4Network, ...]:
    """The IPv4 ranges among them; a dual-stack network's IPv6 ranges play no part here."""
    found = (_range(value) for value in values or ())
    return tuple(item for item in found if item is not None)


@lru_cache(maxsize=4096)
def _range(value: str | None) -> IPv4Network | None:
    if not value:
        return None
    parsed = ip_network(value, strict=False)
    return parsed if isinstance(parsed, IPv4Network) else None


def _one_or_many(properties: Document, one: str, many: str) -> tuple[str, ...]:
    """Azure puts a single value under one key and several under another; either may be empty."""
    if several := properties.get(many):
        return tuple(several)
    single = properties.get(one)
    return (single,) if single else ()


def _pairs(mapping: Document | None) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(k), str(v)) for k, v in (mapping or {}).items()))
