"""Plays a scenario with overlays on real networks in a root of its own; prints what it saw as one JSON document.

Two peered networks with a cluster each, and both clusters use the same range for pods, as Azure lets them.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hybridspan_lab.network.model import Denial, DesiredNetwork, Link, VNet
from hybridspan_lab.network.overlay import Member
from hybridspan_lab.sandbox.namespaces import become_lab_root, in_network

PATIENCE, SURE, PORT, RANGE = 1.5, 60.0, 7001, "10.244.0.0/16"
NETWORKS = (VNet("/east", "east", ("120.38.1.0/26",)), VNet("/central", "central", ("192.138.0.0/26",)))
PEERED = (Link("/central", "/east"),)
NODES = {
    "east-1": ("/east", "120.38.1.4", "10.244.0.0/24"),
    "east-2": ("/east", "120.38.1.5", "10.244.1.0/24"),
    "central-1": ("/central", "192.138.0.4", "10.244.0.0/24"),
}
PODS = {
    "pod-1": ("east-1", "10.244.0.4"),
    "near": ("east-1", "10.244.0.5"),
    "pod-2": ("east-2", "10.244.1.4"),
    "pod-c": ("central-1", "10.244.0.9"),
}
FLAT = {"vm-east": ("/east", "120.38.1.30"), "vm-central": ("/central", "192.138.0.30")}
WAYS = [
    ("pod-1", "near"),
    ("pod-1", "pod-2"),
    ("pod-1", "east-1"),
    ("pod-1", "east-2"),
    ("pod-1", "vm-east"),
    ("pod-1", "vm-central"),
    ("pod-1", "central-1"),
    ("pod-1", "pod-c"),
    ("east-1", "pod-2"),
    ("east-1", "central-1"),
    ("central-1", "east-1"),
    ("central-1", "pod-2"),
    ("vm-east", "pod-1"),
    ("vm-central", "pod-1"),
]


class Scenario:
    def __init__(self, ns_dir: Path) -> None:
        from hybridspan_lab.network.plane import NetworkPlane

        self.plane = NetworkPlane(ns_dir)
        self.addresses: dict[str, str] = {}

    def play(self) -> dict[str, object]:
        self.plane.apply(DesiredNetwork(NETWORKS, PEERED))
        clusters = {vnet: self.plane.overlay(f"aks{vnet}", RANGE) for vnet in ("/east", "/central")}
        for name, (vnet, address, pods) in NODES.items():
            namespace = self.serve(name, self.plane.attach(vnet, name, address), address)
            for _ in range(2):
                clusters[vnet].join(Member(namespace, address, pods))
        for name, (node, address) in PODS.items():
            self.serve(name, self.plane.attach_behind(node, name, address), address)
        for name, (vnet, address) in FLAT.items():
            self.serve(name, self.plane.attach(vnet, name, address), address)
        seen: dict[str, object] = {"peered": self.ask()}
        self.plane.apply(DesiredNetwork(NETWORKS, PEERED, (deny("120.38.1.4/32"),)))
        seen["east-1 denied into central"] = self.ask(("pod-1", "vm-central"), ("pod-2", "vm-central"))
        self.plane.apply(DesiredNetwork(NETWORKS))
        seen["apart"] = self.ask(("pod-1", "vm-central"), ("pod-1", "pod-2"))
        clusters["/east"].leave("120.38.1.5")
        self.plane.detach("pod-2")
        seen["without its node"] = self.ask(("pod-1", "pod-2"), ("pod-1", "near"))
        seen["interfaces"] = self.kinds()
        clusters["/east"].end()
        seen["fabrics left"] = len(list(self.plane.ns_dir.glob("overlay-*")))
        return seen

    def serve(self, name: str, namespace: Path, address: str) -> Path:
        self.addresses[name] = address
        server = in_network(namespace, lambda: socket.create_server((address, PORT)))
        threading.Thread(target=tell, args=(server,), daemon=True).start()
        return namespace

    def ask(self, *ways: tuple[str, str]) -> dict[str, str | None]:
        chosen = ways or WAYS
        with ThreadPoolExecutor(len(chosen)) as asking:
            seen = asking.map(lambda way: self.source(*way), chosen)
            return {f"{one} {other}": found for (one, other), found in zip(chosen, seen, strict=True)}

    def source(self, one: str, other: str) -> str | None:
        """From which address `other` sees `one`; None when it does not."""

        def attempt() -> str | None:
            try:
                with socket.create_connection((self.addresses[other], PORT), PATIENCE) as connection:
                    connection.settimeout(SURE)
                    who, saw = connection.recv(100).decode().split()
                    return saw if who == self.addresses[other] else f"{who} answered"
            except OSError:
                return None

        return in_network(self.plane.pod(one), attempt)

    def kinds(self) -> list[str]:
        from pyroute2 import IPRoute

        def of_namespace() -> list[str]:
            with IPRoute() as ip:
                return [info.get("kind") for link in ip.get_links() if (info := link.get("linkinfo"))]

        return sorted(
            {kind for path in self.plane.ns_dir.iterdir() for kind in in_network(path, of_namespace)}
        )


def deny(source: str) -> Denial:
    return Denial("/central", "Inbound", source, "192.138.0.0/26", "tcp", ((PORT, PORT),), 100)


def tell(server: socket.socket) -> None:
    """Tells every client the own address and the client's as it is seen here."""
    own = server.getsockname()[0]
    while True:
        connection, (address, _) = server.accept()
        with connection:
            connection.sendall(f"{own} {address}".encode())


def main() -> None:
    become_lab_root(Path(sys.argv[1]))
    print(json.dumps(Scenario(Path(sys.argv[1])).play()), flush=True)


if __name__ == "__main__":
    main()
