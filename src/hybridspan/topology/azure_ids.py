"""Azure resource ids: derived from the declared names, taken apart where one comes from Azure."""

from __future__ import annotations

from dataclasses import dataclass

from hybridspan.topology.model import Region, Subnet


def group_id(region: Region) -> str:
    """The id of the region's resource group."""
    return f"/subscriptions/{region.subscription}/resourceGroups/{region.resource_group}"


def network_id(region: Region) -> str:
    """The id of the region's virtual network."""
    return (
        region.network.id
        or f"{group_id(region)}/providers/Microsoft.Network/virtualNetworks/{region.network.name}"
    )


def subnet_id(region: Region, subnet: Subnet | None = None) -> str:
    """The id of a subnet of the region's network: its nodes', where no other is given."""
    return f"{network_id(region)}/subnets/{(subnet or region.network.subnet).name}"


def cluster_id(region: Region) -> str:
    """The id of the region's managed cluster."""
    return (
        region.cluster.id
        or f"{group_id(region)}/providers/Microsoft.ContainerService/managedClusters/{region.cluster.name}"
    )


@dataclass(frozen=True, slots=True)
class ResourceId:
    """An id in its parts; `name` is the last one."""

    subscription: str
    resource_group: str
    name: str


def parse(resource_id: str) -> ResourceId:
    """The parts of an id of a top-level resource; ValueError where it is none."""
    parts = resource_id.strip("/").split("/")
    if len(parts) < 8 or parts[0].lower() != "subscriptions" or parts[2].lower() != "resourcegroups":
        raise ValueError(f"not a resource id: {resource_id!r}")
    return ResourceId(parts[1], parts[3], parts[-1])


def network_place(region: Region) -> ResourceId:
    """Where the region's virtual network lies, and its name."""
    return parse(network_id(region))


def cluster_place(region: Region) -> ResourceId:
    """Where the region's managed cluster lies, and its name."""
    return parse(cluster_id(region))
