"""Whether nodes and pods fit: addresses in a subnet, pods on a node, Cassandra nodes on Kubernetes nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from hybridspan.topology.model import NetworkPlugin, NodePool, Region
from hybridspan.topology.problems import Problem
from hybridspan.topology.source import KeyPath
from hybridspan.topology.validation.case import Case, Rule

AZURE_KEEPS = 5
"""Addresses of each subnet that Azure keeps: network, broadcast, gateway and two for DNS."""

PODS_AT_ONCE = 16
"""Addresses that a node takes from a pod subnet at a time."""

LEAST_PODS, MOST_PODS = 10, 250
DEFAULT_PODS: dict[NetworkPlugin, int] = {
    "azure": 30,
    "azure-pod-subnet": 250,
    "azure-overlay": 250,
    "kubenet": 110,
}


def usable_addresses(prefix: IPv4Network) -> int:
    """Addresses of a subnet that Azure gives out."""
    return max(prefix.num_addresses - AZURE_KEEPS, 0)


@dataclass(frozen=True, slots=True)
class Demand:
    """Addresses that a cluster's nodes, and with Azure CNI its pods, take from the subnet.

    An upgrade first adds a node to a pool, so `with_upgrade` has one more, of the largest kind.
    """

    nodes: int
    at_rest: int
    with_upgrade: int
    pods_take_addresses: bool


def demand(pools: tuple[NodePool, ...], plugin: NetworkPlugin) -> Demand:
    """What the pools need; with overlays and pod subnets a node takes one address."""
    pods_count = plugin == "azure"
    each = [(pool.count, 1 + (pool_pods(pool, plugin) if pods_count else 0)) for pool in pools]
    at_rest = sum(count * size for count, size in each)
    largest = max((size for _, size in each), default=0)
    return Demand(sum(count for count, _ in each), at_rest, at_rest + largest, pods_count)


def pool_pods(pool: NodePool, plugin: NetworkPlugin) -> int:
    """Pods that a node of the pool can hold."""
    return pool.max_pods if pool.max_pods is not None else DEFAULT_PODS[plugin]


def fitting_max_pods(prefix: IPv4Network, nodes: int) -> int:
    """The greatest maxPods with which that many nodes, and the one that an upgrade adds, fit; below 10 none does."""
    return usable_addresses(prefix) // (nodes + 1) - 1


def fitting_prefix(prefix: IPv4Network, addresses: int) -> int:
    """Length of the smallest subnet, no smaller than `prefix`, that has so many usable addresses."""
    length = prefix.prefixlen
    while length > 8 and 2 ** (32 - length) - AZURE_KEEPS < addresses:
        length -= 1
    return length


def subnets_large_enough(case: Case) -> Iterator[Problem]:
    """Nodes, pods and the node that an upgrade adds have addresses."""
    for path, region in case.regions():
        needed = demand(region.cluster.node_pools, case.plugin(region))
        if needed.with_upgrade > usable_addresses(region.network.subnet.prefix):
            yield _too_small(case, path, region, needed)


def _too_small(case: Case, path: KeyPath, region: Region, needed: Demand) -> Problem:
    prefix = region.network.subnet.prefix
    usable = usable_addresses(prefix)
    fits = fitting_max_pods(prefix, needed.nodes)
    larger = f"/{fitting_prefix(prefix, needed.with_upgrade)}"
    what = "nodes and their maxPods" if needed.pods_take_addresses else "nodes"
    message = (
        f"subnet {prefix} of {region.name} has {usable} usable addresses; its {needed.nodes} {what} need "
        f"{needed.at_rest}, and {needed.with_upgrade} while an upgrade adds a node"
    )
    place = (*path, "network", "subnet", "prefix")
    if needed.pods_take_addresses and fits >= LEAST_PODS:
        remedy = f"set maxPods to {fits} in each pool, or give it a {larger} subnet"
        return case.warning("HS-TOPOLOGY-017", place, message, why=_why(needed, usable), remedy=remedy)
    remedy = f"give it a {larger} subnet, or fewer nodes"
    if needed.at_rest <= usable:
        return case.warning("HS-TOPOLOGY-017", place, message, why=_why(needed, usable), remedy=remedy)
    why = f"{_why(needed, usable)}; not even maxPods {LEAST_PODS}, the least that AKS takes, would fit"
    return case.error(
        "HS-TOPOLOGY-017", place, message, why=why if needed.pods_take_addresses else "", remedy=remedy
    )


def _why(needed: Demand, usable: int) -> str:
    if not needed.pods_take_addresses:
        return "every node takes an address, and Azure keeps five"
    kept = "Azure keeps five addresses, every node takes one and one for each pod that it may hold"
    late = (
        "an upgrade would stop half-way"
        if needed.at_rest <= usable
        else "AKS refuses the pool (SubnetIsFull)"
    )
    return f"{kept}; {late}"


def overlay_large_enough(case: Case) -> Iterator[Problem]:
    """Each node takes a /24 of the pod range."""
    for path, region in case.regions():
        pods, plugin = region.cluster.pod_cidr, case.plugin(region)
        nodes = demand(region.cluster.node_pools, plugin).nodes
        if pods and plugin in {"azure-overlay", "kubenet"} and pods.num_addresses // 256 < nodes + 1:
            message = f"pod range {pods} of {region.name} has room for {pods.num_addresses // 256} nodes of {nodes + 1}"
            why = "every node takes a /24 of it, and an upgrade adds a node"
            yield case.error(
                "HS-TOPOLOGY-019", (*path, "cluster", "podCidr"), message, why=why, remedy="take a /16"
            )


def pod_subnets_fit(case: Case) -> Iterator[Problem]:
    """Pods have a subnet of their own with azure-pod-subnet and with nothing else, and it holds them."""
    for path, region in case.regions():
        pods, plugin = region.network.pod_subnet, case.plugin(region)
        place = (*path, "network", "podSubnet")
        if pods is not None and plugin != "azure-pod-subnet" and region.cluster.network_plugin:
            message = f"{region.name} has a podSubnet with network plugin {plugin}"
            yield case.error(
                "HS-TOPOLOGY-063", place, message, remedy="remove podSubnet, or correct networkPlugin"
            )
        if pods is None and plugin == "azure-pod-subnet":
            message = f"{region.name} has no podSubnet, and its pods need one with azure-pod-subnet"
            yield case.error("HS-TOPOLOGY-063", place, message, remedy="give network.podSubnet a prefix")
        if pods is not None:
            least = sum(pool.count + 1 for pool in region.cluster.node_pools) * PODS_AT_ONCE
            if least > usable_addresses(pods.prefix):
                message = f"pod subnet {pods.prefix} of {region.name} has {usable_addresses(pods.prefix)} usable addresses"
                why = (
                    f"each node takes {PODS_AT_ONCE} at a time, and an upgrade adds a node to a pool: {least}"
                )
                remedy = f"give it a /{fitting_prefix(pods.prefix, least)}"
                yield case.warning("HS-TOPOLOGY-017", (*place, "prefix"), message, why=why, remedy=remedy)


def pools_sound(case: Case) -> Iterator[Problem]:
    """Limits of agent pools: maxPods, distinct names, one System pool."""
    for path, region in case.regions():
        pools = region.cluster.node_pools
        for index, pool in enumerate(pools):
            place = (*path, "cluster", "nodePools", index)
            if pool.max_pods is not None and not LEAST_PODS <= pool.max_pods <= MOST_PODS:
                message = f"maxPods {pool.max_pods} of pool `{pool.name}` is not between {LEAST_PODS} and {MOST_PODS}"
                yield case.error("HS-TOPOLOGY-061", (*place, "maxPods"), message, why="AKS refuses it")
            if any(pool.name == earlier.name for earlier in pools[:index]):
                yield case.error(
                    "HS-TOPOLOGY-062",
                    (*place, "name"),
                    f"cluster `{region.cluster.name}` has two pools `{pool.name}`",
                )
        if not any(pool.mode == "System" for pool in pools):
            message = f"cluster `{region.cluster.name}` has no System pool"
            remedy = "give one pool `mode: System`"
            yield case.error(
                "HS-TOPOLOGY-062",
                (*path, "cluster", "nodePools"),
                message,
                why="AKS refuses it",
                remedy=remedy,
            )


def room_for_cassandra(case: Case) -> Iterator[Problem]:
    """Each Cassandra node needs a Kubernetes node of its own."""
    for path, region in case.regions():
        nodes = sum(pool.count for pool in region.cluster.node_pools)
        if nodes < region.cassandra_nodes:
            yield case.warning(
                "HS-TOPOLOGY-036",
                (*path, "cluster", "nodePools"),
                f"{region.name} has {nodes} Kubernetes nodes for {region.cassandra_nodes} Cassandra nodes",
                why="two Cassandra nodes on one machine are lost together, and Apigee's own rules keep them apart",
                remedy=f"give the data pool at least {region.cassandra_nodes} nodes",
            )


def one_plugin(case: Case) -> Iterator[Problem]:
    """Pods of all regions must be reachable in the same way."""
    first = case.topology.first
    for path, region in case.regions():
        declared = region.cluster.network_plugin
        expected = first.cluster.network_plugin
        if declared and expected and declared != expected:
            yield case.error(
                "HS-TOPOLOGY-060",
                (*path, "cluster", "networkPlugin"),
                f"{region.name} has network plugin {declared}, {first.name} has {expected}",
                why="Cassandra would advertise pod addresses in one region and node addresses in the other",
                remedy=f"leave networkPlugin out: the new cluster then gets {first.name}'s",
            )


RULES: tuple[Rule, ...] = (
    subnets_large_enough,
    overlay_large_enough,
    pod_subnets_fit,
    pools_sound,
    room_for_cassandra,
    one_plugin,
)
