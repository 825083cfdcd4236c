"""From agent pools to nodes: names, addresses and labels as AKS gives them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

from hybridspan_lab.arm.ports import ClusterDocument, NodePool

DEFAULT_SUBNET: Final = "10.224.0.0/16"
"""Of a cluster that was given none."""
FIRST_HOST: Final = 4
"""Azure keeps the first four addresses of a subnet, and the last."""
NODE_PART: Final = 24


@dataclass(frozen=True, slots=True)
class Node:
    """A node as the kubelet registers it."""

    name: str
    address: str
    zone: str
    max_pods: int
    labels: tuple[tuple[str, str], ...]
    taints: tuple[str, ...]
    pods: str = ""
    """The prefix of its pods' addresses: a subnet of their own, or the node's part of the overlay."""

    def to_document(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "address": self.address,
            "zone": self.zone,
            "max_pods": self.max_pods,
            "labels": dict(self.labels),
            "taints": list(self.taints),
            "pods": self.pods,
        }


class SubnetTooSmall(Exception):
    """The subnet has fewer addresses than the pools have nodes."""


def place(
    cluster: ClusterDocument, pools: Sequence[NodePool], existing: Sequence[Node] = ()
) -> tuple[Node, ...]:
    """The nodes that these pools stand for; a node that exists keeps its address. Raises SubnetTooSmall."""
    wanted = [
        (pool, index, _name(cluster.id, pool.name, index)) for pool in pools for index in range(pool.count)
    ]
    names = {name for _, _, name in wanted}
    known = {node.name: node for node in existing if node.name in names}
    free = _free_addresses(cluster, {node.address for node in known.values()})
    parts = _free_parts(cluster, {node.pods for node in known.values()})
    places = {name: (node.address, node.pods) for name, node in known.items()}
    for pool, _, name in wanted:
        if name not in places:
            places[name] = _next(free), pool.pod_subnet_prefix or _part(cluster, parts)
    return tuple(_node(cluster, pool, index, *places[name]) for pool, index, name in wanted)


def _free_parts(cluster: ClusterDocument, taken: set[str]) -> Iterator[str]:
    """Parts of an overlay that no node has; AKS gives every node a /24."""
    every = IPv4Network(cluster.pod_cidr or "0.0.0.0/32")
    parts = every.subnets(new_prefix=max(every.prefixlen, NODE_PART))
    return (str(part) for part in parts if str(part) not in taken)


def _part(cluster: ClusterDocument, parts: Iterator[str]) -> str:
    if cluster.pod_cidr is None:
        return ""
    part = next(parts, None)
    if part is None:
        raise SubnetTooSmall(f"the pods' range {cluster.pod_cidr} has fewer parts than the pools have nodes")
    return part


def _free_addresses(cluster: ClusterDocument, taken: set[str]) -> Iterator[str]:
    subnet = IPv4Network(cluster.subnet_prefix or DEFAULT_SUBNET)
    first, last = int(subnet.network_address) + FIRST_HOST, int(subnet.broadcast_address)
    return iter([a for number in range(first, last) if (a := str(IPv4Address(number))) not in taken][:256])


def _name(cluster_id: str, pool: str, index: int) -> str:
    number = int(hashlib.sha256(cluster_id.lower().encode()).hexdigest(), 16) % 10**8
    return f"aks-{pool}-{number:08d}-vmss{_base36(index):0>6}"


def _base36(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    return digits[number] if number < 36 else _base36(number // 36) + digits[number % 36]


def _node(cluster: ClusterDocument, pool: NodePool, index: int, address: str, pods: str) -> Node:
    # A node without an availability zone carries its fault domain's number there.
    zone = f"{cluster.location}-{pool.zones[index % len(pool.zones)]}" if pool.zones else "0"
    labels = tuple(_labels(cluster, pool, zone).items())
    return Node(_name(cluster.id, pool.name, index), address, zone, pool.max_pods, labels, pool.taints, pods)


def _next(free: Iterator[str]) -> str:
    address = next(free, None)
    if address is None:
        raise SubnetTooSmall("the subnet has fewer free addresses than the pools have nodes")
    return address


def _labels(cluster: ClusterDocument, pool: NodePool, zone: str) -> dict[str, str]:
    return {
        "agentpool": pool.name,
        "kubernetes.azure.com/agentpool": pool.name,
        "kubernetes.azure.com/cluster": f"MC_{cluster.resource_group}_{cluster.name}_{cluster.location}",
        "kubernetes.azure.com/mode": pool.mode.lower(),
        "kubernetes.azure.com/role": "agent",
        "node.kubernetes.io/instance-type": pool.vm_size,
        "topology.kubernetes.io/region": cluster.location,
        "topology.kubernetes.io/zone": zone,
        "topology.disk.csi.azure.com/zone": zone if pool.zones else "",
        **dict(pool.labels),
    }
