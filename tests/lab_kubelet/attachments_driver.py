"""Attaches pods as kubelets of several plugins do, on real networks in a root of its own; prints what it saw.

No control plane: what is played is where pods get their addresses and how they are seen from a peered network.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
from ipaddress import IPv4Network
from pathlib import Path

from hybridspan_lab.kubelet.config import KubeletConfig, NodeConfig
from hybridspan_lab.network.model import DesiredNetwork, Link, VNet
from hybridspan_lab.sandbox.namespaces import become_lab_root, in_network

NETWORKS = (VNet("/east", "east", ("120.38.1.0/24",)), VNet("/central", "central", ("192.138.0.0/24",)))
PATIENCE, SURE, PORT = 1.5, 60.0, 7001
NODES = {"pods": "", "subnet": "120.38.1.128/26", "overlay": "10.244.0.0/24"}


class NoServices:
    def virtual_ports(self):
        return ()

    def addresses(self, name):
        return None


def config(home: Path, plugin: str) -> KubeletConfig:
    nodes = tuple(NodeConfig(f"{plugin}-{n}", f"120.38.1.{4 + n}", pods=part(plugin, n)) for n in range(2))
    return KubeletConfig(
        cluster=plugin, kubeconfig=home, pki=home, port=0, nodes=nodes, vnet_id="/east",
        subnet=IPv4Network("120.38.1.0/26"), services=IPv4Network("10.0.0.0/16"), ns_dir=home,
        pods_dir=home, volumes_dir=home, egress_socket=home / "egress",
        overlay=IPv4Network("10.244.0.0/16") if plugin == "overlay" else None,
    )  # fmt: skip


def part(plugin: str, number: int) -> str:
    return NODES[plugin].replace("10.244.0.", f"10.244.{number}.")


async def play(home: Path) -> dict[str, object]:
    from hybridspan_lab.kubelet.attachments import Attachments
    from hybridspan_lab.kubelet.podnetwork import ClusterServices
    from hybridspan_lab.network.plane import NetworkPlane

    plane = NetworkPlane(home)
    plane.apply(DesiredNetwork(NETWORKS, (Link("/east", "/central"),)))
    plane.attach("/central", "remote", "192.138.0.9")
    serve(plane.pod("remote"), "192.138.0.9")
    services = ClusterServices(IPv4Network("10.0.0.0/16"), 9, NoServices())
    seen: dict[str, object] = {}
    for plugin in NODES:
        for life in ("first", "second"):
            attachments = Attachments(config(home, plugin), plane, services)
            seen[f"{plugin} {life}"] = await of_kubelet(attachments, plane)
            if life == "second":
                attachments.close()
        for uid in ("one", "two"):
            plane.detach(uid)
    seen["left"] = sorted(path.name for path in home.iterdir() if not path.name.startswith("vnet-"))
    return seen


async def of_kubelet(attachments, plane) -> dict[str, object]:
    first, second = attachments.config.nodes
    pods = {}
    for uid, node in (("one", first), ("two", second)):
        network = await attachments.attach(uid, node, attachments.take(node))
        serve(network.namespace, network.address)
        pods[uid] = network.address
    hosted = await attachments.attach_to_node(first)
    again = await attachments.attach_to_node(first)
    serve(hosted.namespace, hosted.address)
    found = {
        "addresses": [*pods.values(), hosted.address],
        "same": again is hosted,
        "one sees two": source(plane.pod("one"), pods["two"]),
        "remote sees one": source(plane.pod("one"), "192.138.0.9"),
        "remote sees the node": source(hosted.namespace, "192.138.0.9"),
        "remote reaches one": source(plane.pod("remote"), pods["one"]) is not None,
        "remote reaches the node": source(plane.pod("remote"), hosted.address) is not None,
    }
    await attachments.detach("two", second, pods["two"])
    found["gone"] = not plane.pod("two").exists()
    await attachments.remove(first)
    return found


def serve(namespace: Path, address: str) -> None:
    server = in_network(namespace, lambda: socket.create_server((address, PORT)))
    threading.Thread(target=tell, args=(server,), daemon=True).start()


def tell(server: socket.socket) -> None:
    while True:
        connection, (address, _) = server.accept()
        with connection:
            connection.sendall(address.encode())


def source(namespace: Path, address: str) -> str | None:
    def attempt() -> str | None:
        try:
            with socket.create_connection((address, PORT), PATIENCE) as connection:
                connection.settimeout(SURE)
                return connection.recv(100).decode()
        except OSError:
            return None

    return in_network(namespace, attempt)


def main() -> None:
    become_lab_root(Path(sys.argv[1]))
    print(json.dumps(asyncio.run(play(Path(sys.argv[1])))), flush=True)


if __name__ == "__main__":
    main()
