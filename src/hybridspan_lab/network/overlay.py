"""Pods that have no address of the virtual network: Azure CNI overlay and kubenet.

Each of them is plugged into its node. Nodes hand packets between pods to one another over a namespace of the cluster's
own, the fabric; no router of a virtual network knows these addresses, so nothing outside the cluster reaches a pod,
and no peering ever will. What a pod sends to anybody else leaves its node with the node's own address.

            fabric                        the node's range and address ← a pair ← each node
            node       eth0 in the virtual network, "fabric", a pair per pod; source address translation on eth0
            pod        eth0, default route to its node
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Final

from pyroute2 import IPRoute, NetlinkError

from hybridspan_lab.network.devices import (
    configure_router,
    create_pair,
    forward,
    index_of,
    raise_device,
)
from hybridspan_lab.network.model import short
from hybridspan_lab.network.translation import translate_source
from hybridspan_lab.sandbox.namespaces import create_network, in_network, remove_network

FABRIC: Final = "fabric"
FABRIC_ENDS: Final = ("169.254.3.0", "169.254.3.1")
FROM_PODS: Final = 100
"""The routing table, and the rule's place, for what pods send: to other nodes they keep their own address."""


@dataclass(frozen=True, slots=True)
class Member:
    """A node of an overlay: its namespace, its address, and the range of its own pods."""

    namespace: Path
    address: str
    pods: str

    @property
    def device(self) -> str:
        """Its interface in the fabric."""
        return "n-" + short(self.address)


@dataclass(slots=True)
class Overlay:
    """One cluster's overlay; `range` holds the ranges of all its nodes. Its methods block; call them in a thread."""

    fabric: Path
    range: str
    _members: dict[str, Member] = field(default_factory=dict)

    def join(self, member: Member) -> None:
        """Makes a node's namespace the way of its pods. Idempotent."""
        if member.address in self._members:
            return
        if not self.fabric.exists():
            create_network(self.fabric)
            in_network(self.fabric, configure_router)
        in_network(self.fabric, lambda: _connect(member))
        in_network(member.namespace, lambda: _equip(member, self.range))
        for other in self._members.values():
            in_network(other.namespace, lambda: _know(member.address))
            in_network(member.namespace, lambda other=other: _know(other.address))  # type: ignore[misc]
        self._members[member.address] = member

    def leave(self, address: str) -> None:
        """Forgets a node, whose namespace its owner gives up. Idempotent."""
        member = self._members.pop(address, None)
        if member is not None:
            in_network(self.fabric, lambda: _disconnect(member.device))

    def end(self) -> None:
        """Gives the fabric up."""
        if self.fabric.exists():
            for address in tuple(self._members):
                self.leave(address)
            remove_network(self.fabric)


def _connect(member: Member) -> None:
    """The fabric's side: a pair to the node, and the way to its pods and to itself."""
    _disconnect(member.device)
    create_pair(member.device, FABRIC, member.namespace)
    raise_device(member.device, FABRIC_ENDS[0], 31)
    with IPRoute() as ip:
        for prefix in (member.pods, f"{member.address}/32"):
            ip.route(
                "replace",
                dst=prefix,
                gateway=FABRIC_ENDS[1],
                oif=index_of(ip, member.device),
                flags=["onlink"],
            )


def _disconnect(device: str) -> None:
    with IPRoute() as ip:
        for index in ip.link_lookup(ifname=device):
            try:
                ip.link("del", index=index)
            except NetlinkError as error:
                # The kernel takes a pair away by itself once its node's namespace is given up, a moment later.
                if error.code != errno.ENODEV:
                    raise


def _equip(member: Member, every_pod: str) -> None:
    """The node's side: others' pods over the fabric, its own by the pair of each, all else as the node itself."""
    forward()
    raise_device(FABRIC, FABRIC_ENDS[1], 31)
    with IPRoute() as ip:
        through_fabric(ip, every_pod, prefsrc=member.address)
        # An address of its own range that no pod has must not travel round in circles.
        if IPv4Network(member.pods) != IPv4Network(every_pod):
            ip.route("replace", dst=member.pods, type="blackhole")
        source, length = every_pod.split("/")
        ip.rule("add", family=2, priority=FROM_PODS, src=source, src_len=int(length), table=FROM_PODS)
    translate_source("eth0")


def _know(node_address: str) -> None:
    with IPRoute() as ip:
        through_fabric(ip, f"{node_address}/32", table=FROM_PODS)


def through_fabric(ip: Any, prefix: str, **more: Any) -> None:
    """A route over the fabric."""
    ip.route(
        "replace", dst=prefix, gateway=FABRIC_ENDS[0], oif=index_of(ip, FABRIC), flags=["onlink"], **more
    )
