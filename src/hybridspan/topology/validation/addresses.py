"""Address ranges: which may not overlap, which nobody may use, which are somebody else's.

All networks of a topology are peered with each other, so every network meets every other one. A service range is seen inside
its own cluster only: two clusters may have the same one, but none may cover addresses that its pods must reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import combinations

from hybridspan.topology.draft import free_range
from hybridspan.topology.model import Region, Subnet
from hybridspan.topology.problems import Problem
from hybridspan.topology.source import KeyPath
from hybridspan.topology.validation.case import Case, Rule

OVERLAY_PODS = IPv4Network("10.244.0.0/16")
"""AKS's own pod range for overlay and kubenet."""

PRIVATE = tuple(IPv4Network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))

RESERVED = {
    IPv4Network("169.254.0.0/16"): "AKS and Azure use it themselves (link-local)",
    IPv4Network("172.30.0.0/16"): "AKS uses it inside its nodes",
    IPv4Network("172.31.0.0/16"): "AKS uses it inside its nodes",
    IPv4Network("192.0.2.0/24"): "AKS uses it inside its nodes",
    IPv4Network("127.0.0.0/8"): "Azure refuses it (loopback)",
    IPv4Network("224.0.0.0/4"): "Azure refuses it (multicast)",
    IPv4Network("168.63.129.16/32"): "Azure's platform answers there (DNS, health probes)",
}


@dataclass(frozen=True, slots=True)
class Range:
    """A declared range and what it is for."""

    path: KeyPath
    region: Region
    prefix: IPv4Network
    use: str


def network_ranges(case: Case) -> tuple[Range, ...]:
    """The address prefixes of every network."""
    return tuple(
        Range((*path, "network", "addressPrefixes", i), region, prefix, "network range")
        for path, region in case.regions()
        for i, prefix in enumerate(region.network.address_prefixes)
    )


def service_ranges(case: Case) -> tuple[Range, ...]:
    """The service range of every cluster."""
    return tuple(
        Range((*path, "cluster", "serviceCidr"), region, region.cluster.service_cidr, "service range")
        for path, region in case.regions()
    )


def pod_ranges(case: Case) -> tuple[Range, ...]:
    """The pod range of every cluster whose pods have addresses of their own."""
    found = []
    for path, region in case.regions():
        has_own = case.plugin(region) in {"azure-overlay", "kubenet"}
        prefix = region.cluster.pod_cidr or (OVERLAY_PODS if has_own else None)
        if prefix:
            found.append(Range((*path, "cluster", "podCidr"), region, prefix, "pod range"))
    return tuple(found)


def networks_apart(case: Case) -> Iterator[Problem]:
    """Peering refuses networks that overlap, and one network cannot have a range twice."""
    for one, other in combinations(network_ranges(case), 2):
        if not one.prefix.overlaps(other.prefix):
            continue
        if one.region is other.region:
            message = (
                f"network `{one.region.network.name}` has {one.prefix} and {other.prefix}, which overlap"
            )
            yield case.error("HS-TOPOLOGY-018", other.path, message, remedy="keep the wider of the two")
            continue
        yield case.error(
            "HS-TOPOLOGY-010",
            other.path,
            f"the network of {other.region.name} ({other.prefix}) overlaps that of {one.region.name} ({one.prefix})",
            why="Azure refuses to peer networks that overlap (VnetAddressSpacesOverlap), "
            "and Cassandra nodes of the two regions could not tell each other's addresses apart",
            remedy=f"give {other.region.name} a range of its own{_free_range(case, other.prefix.prefixlen)}",
        )


def subnets_inside(case: Case) -> Iterator[Problem]:
    """A subnet lies inside its network."""
    for path, region in case.regions():
        prefixes = region.network.address_prefixes
        yield from _inside(case, region.network.subnet, prefixes, (*path, "network", "subnet", "prefix"))
        if pods := region.network.pod_subnet:
            yield from _pods_inside(case, region, pods, (*path, "network", "podSubnet", "prefix"))


def _pods_inside(case: Case, region: Region, pods: Subnet, place: KeyPath) -> Iterator[Problem]:
    yield from _inside(case, pods, region.network.address_prefixes, place)
    nodes = region.network.subnet
    if pods.prefix.overlaps(nodes.prefix):
        message = f"pod subnet {pods.prefix} overlaps the nodes' subnet {nodes.prefix}"
        why = "Azure refuses it (NetcfgSubnetRangesOverlap)"
        yield case.error("HS-TOPOLOGY-011", place, message, why=why, remedy="give each its own range")


def _inside(
    case: Case, subnet: Subnet, prefixes: tuple[IPv4Network, ...], place: KeyPath
) -> Iterator[Problem]:
    if not any(subnet.prefix.subnet_of(prefix) for prefix in prefixes):
        ranges = ", ".join(map(str, prefixes))
        message = f"subnet {subnet.prefix} is not inside its network ({ranges})"
        why = "Azure refuses it (NetcfgInvalidSubnet)"
        yield case.error("HS-TOPOLOGY-011", place, message, why=why, remedy=f"take a part of {ranges}")
    elif subnet.prefix.prefixlen > 29:
        message = f"subnet {subnet.prefix} is smaller than /29"
        yield case.error(
            "HS-TOPOLOGY-011", place, message, why="Azure keeps five addresses of each subnet for itself"
        )


def services_apart(case: Case) -> Iterator[Problem]:
    """Addresses that a cluster takes for services cannot be reached as anything else from its pods."""
    for service in service_ranges(case):
        if service.prefix.prefixlen < 12:
            message = f"service range {service.prefix} of {service.region.name} is larger than /12"
            yield case.error(
                "HS-TOPOLOGY-016", service.path, message, why="AKS refuses it", remedy="take a /16 or smaller"
            )
        for network in network_ranges(case):
            if service.prefix.overlaps(network.prefix):
                yield _covered(case, service, network)


def _covered(case: Case, service: Range, network: Range) -> Problem:
    own = service.region is network.region
    whose = "its own network" if own else f"the peered network of {network.region.name}"
    return case.error(
        "HS-TOPOLOGY-012",
        service.path,
        f"service range {service.prefix} of {service.region.name} overlaps {whose} ({network.prefix})",
        why="AKS refuses it"
        if own
        else "traffic from this cluster's pods to those addresses would end at services, so its Cassandra nodes "
        f"could not reach {network.region.name}'s",
        remedy="take a service range outside every network; two clusters may have the same one",
    )


def pods_apart(case: Case) -> Iterator[Problem]:
    """A pod range of an overlay may not cover what its pods must reach; two clusters may have the same one."""
    for pods in pod_ranges(case):
        for network in network_ranges(case):
            if pods.prefix.overlaps(network.prefix):
                whose = "its own" if pods.region is network.region else f"{network.region.name}'s"
                message = f"pod range {pods.prefix} of {pods.region.name} overlaps {whose} network ({network.prefix})"
                why = "packets to those addresses would never leave the cluster"
                yield case.error(
                    "HS-TOPOLOGY-013",
                    pods.path,
                    message,
                    why=why,
                    remedy="take a range outside every network",
                )
        if pods.prefix.overlaps(pods.region.cluster.service_cidr):
            message = f"pod range {pods.prefix} of {pods.region.name} overlaps its service range"
            yield case.error(
                "HS-TOPOLOGY-013", pods.path, message, why="AKS refuses it", remedy="take two disjoint ranges"
            )


def pod_range_used(case: Case) -> Iterator[Problem]:
    """With Azure CNI pods take addresses of a subnet: a pod range would be refused."""
    for path, region in case.regions():
        plugin = case.plugin(region)
        if region.cluster.pod_cidr and plugin in {"azure", "azure-pod-subnet"}:
            yield case.error(
                "HS-TOPOLOGY-019",
                (*path, "cluster", "podCidr"),
                f"cluster `{region.cluster.name}` has a podCidr with network plugin {plugin}",
                why="with this plugin pods take their addresses from a subnet; AKS refuses a pod range",
                remedy="remove podCidr, or choose azure-overlay in every region",
            )


def ranges_usable(case: Case) -> Iterator[Problem]:
    """Nobody may use reserved ranges, and public ones belong to somebody."""
    for declared in (*network_ranges(case), *service_ranges(case), *pod_ranges(case)):
        reserved = [reason for taken, reason in RESERVED.items() if taken.overlaps(declared.prefix)]
        if reserved:
            message = f"{declared.use} {declared.prefix} of {declared.region.name} is reserved"
            remedy = "take a private range, such as one of 10.0.0.0/8"
            yield case.error("HS-TOPOLOGY-014", declared.path, message, why=reserved[0], remedy=remedy)
        elif not any(declared.prefix.subnet_of(private) for private in PRIVATE):
            yield _public(case, declared)


def _public(case: Case, declared: Range) -> Problem:
    return case.warning(
        "HS-TOPOLOGY-015",
        declared.path,
        f"{declared.use} {declared.prefix} of {declared.region.name} is public address space",
        why="it belongs to somebody on the internet: nothing in these networks can reach the real owner, "
        "a missing route sends Cassandra's traffic to a stranger, and Microsoft gives no support for it",
        remedy="take a private range (10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16), "
        "unless the network exists with this range already",
    )


def _free_range(case: Case, length: int) -> str:
    """`, such as 10.16.0.0/16`: a private range of that size which nothing declared overlaps; empty where there is none."""
    declared = (*network_ranges(case), *service_ranges(case), *pod_ranges(case))
    try:
        return f", such as {free_range(length, [OVERLAY_PODS, *(r.prefix for r in declared)])}"
    except ValueError:
        return ""


RULES: tuple[Rule, ...] = (
    networks_apart,
    subnets_inside,
    services_apart,
    pods_apart,
    pod_range_used,
    ranges_usable,
)
