"""The subnets below a cluster: there, in the same place, large enough, and clear of the cluster's own ranges."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Network
from typing import Final

from hybridspan_lab.arm.context import ArmRequest
from hybridspan_lab.arm.documents import Document, Documents
from hybridspan_lab.arm.errors import bad_request
from hybridspan_lab.arm.providers import addresses
from hybridspan_lab.arm.providers.kind import Kind
from hybridspan_lab.arm.providers.network_parts import SUBNET

OWN_RANGES: Final = (
    ("serviceCidr", "ServiceCidrOverlapExistingSubnetsCidr"),
    ("podCidr", "PodCidrOverlapExistingSubnetsCidr"),
)
FIELDS: Final = ("vnetSubnetID", "podSubnetID")
JOIN: Final = "Microsoft.Network/virtualNetworks/subnets/join/action"
NODE_PART: Final = 24
"""Every node takes a /24 of an overlay's range."""


def check_access(kind: Kind, request: ArmRequest, pools: list[Document]) -> None:
    """ArmError 403 unless the caller may put nodes and pods into the subnets that the pools' properties name."""
    named = {pool.get(field) for pool in pools for field in FIELDS}
    for subnet_id in sorted(filter(None, named)):
        kind.require_linked(request, subnet_id, JOIN)


def check_network(documents: Documents, cluster: Document, pools: list[Document]) -> None:
    """ArmError 400 when a pool's subnet is missing, too small, or meets the cluster's own ranges."""
    profile = cluster["properties"]["networkProfile"]
    _check_plugin(profile, pools)
    wanted: Counter[str] = Counter()
    for pool in pools:
        for field in FIELDS:
            if subnet_id := pool["properties"].get(field):
                _check_there(documents, cluster, pool, field)
                wanted[subnet_id.lower()] += addresses.demand_in(profile, pool["properties"], field)
    _check_one_network(wanted)
    for network in {key.rsplit("/", 2)[0] for key in wanted}:
        for key, document in documents.items():
            # Role assignments stand below subnets too.
            if key.startswith(f"{network}/subnets/") and document.get("type") == SUBNET:
                _check_ranges(profile, document)
    for subnet_key, number in wanted.items():
        _check_size(documents[subnet_key], number)
    _check_overlay(profile, pools)


def _check_plugin(profile: Document, pools: list[Document]) -> None:
    """Subnets for pods are Azure CNI's own; they come with subnets for nodes."""
    for pool in pools:
        given = pool["properties"]
        if not given.get("podSubnetID"):
            continue
        if profile["networkPlugin"] != "azure" or profile.get("networkPluginMode") == "overlay":
            message = f"podSubnetID of agent pool {pool['name']} needs network plugin azure without overlay."
            raise _invalid(message, "podSubnetID")
        if not given.get("vnetSubnetID"):
            message = f"Agent pool {pool['name']} has a podSubnetID and must have a vnetSubnetID too."
            raise _invalid(message, "vnetSubnetID")
        if str(given["vnetSubnetID"]).lower() == str(given["podSubnetID"]).lower():
            message = (
                f"Nodes and pods of agent pool {pool['name']} cannot be in the same subnet by podSubnetID."
            )
            raise _invalid(message, "podSubnetID")


def _check_there(documents: Documents, cluster: Document, pool: Document, field: str) -> None:
    subnet_id = str(pool["properties"][field])
    if documents.get(subnet_id.lower()) is None:
        raise _invalid(f"The VNet subnet {subnet_id} of agent pool {pool['name']} cannot be found.", field)
    network = documents.get(subnet_id.lower().rsplit("/", 2)[0])
    if network is not None and network["location"] != cluster["location"]:
        message = (
            f"The VNet {network['id']} is in location {network['location']}, the cluster in {cluster['location']}. "
            "Both must be in the same location."
        )
        raise bad_request("VNetLocationMismatch", message, target=f"agentPoolProfile.{field}")


def _check_one_network(wanted: Counter[str]) -> None:
    networks = sorted({key.rsplit("/", 2)[0] for key in wanted})
    if len(networks) > 1:
        message = f"All agent pools must be in the same VNet; these are in {', '.join(networks)}."
        raise _invalid(message, "vnetSubnetID")


def _check_ranges(profile: Document, subnet: Document) -> None:
    """No subnet of the network may have the addresses of services, or of an overlay's pods."""
    own = IPv4Network(addresses.subnet_prefix(subnet))
    for field, code in OWN_RANGES:
        if profile.get(field) and IPv4Network(profile[field]).overlaps(own):
            message = (
                f"The specified {field} {profile[field]} is conflicted with an existing subnet CIDR {own}."
            )
            raise bad_request(code, message, target=f"networkProfile.{field}")


def _check_size(subnet: Document, number: int) -> None:
    prefix = addresses.subnet_prefix(subnet)
    usable = IPv4Network(prefix).num_addresses - addresses.KEPT_BY_AZURE
    if number > usable:
        message = (
            f"Pre-allocated IPs {number} exceeds IPs available {usable} in Subnet Cidr {prefix}, Subnet Name "
            f"{subnet['name']}. If Autoscaler is enabled, the max-count from each nodepool is counted towards this "
            "total (which means that pre-allocated IPs count represents a theoretical max value, not the actual "
            "number of IPs requested). http://aka.ms/aks/insufficientsubnetsize"
        )
        raise bad_request("InsufficientSubnetSize", message, target="agentPoolProfile.vnetSubnetID")


def _check_overlay(profile: Document, pools: list[Document]) -> None:
    if not profile.get("podCidr"):
        return
    every = IPv4Network(profile["podCidr"])
    parts = 2 ** max(0, NODE_PART - every.prefixlen)
    nodes = sum(addresses.nodes(pool["properties"]) for pool in pools)
    if nodes > parts:
        message = f"The pod CIDR {every} has {parts} blocks of /{NODE_PART}, one for each node, and the pools have {nodes} nodes."
        raise bad_request("InsufficientPodCidr", message, target="networkProfile.podCidr")


def _invalid(message: str, field: str) -> Exception:
    return bad_request("InvalidParameter", message, target=f"agentPoolProfile.{field}")


def check_route_tables(documents: Documents, cluster: Document, pools: list[Document]) -> None:
    """ArmError 400 when kubenet is to go into a subnet with a route table: its own goes there, and it may not touch another's.

    Whoever routes by himself must have such a table.
    """
    profile = cluster["properties"]["networkProfile"]
    named = {str(pool["properties"].get("vnetSubnetID") or "").lower() for pool in pools}
    routed = [
        bool((documents.get(key) or {"properties": {}})["properties"].get("routeTable")) for key in named
    ]
    if profile["outboundType"].lower() == "userdefinedrouting" and not all(routed):
        message = "An existing route table has not been associated with the subnets of the agent pools."
        raise bad_request("ExistingRouteTableNotAssociatedWithSubnet", message)
    if profile["networkPlugin"] == "kubenet" and any(routed):
        message = (
            "Clusters using managed identity type SystemAssigned do not support bringing your own route table. Please see "
            "https://aka.ms/aks/customrt for more information"
        )
        raise bad_request("CustomRouteTableWithUnsupportedMSIType", message)


def check_room(documents: Documents, cluster_key: str) -> None:
    """ArmError SubnetIsFull when the subnet's other users leave too little: seen only when the nodes come up."""
    pools = [pool for key, pool in documents.items() if key.startswith(f"{cluster_key}/agentpools/")]
    profile = documents[cluster_key]["properties"]["networkProfile"]
    for pool in pools:
        for field in FIELDS:
            subnet_key = str(pool["properties"].get(field) or "").lower()
            if subnet_key in documents and addresses.free_addresses(documents, subnet_key) < 0:
                number = addresses.demand_in(profile, pool["properties"], field)
                raise addresses.subnet_full(documents[subnet_key], number)
