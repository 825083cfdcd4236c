"""Where pods are on the network: in the subnet with an address of their own, behind their node, or the node's own.

Which of them it is the cluster's network plugin says. Azure CNI gives pods addresses of the nodes' subnet or of one of
their own, and shows other networks the node's in what they send there; with overlay and kubenet their addresses exist
behind their node only.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

from hybridspan.errors import PermanentFailure
from hybridspan_lab.kubeapi import Document
from hybridspan_lab.kubelet.addresses import AddressPool
from hybridspan_lab.kubelet.config import KubeletConfig, NodeConfig
from hybridspan_lab.kubelet.podnetwork import ClusterServices, PodNetwork
from hybridspan_lab.network.overlay import Member, Overlay
from hybridspan_lab.network.plane import NetworkPlane

LOG: Final = logging.getLogger(__name__)
SPARE_NODES: Final = 4  # addresses that new nodes of the cluster may take before pods do


@dataclass(slots=True)
class Attachments:
    """The networks of all pods of a kubelet."""

    config: KubeletConfig
    plane: NetworkPlane
    services: ClusterServices
    _pools: dict[IPv4Network, AddressPool] = field(default_factory=dict)
    _overlay: Overlay | None = None
    _nodes: dict[str, str] = field(default_factory=dict)
    """Nodes that have a namespace, with its owner's name."""
    _networks: dict[str, PodNetwork] = field(default_factory=dict)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        nodes = [node.address for node in self.config.nodes]
        self._pools[self.config.subnet] = AddressPool(self.config.subnet, nodes, len(nodes) + SPARE_NODES)
        if self.config.overlay is not None:
            cluster = f"{self.config.vnet_id}/{self.config.cluster}"
            self._overlay = self.plane.overlay(cluster, str(self.config.overlay))

    def take(self, node: NodeConfig) -> str:
        """An address for a pod of that node; raises AddressesExhausted."""
        return self._pool(node).take()

    def hold(self, node: NodeConfig, address: str) -> bool:
        """Takes a certain address for a pod of that node; False if it is taken."""
        return self._pool(node).hold(address)

    def add(self, node: NodeConfig) -> None:
        """A node that joined later has an address of the subnet too."""
        self._pools[self.config.subnet].hold(node.address)

    async def attach(self, uid: str, node: NodeConfig, address: str) -> PodNetwork:
        """A pod's own network; one that an earlier kubelet left, perhaps with other listeners in it, is given up."""
        await asyncio.to_thread(self.plane.detach, uid)
        if self._overlay is None:
            namespace = await asyncio.to_thread(self._plug, uid, address, node.address)
        else:
            owner = await self._node(node)
            namespace = await asyncio.to_thread(self.plane.attach_behind, owner, uid, address)
        network = PodNetwork(namespace, address, self.services)
        await network.open()
        return network

    async def attach_to_node(self, node: NodeConfig) -> PodNetwork:
        """The network of a node itself, which is made for the first pod that wants it."""
        owner = await self._node(node)
        async with self._making:
            if node.name not in self._networks:
                network = PodNetwork(self.plane.pod(owner), node.address, self.services)
                await network.open()
                self._networks[node.name] = network
        return self._networks[node.name]

    async def detach(self, uid: str, node: NodeConfig, address: str) -> None:
        """Gives a pod's network and address back."""
        await asyncio.to_thread(self.plane.detach, uid)
        if address:
            self._pool(node).give_back(address)

    async def remove(self, node: NodeConfig) -> None:
        """Gives up a node's network when the node has gone. Idempotent."""
        owner = self._nodes.pop(node.name, None)
        if owner is None:
            return
        if (network := self._networks.pop(node.name, None)) is not None:
            network.close()
        if self._overlay is not None:
            await asyncio.to_thread(self._overlay.leave, node.address)
        await asyncio.to_thread(self.plane.detach, owner)

    def close(self) -> None:
        """Gives up the nodes' networks at the kubelet's end."""
        for owner in self._nodes.values():
            self.plane.detach(owner)
        self._nodes.clear()
        if self._overlay is not None:
            self._overlay.end()

    def _pool(self, node: NodeConfig) -> AddressPool:
        prefix = IPv4Network(node.pods) if node.pods else self.config.subnet
        return self._pools.setdefault(prefix, AddressPool(prefix))

    async def _node(self, node: NodeConfig) -> str:
        """The owner of a node's namespace, which is made at first need."""
        async with self._making:
            if node.name not in self._nodes:
                owner = node_owner(self.config.cluster, node.name)
                await asyncio.to_thread(self._make, owner, node)
                self._nodes[node.name] = owner
        return self._nodes[node.name]

    def _make(self, owner: str, node: NodeConfig) -> None:
        self.plane.detach(owner)  # an earlier kubelet's
        if self._overlay is None:
            self._plug(owner, node.address, None)
        else:
            namespace = self.plane.attach(self.config.vnet_id, owner, node.address)
            self._overlay.join(Member(namespace, node.address, node.pods))

    def _plug(self, owner: str, address: str, shown: str | None) -> Path:
        """A namespace in the virtual network; where the kernel can, other networks see `shown` in what it sends them."""
        try:
            self.plane.show_as(self.config.vnet_id, address, shown)
        except PermanentFailure as failure:
            LOG.warning(
                "pods keep their address across a peering, where AKS shows the node's: %s", failure.why
            )
        return self.plane.attach(self.config.vnet_id, owner, address)


def node_owner(cluster: str, node: str) -> str:
    """The owner of a node's network namespace, as pods' uids are those of theirs."""
    return f"node-{cluster}-{node}"


def owner_of(pod: Document, cluster: str) -> str:
    """The owner of the network namespace that a pod's processes are in."""
    if pod["spec"].get("hostNetwork"):
        return node_owner(cluster, str(pod["spec"].get("nodeName") or ""))
    return str(pod["metadata"]["uid"])
