"""Pods without networks of their own: an address of loopback each, and nothing else. The fall-back's attachments.

Network plugins make no difference here: every pod has an address of the range that stands for the nodes' subnet.
"""

from __future__ import annotations

import socket

from hybridspan_lab.kubelet.addresses import AddressPool
from hybridspan_lab.kubelet.attachments import SPARE_NODES
from hybridspan_lab.kubelet.config import KubeletConfig, NodeConfig
from hybridspan_lab.kubelet.podnetwork import ClusterServices, PodNetwork


class LoopbackAttachments:
    """What `Attachments` is where there are namespaces."""

    def __init__(self, config: KubeletConfig, services: ClusterServices) -> None:
        nodes = [node.address for node in config.nodes]
        self._pool = AddressPool(config.subnet, nodes, len(nodes) + SPARE_NODES)
        self._services = services

    def take(self, node: NodeConfig) -> str:
        """An address for a pod; raises AddressesExhausted."""
        return self._pool.take()

    def hold(self, node: NodeConfig, address: str) -> bool:
        """Takes a certain address for a pod; False if it is taken."""
        return self._pool.hold(address)

    def add(self, node: NodeConfig) -> None:
        """A node that joined later has an address too."""
        self._pool.hold(node.address)

    async def attach(self, uid: str, node: NodeConfig, address: str) -> PodNetwork:
        """The address is there already: all of 127.0.0.0/8 is the machine's."""
        return PodNetwork(None, address, self._services)

    async def attach_to_node(self, node: NodeConfig) -> PodNetwork:
        """A node's own address is one like the others."""
        return PodNetwork(None, node.address, self._services)

    async def detach(self, uid: str, node: NodeConfig, address: str) -> None:
        """Gives an address back."""
        if address:
            self._pool.give_back(address)

    async def remove(self, node: NodeConfig) -> None:
        """A node that is gone leaves its address."""
        self._pool.give_back(node.address)

    def close(self) -> None:
        """There is nothing to give up."""


def loopback_datagrams() -> socket.socket:
    """Where the cluster's name server listens when pods have no networks of their own."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.setblocking(False)
    bound.bind(("127.0.0.1", 0))
    return bound
