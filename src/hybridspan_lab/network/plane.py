"""Makes the kernel's network look as desired: a router per virtual network, veth pairs to pods and between peers.

All state is in the kernel and in the names under `ns_dir`, so several processes of the lab may each have a plane:
one applies what the networks should be, others attach pods. No address of the lab ever exists in the host's own
network namespace, and a router has no way out: what it knows no route for, it drops.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from pyroute2 import IPRoute

from hybridspan_lab.network.devices import (
    GATEWAY,
    NODE_GATEWAY,
    configure_pod,
    configure_router,
    create_pair,
    delete_link,
    plug,
    raise_device,
    route_to,
)
from hybridspan_lab.network.model import DesiredNetwork, Link, VNet, short
from hybridspan_lab.network.overlay import Overlay
from hybridspan_lab.network.router import replace_rules
from hybridspan_lab.network.rules import fib_rules
from hybridspan_lab.network.translation import show_as
from hybridspan_lab.sandbox.namespaces import create_network, in_network, remove_network

LINK_SPACE: Final = 240 << 24
"""240.0.0.0/4: in no topology, since Azure gives it to nobody, and large enough for a pair of addresses a link."""
OVERLAY: Final = "overlay-"
PEER: Final = "p-"
PORT: Final = "v-"


class NetworkPlane:
    """The lab's networks, named under `ns_dir`. Its methods block for a few milliseconds; call them in a thread."""

    def __init__(self, ns_dir: Path) -> None:
        self.ns_dir = ns_dir

    def router(self, vnet_id: str) -> Path:
        """The name of a virtual network's router namespace."""
        return self.ns_dir / f"vnet-{short(vnet_id)}"

    def pod(self, pod_uid: str) -> Path:
        """The name of a pod's network namespace."""
        return self.ns_dir / f"pod-{pod_uid}"

    def apply(self, desired: DesiredNetwork) -> None:
        """Brings routers, peerings and rules to what is desired; what is already right is not touched."""
        wanted = {self.router(vnet.id): vnet for vnet in desired.vnets}
        for stale in set(self.ns_dir.glob("vnet-*")) - wanted.keys():
            self._remove_router(stale)
        for name in wanted.keys() - set(self.ns_dir.glob("vnet-*")):
            self._create_router(name)
        self._apply_links(desired)
        for name, vnet in wanted.items():
            rules = fib_rules(d for d in desired.denials if d.vnet_id.lower() == vnet.id.lower())
            in_network(name, lambda rules=rules: replace_rules(rules))  # type: ignore[misc]

    def attach(self, vnet_id: str, pod_uid: str, address: str) -> Path:
        """Gives a pod its namespace with `address` in a virtual network; returns the namespace's name.

        A namespace that is already there is kept, so that a pod whose containers restart keeps its own.
        """
        return self._attach(self.router(vnet_id), pod_uid, address, GATEWAY)

    def show_as(self, vnet_id: str, address: str, node: str | None) -> None:
        """Lets other networks see a node's address in what a pod with `address` sends them, as Azure CNI does, or its own again.

        PermanentFailure HS-LAB-035 where the kernel cannot.
        """
        in_network(self.router(vnet_id), lambda: show_as(address, node, PEER))

    def overlay(self, cluster: str, pods: str) -> Overlay:
        """The network of a cluster's pods that have no address of the virtual network; `pods` is their range."""
        return Overlay(self.ns_dir / f"{OVERLAY}{short(cluster)}", pods)

    def attach_behind(self, node_uid: str, pod_uid: str, address: str) -> Path:
        """As `attach`, but the pod is plugged into its node, which must have joined the cluster's overlay."""
        return self._attach(self.pod(node_uid), pod_uid, address, NODE_GATEWAY)

    def detach(self, pod_uid: str) -> None:
        """Takes a pod off its network and gives its namespace up. Idempotent."""
        namespace = self.pod(pod_uid)
        if namespace.exists():
            # Its end of the pair would live as long as any forgotten socket; the address must be free at once.
            in_network(namespace, lambda: delete_link("eth0"))
            remove_network(namespace)

    def _attach(self, neighbour: Path, pod_uid: str, address: str, gateway: str) -> Path:
        namespace = self.pod(pod_uid)
        if not namespace.exists():
            create_network(namespace)
            port = PORT + short(pod_uid)
            in_network(neighbour, lambda: plug(port, namespace, address, gateway))
            in_network(namespace, lambda: configure_pod(address, gateway))
        return namespace

    def _create_router(self, name: Path) -> None:
        create_network(name)
        in_network(name, configure_router)

    def _remove_router(self, name: Path) -> None:
        in_network(name, delete_links)
        remove_network(name)

    def _apply_links(self, desired: DesiredNetwork) -> None:
        vnets = {vnet.id.lower(): vnet for vnet in desired.vnets}
        wanted = {
            _device(link): link for link in desired.links if {e.lower() for e in link.ends} <= vnets.keys()
        }
        for vnet in desired.vnets:
            for device in in_network(self.router(vnet.id), _peer_devices) - wanted.keys():
                in_network(self.router(vnet.id), lambda device=device: delete_link(device))  # type: ignore[misc]
        for device, link in wanted.items():
            a, b = (vnets[end.lower()] for end in link.ends)
            self._connect(device, a, b, link)

    def _connect(self, device: str, a: VNet, b: VNet, link: Link) -> None:
        """A veth pair between two routers and, on each side, routes to the other's ranges."""
        here, there = self.router(a.id), self.router(b.id)
        near, far = _link_ends(device)
        if device not in in_network(here, _peer_devices):
            in_network(here, lambda: create_pair(device, device, there))
            in_network(there, lambda: raise_device(device, far, 31))
            in_network(here, lambda: raise_device(device, near, 31))
        in_network(here, lambda: route_to(link.ranges(b), device, far))
        in_network(there, lambda: route_to(link.ranges(a), device, near))


def _device(link: Link) -> str:
    return PEER + short("|".join(end.lower() for end in link.ends))


def _link_ends(device: str) -> tuple[str, str]:
    """The link's own two addresses: a router answers no neighbour that asks with an address of another link of the router's."""
    low = LINK_SPACE | int(device.removeprefix(PEER), 16) % (1 << 27) << 1
    return str(IPv4Address(low)), str(IPv4Address(low + 1))


def _peer_devices() -> set[str]:
    with IPRoute() as ip:
        return {name for link in ip.get_links() if (name := link.get("ifname")).startswith(PEER)}


def delete_links() -> None:
    with IPRoute() as ip:
        for link in ip.get_links():
            if link.get("ifname").startswith((PEER, PORT)):
                ip.link("del", index=link["index"])
