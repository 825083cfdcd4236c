"""Interfaces, routes and settings of the network namespace that the calling thread is in."""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pyroute2 import IPRoute, NetlinkError

GATEWAY: Final = "169.254.1.1"
NODE_GATEWAY: Final = "169.254.4.1"
"""A node is its pods' gateway and has one itself, which must be another: nobody asks for the way to an own address."""


def index_of(ip: Any, name: str) -> int:
    """The number of an interface."""
    found = ip.link_lookup(ifname=name)
    if not found:
        raise OSError(f"no network interface named {name}")
    return int(found[0])


def write_setting(setting: str, value: str) -> None:
    """One of the kernel's settings of this namespace."""
    Path(f"/proc/sys/net/{setting}").write_text(value)


def quiet() -> None:
    """No IPv6 on new interfaces: the lab's addresses are IPv4, and neighbour discovery costs time."""
    with contextlib.suppress(OSError):
        write_setting("ipv6/conf/default/disable_ipv6", "1")


def forward() -> None:
    """Lets the namespace hand on packets; it stays silent about what it drops, and takes them from any side."""
    write_setting("ipv4/ip_forward", "1")
    for place in ("all", "default"):
        write_setting(f"ipv4/conf/{place}/send_redirects", "0")
        # What a machine inherits may check sources by their way back, which here may be another one.
        write_setting(f"ipv4/conf/{place}/rp_filter", "0")


def configure_router() -> None:
    """A namespace that hands on what it has a route for, and drops everything else."""
    quiet()
    forward()
    with IPRoute() as ip:
        ip.link("set", index=1, state="up")
        ip.route("add", dst="0.0.0.0/0", type="blackhole")


def plug(port: str, namespace: Path, address: str, gateway: str = GATEWAY) -> None:
    """The router's end of a pod's cable, and the route to the pod's one address."""
    create_pair(port, "eth0", namespace)
    raise_device(port, gateway, 32)
    with IPRoute() as ip:
        ip.route("replace", dst=f"{address}/32", oif=index_of(ip, port))


def create_pair(name: str, peer_name: str, peer_namespace: Path) -> None:
    """A pair of interfaces, one end here, the other in another namespace."""
    fd = os.open(peer_namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with IPRoute() as ip:
            ip.link("add", ifname=name, kind="veth", peer={"ifname": peer_name, "net_ns_fd": fd})
    finally:
        os.close(fd)


def raise_device(name: str, address: str, length: int) -> None:
    """Gives an interface its address and switches it on."""
    with IPRoute() as ip:
        index = index_of(ip, name)
        ip.addr("add", index=index, address=address, prefixlen=length)
        ip.link("set", index=index, state="up")


def configure_pod(address: str, gateway: str = GATEWAY) -> None:
    """The pod's end of its cable: one address, and everything else by the gateway."""
    quiet()
    with IPRoute() as ip:
        ip.link("set", index=1, state="up")
        index = index_of(ip, "eth0")
        ip.addr("add", index=index, address=address, prefixlen=32)
        ip.link("set", index=index, state="up")
        ip.route("add", dst=f"{gateway}/32", oif=index, scope="link")
        ip.route("add", dst="0.0.0.0/0", gateway=gateway, oif=index, prefsrc=address)


def route_to(prefixes: tuple[str, ...], device: str, gateway: str) -> None:
    """Routes through one peering; routes that no longer belong there are removed."""
    wanted = {str(ipaddress.ip_network(prefix, strict=False)) for prefix in prefixes}
    with IPRoute() as ip:
        index = index_of(ip, device)
        present = set(routes_through(ip, index))
        for prefix in wanted - present:
            ip.route("add", dst=prefix, gateway=gateway, oif=index)
        for prefix in present - wanted:
            ip.route("del", dst=prefix, oif=index)


def routes_through(ip: Any, index: int) -> Iterator[str]:
    """The prefixes that go through an interface by a gateway."""
    for route in ip.get_routes(family=2, table=254):
        if route.get("oif") == index and route.get("gateway"):
            yield f"{route.get('dst')}/{route['dst_len']}"


def delete_link(name: str) -> None:
    """Removes an interface, if it is there."""
    with IPRoute() as ip, contextlib.suppress(NetlinkError):
        for index in ip.link_lookup(ifname=name):
            ip.link("del", index=index)
