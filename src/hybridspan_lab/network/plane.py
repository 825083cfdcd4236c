"""Makes the kernel's network look as desired: a router per virtual network, veth pairs to pods and between peers.

All state is in the kernel and in the names under `ns_dir`, so several processes of the lab may each have a plane:
one applies what the networks should be, others attach pods. No address of the lab ever exists in the host's own
network namespace, and a router has no way out: what it knows no route for, it drops.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pyroute2 import IPRoute, NetlinkError

from hybridspan_lab.network.model import DesiredNetwork, Link, VNet, short
from hybridspan_lab.network.router import replace_rules
from hybridspan_lab.network.rules import fib_rules
from hybridspan_lab.sandbox.namespaces import create_network, in_network, remove_network

GATEWAY: Final = "169.254.1.1"
LINK_ENDS: Final = ("169.254.2.0", "169.254.2.1")
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
        namespace = self.pod(pod_uid)
        if namespace.exists():
            return namespace
        create_network(namespace)
        port = PORT + short(pod_uid)
        in_network(self.router(vnet_id), lambda: _plug(port, namespace, address))
        in_network(namespace, lambda: _configure_pod(address))
        return namespace

    def detach(self, pod_uid: str) -> None:
        """Takes a pod off its network and gives its namespace up. Idempotent."""
        namespace = self.pod(pod_uid)
        if namespace.exists():
            # Its end of the pair would live as long as any forgotten socket; the address must be free at once.
            in_network(namespace, lambda: _delete_link("eth0"))
            remove_network(namespace)

    def _create_router(self, name: Path) -> None:
        create_network(name)
        in_network(name, _configure_router)

    def _remove_router(self, name: Path) -> None:
        in_network(name, _delete_links)
        remove_network(name)

    def _apply_links(self, desired: DesiredNetwork) -> None:
        vnets = {vnet.id.lower(): vnet for vnet in desired.vnets}
        wanted = {
            _device(link): link for link in desired.links if {e.lower() for e in link.ends} <= vnets.keys()
        }
        for vnet in desired.vnets:
            for device in in_network(self.router(vnet.id), _peer_devices) - wanted.keys():
                in_network(self.router(vnet.id), lambda device=device: _delete_link(device))  # type: ignore[misc]
        for device, link in wanted.items():
            a, b = (vnets[end.lower()] for end in link.ends)
            self._connect(device, a, b)

    def _connect(self, device: str, a: VNet, b: VNet) -> None:
        """A veth pair between two routers and, on each side, routes to the other's ranges."""
        here, there = self.router(a.id), self.router(b.id)
        if device not in in_network(here, _peer_devices):
            in_network(here, lambda: _create_pair(device, device, there))
            in_network(there, lambda: _raise_device(device, LINK_ENDS[1], 31))
            in_network(here, lambda: _raise_device(device, LINK_ENDS[0], 31))
        in_network(here, lambda: _route_to(b.prefixes, device, LINK_ENDS[1]))
        in_network(there, lambda: _route_to(a.prefixes, device, LINK_ENDS[0]))


def _device(link: Link) -> str:
    return PEER + short("|".join(end.lower() for end in link.ends))


def _index(ip: Any, name: str) -> int:
    found = ip.link_lookup(ifname=name)
    if not found:
        raise OSError(f"no network interface named {name}")
    return int(found[0])


def _write(setting: str, value: str) -> None:
    Path(f"/proc/sys/net/{setting}").write_text(value)


def _quiet() -> None:
    """No IPv6 on new interfaces: the lab's addresses are IPv4, and neighbour discovery costs time."""
    with contextlib.suppress(OSError):
        _write("ipv6/conf/default/disable_ipv6", "1")


def _configure_router() -> None:
    _quiet()
    _write("ipv4/ip_forward", "1")
    # The router stays silent about what it drops.
    _write("ipv4/conf/all/send_redirects", "0")
    _write("ipv4/conf/default/send_redirects", "0")
    with IPRoute() as ip:
        ip.link("set", index=1, state="up")
        ip.route("add", dst="0.0.0.0/0", type="blackhole")


def _plug(port: str, namespace: Path, address: str) -> None:
    """The router's end of a pod's cable, and the route to the pod's one address."""
    _create_pair(port, "eth0", namespace)
    _raise_device(port, GATEWAY, 32)
    with IPRoute() as ip:
        ip.route("replace", dst=f"{address}/32", oif=_index(ip, port))


def _create_pair(name: str, peer_name: str, peer_namespace: Path) -> None:
    fd = os.open(peer_namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with IPRoute() as ip:
            ip.link("add", ifname=name, kind="veth", peer={"ifname": peer_name, "net_ns_fd": fd})
    finally:
        os.close(fd)


def _raise_device(name: str, address: str, length: int) -> None:
    with IPRoute() as ip:
        index = _index(ip, name)
        ip.addr("add", index=index, address=address, prefixlen=length)
        ip.link("set", index=index, state="up")


def _configure_pod(address: str) -> None:
    _quiet()
    with IPRoute() as ip:
        ip.link("set", index=1, state="up")
        index = _index(ip, "eth0")
        ip.addr("add", index=index, address=address, prefixlen=32)
        ip.link("set", index=index, state="up")
        ip.route("add", dst=f"{GATEWAY}/32", oif=index, scope="link")
        ip.route("add", dst="0.0.0.0/0", gateway=GATEWAY, oif=index, prefsrc=address)


def _route_to(prefixes: tuple[str, ...], device: str, gateway: str) -> None:
    """Routes through one peering; routes that no longer belong there are removed."""
    wanted = {str(ipaddress.ip_network(prefix, strict=False)) for prefix in prefixes}
    with IPRoute() as ip:
        index = _index(ip, device)
        present = set(_routes_through(ip, index))
        for prefix in wanted - present:
            ip.route("add", dst=prefix, gateway=gateway, oif=index)
        for prefix in present - wanted:
            ip.route("del", dst=prefix, oif=index)


def _routes_through(ip: Any, index: int) -> Iterator[str]:
    for route in ip.get_routes(family=2, table=254):
        if route.get("oif") == index and route.get("gateway"):
            yield f"{route.get('dst')}/{route['dst_len']}"


def _peer_devices() -> set[str]:
    with IPRoute() as ip:
        return {name for link in ip.get_links() if (name := link.get("ifname")).startswith(PEER)}


def _delete_link(name: str) -> None:
    with IPRoute() as ip, contextlib.suppress(NetlinkError):
        for index in ip.link_lookup(ifname=name):
            ip.link("del", index=index)


def _delete_links() -> None:
    with IPRoute() as ip:
        for link in ip.get_links():
            if link.get("ifname").startswith((PEER, PORT)):
                ip.link("del", index=link["index"])
