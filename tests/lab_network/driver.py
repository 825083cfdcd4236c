"""Plays a scenario on real networks in a root of its own, and prints what it saw as one JSON document.

Run as a process of its own, because a process that has entered its namespaces cannot come back.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hybridspan_lab.network.model import Denial, DesiredNetwork, Link, VNet
from hybridspan_lab.sandbox.namespaces import become_lab_root, in_network

PATIENCE = 1.5
"""How long a connection may take; what is dropped takes as long as that. A lost first packet is sent again after a second."""
SURE = 60.0
"""For what must come sooner or later."""
EAST, CENTRAL = (
    VNet("/vnets/east", "east", ("120.38.1.0/26",)),
    VNet("/vnets/central", "central", ("192.138.0.0/26",)),
)
WEST = VNet("/vnets/west", "west", ("172.20.5.0/25",))
PODS = {
    "a": ("/vnets/east", "120.38.1.9"),
    "b": ("/vnets/central", "192.138.0.9"),
    "c": ("/vnets/east", "120.38.1.10"),
    "w": ("/vnets/west", "172.20.5.9"),
}
BOTH = (EAST, CENTRAL)
PEERED = (Link("/vnets/central", "/vnets/east"),)
MESH = (*PEERED, Link("/vnets/east", "/vnets/west"), Link("/vnets/central", "/vnets/west"))


def main() -> None:
    before = host_interfaces()
    become_lab_root(Path(sys.argv[1]))
    print(json.dumps(Scenario(Path(sys.argv[1])).play(before)), flush=True)


class Scenario:
    def __init__(self, ns_dir: Path) -> None:
        from hybridspan_lab.network.plane import NetworkPlane

        self.ns_dir = ns_dir
        self.plane = NetworkPlane(ns_dir)

    def play(self, before: list[str]) -> dict[str, object]:
        seen: dict[str, object] = {"three": self.three()}
        self.plane.apply(DesiredNetwork(BOTH))
        for uid in ("a", "b", "c"):
            self.attach(uid)
        seen["apart"] = self.reach()
        self.plane.apply(DesiredNetwork(BOTH, PEERED))
        seen["peered"] = self.reach()
        seen["denied inbound"] = self.with_rules(
            rule("/vnets/central", "Inbound", "120.38.1.0/26", "192.138.0.0/26")
        )
        seen["denied within the subnet"] = self.with_rules(
            rule("/vnets/east", "Inbound", "120.38.1.0/26", "120.38.1.0/26")
        )
        seen["allowed before denied"] = self.with_rules(
            rule("/vnets/central", "Inbound", "120.38.1.0/26", "192.138.0.0/26"),
            rule("/vnets/central", "Inbound", "120.38.1.9/32", "192.138.0.0/26", priority=90, allow=True),
        )
        seen["everything denied into east"] = self.with_rules(
            Denial("/vnets/east", "Inbound", "0.0.0.0/0", "120.38.1.0/26", "any", (), 100),
            Denial("/vnets/east", "Outbound", "120.38.1.0/26", "0.0.0.0/0", "any", (), 100, allow=True),
        )
        seen["rules gone"] = self.with_rules()
        seen["interfaces"] = self.interfaces()
        seen["stream"] = self.cut_a_stream()
        seen["apart again"] = self.reach()
        seen["host"] = {"before": before, "after": host_interfaces()}
        self.plane.detach("a")
        seen["names"] = sorted(path.name for path in self.ns_dir.iterdir())
        self.plane.apply(DesiredNetwork((CENTRAL,)))
        seen["networks left"] = sorted(path.name for path in self.ns_dir.glob("vnet-*"))
        return seen

    def attach(self, uid: str) -> None:
        vnet, address = PODS[uid]
        listen(self.plane.attach(vnet, uid, address), address, (7000, 7001))

    def three(self) -> dict[str, bool]:
        """A full mesh that has carried nothing yet: the router in the middle is asked for its way before it asks for others'."""
        for _ in range(2):
            self.plane.apply(DesiredNetwork((*BOTH, WEST), MESH))
        for uid in "abw":
            self.attach(uid)
        reached = {way: self.connects(*way, 7001) for way in ("ba", "wa", "ab", "aw", "bw", "wb")}
        for uid in "abw":
            self.plane.detach(uid)
        self.plane.apply(DesiredNetwork())
        return reached

    def with_rules(self, *rules: Denial) -> dict[str, bool]:
        # Twice, as nothing may change when it is as it should be.
        for _ in range(2):
            self.plane.apply(DesiredNetwork(BOTH, PEERED, rules))
        return self.reach()

    def reach(self) -> dict[str, bool]:
        ways = [("a", "b", 7001), ("a", "b", 7000), ("b", "a", 7001), ("a", "c", 7001), ("a", "c", 7000)]
        with ThreadPoolExecutor(len(ways)) as asking:
            return {
                "{}{}{}".format(*way): reached
                for way, reached in zip(ways, asking.map(lambda way: self.connects(*way), ways), strict=True)
            }

    def connects(self, one: str, other: str, port: int) -> bool:
        def attempt() -> bool:
            try:
                with socket.create_connection((PODS[other][1], port), PATIENCE):
                    return True
            except TimeoutError:
                return False

        return in_network(self.plane.pod(one), attempt)

    def cut_a_stream(self) -> dict[str, bool]:
        """Bytes flow over a peering until it is removed, and nobody is told."""
        connection = in_network(
            self.plane.pod("a"), lambda: socket.create_connection((PODS["b"][1], 7001), SURE)
        )
        connection.sendall(b"x")
        flowed = bool(select.select([connection], [], [], SURE)[0]) and connection.recv(1) == b"x"
        self.plane.apply(DesiredNetwork(BOTH))
        connection.sendall(b"y")
        answered = bool(select.select([connection], [], [], PATIENCE)[0])
        return {"flowed": flowed, "answered after the cut": answered}

    def interfaces(self) -> dict[str, list[tuple[str, str, int, int]]]:
        """Name, kind, own index and the other end's index of every interface in every namespace of the lab."""
        return {path.name: in_network(path, links) for path in self.ns_dir.iterdir()}


def rule(
    vnet: str, direction: str, source: str, destination: str, *, priority: int = 100, allow: bool = False
) -> Denial:
    return Denial(vnet, direction, source, destination, "tcp", ((7001, 7001),), priority, allow)


def links() -> list[tuple[str, str, int, int]]:
    from pyroute2 import IPRoute

    with IPRoute() as ip:
        found = []
        for link in ip.get_links():
            info = link.get("linkinfo")
            found.append(
                (link.get("ifname"), info.get("kind") if info else "", link["index"], link.get("link") or 0)
            )
        return found


def host_interfaces() -> list[str]:
    return sorted(os.listdir("/sys/class/net"))


def listen(namespace: Path, address: str, ports: tuple[int, ...]) -> None:
    for port in ports:
        server = in_network(namespace, lambda port=port: socket.create_server((address, port)))
        threading.Thread(target=echo, args=(server,), daemon=True).start()


def echo(server: socket.socket) -> None:
    while True:
        connection, _ = server.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection: socket.socket) -> None:
    with connection:
        while data := connection.recv(100):
            connection.sendall(data)


if __name__ == "__main__":
    main()
