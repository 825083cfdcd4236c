"""The subnets below a cluster: there, in the same place, large enough, and clear of the cluster's own ranges."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Final

from hybridspan_lab.arm.documents import Document, Documents
from hybridspan_lab.arm.errors import bad_request
from hybridspan_lab.arm.providers import addresses

OWN_RANGES: Final = (
    ("serviceCidr", "ServiceCidrOverlapExistingSubnetsCidr"),
    ("podCidr", "PodCidrOverlapExistingSubnetsCidr"),
)


def check_network(documents: Documents, cluster: Document, pools: list[Document]) -> None:
    """ArmError 400 when a pool's subnet is missing, too small, or meets the cluster's own ranges."""
    profile = cluster["properties"]["networkProfile"]
    wanted: dict[str, int] = {}
    for pool in pools:
        subnet_id = pool["properties"].get("vnetSubnetID")
        if subnet_id is None:
            continue
        subnet = documents.get(str(subnet_id).lower())
        if subnet is None:
            message = f"The VNet subnet {subnet_id} of agent pool {pool['name']} cannot be found."
            raise bad_request("InvalidParameter", message, target="agentPoolProfile.vnetSubnetID")
        _check_location(documents, cluster, str(subnet_id))
        _check_ranges(profile, subnet)
        wanted[subnet_id.lower()] = wanted.get(subnet_id.lower(), 0) + addresses.demand(
            profile, pool["properties"]
        )
    for subnet_key, number in wanted.items():
        _check_size(documents[subnet_key], number)


def _check_location(documents: Documents, cluster: Document, subnet_id: str) -> None:
    network = documents.get(subnet_id.lower().rsplit("/", 2)[0])
    if network is not None and network["location"] != cluster["location"]:
        message = (
            f"The VNet {network['id']} is in location {network['location']}, the cluster in {cluster['location']}. "
            "Both must be in the same location."
        )
        raise bad_request("VNetLocationMismatch", message, target="agentPoolProfile.vnetSubnetID")


def _check_ranges(profile: Document, subnet: Document) -> None:
    own = IPv4Network(addresses.subnet_prefix(subnet))
    for field, code in (
        ("serviceCidr", "ServiceCidrOverlapExistingSubnetsCidr"),
        ("podCidr", "PodCidrOverlapExistingSubnetsCidr"),
    ):
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


def check_room(documents: Documents, cluster_key: str) -> None:
    """ArmError SubnetIsFull when the subnet's other users leave too little: seen only when the nodes come up."""
    for key, pool in documents.items():
        subnet_id = (
            pool["properties"].get("vnetSubnetID") if key.startswith(f"{cluster_key}/agentpools/") else None
        )
        if subnet_id and str(subnet_id).lower() in documents:
            free = addresses.free_addresses(documents, str(subnet_id).lower())
            if free < 0:
                profile = documents[cluster_key]["properties"]["networkProfile"]
                number = addresses.demand(profile, pool["properties"])
                raise addresses.subnet_full(documents[str(subnet_id).lower()], number)
