"""Lays the networks that Azure's documents describe, sends real packets, and prints who reached whom as JSON.

Three networks: east and central are peered; west is peered with central too, but one side allows no access. A security
group guards central's subnet: the first of east's subnets may come to 7001, nobody else of the virtual network may; it
may not open connections to 7000 elsewhere; and what comes from port 5000 is let in nowhere.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hybridspan_lab.arm import network_from_documents
from hybridspan_lab.sandbox.namespaces import become_lab_root, in_network

ROOT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network"
SPACES = {"east": "120.38.1.0/24", "central": "192.138.0.0/24", "west": "10.7.0.0/24"}
PODS = {
    "e1": ("east", "120.38.1.9"),
    "e2": ("east", "120.38.1.70"),
    "c1": ("central", "192.138.0.9"),
    "c2": ("central", "192.138.0.10"),
    "free": ("central", "192.138.0.70"),
    "w1": ("west", "10.7.0.9"),
}
PORTS, PATIENCE = (7000, 7001, 9042), 1.5


def vnet(name: str) -> str:
    return f"{ROOT}/virtualNetworks/{name}"


def network(name: str) -> dict[str, Any]:
    properties = {"addressSpace": {"addressPrefixes": [SPACES[name]]}}
    return {
        "id": vnet(name),
        "name": name,
        "type": "Microsoft.Network/virtualNetworks",
        "properties": properties,
    }


def peering(
    own: str, remote: str, *, access: bool = True, state: str = "Connected", synced: bool = True
) -> dict[str, Any]:
    properties = {
        "peeringState": state,
        "allowVirtualNetworkAccess": access,
        "remoteVirtualNetwork": {"id": vnet(remote)},
        "remoteAddressSpace": {"addressPrefixes": [SPACES[remote]] if synced else []},
    }
    kind = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"
    return {"id": f"{vnet(own)}/virtualNetworkPeerings/{remote}", "type": kind, "properties": properties}


def guard() -> dict[str, Any]:
    return {"id": f"{ROOT}/networkSecurityGroups/guard", "type": "Microsoft.Network/networkSecurityGroups"}


def rule(priority: int, access: str, source: str, port: str, **more: str) -> dict[str, Any]:
    properties = {
        "priority": priority, "access": access, "direction": "Inbound", "protocol": "Tcp",
        "sourceAddressPrefix": source, "sourcePortRange": "*",
        "destinationAddressPrefix": "*", "destinationPortRange": port, **more,
    }  # fmt: skip
    kind = "Microsoft.Network/networkSecurityGroups/securityRules"
    return {"id": f"{guard()['id']}/securityRules/r{priority}", "type": kind, "properties": properties}


def subnet() -> dict[str, Any]:
    properties = {"addressPrefix": "192.138.0.0/26", "networkSecurityGroup": {"id": guard()["id"]}}
    kind = "Microsoft.Network/virtualNetworks/subnets"
    return {"id": f"{vnet('central')}/subnets/s", "name": "s", "type": kind, "properties": properties}


RULES = [
    rule(90, "Deny", "*", "*", sourcePortRange="5000"),
    rule(100, "Allow", "120.38.1.0/26", "7001"),
    rule(200, "Deny", "VirtualNetwork", "7001"),
    rule(300, "Deny", "VirtualNetwork", "7000", direction="Outbound"),
]


def documents(*rules: dict[str, Any], state: str = "Connected") -> dict[str, dict[str, Any]]:
    every = [
        *(network(name) for name in SPACES),
        peering("east", "central", state=state),
        peering("central", "east", state=state),
        peering("central", "west"),
        peering("west", "central", access=False),
        guard(),
        subnet(),
        *rules,
    ]
    return {document["id"].lower(): document for document in every}


def play(ns_dir: Path) -> dict[str, object]:
    from hybridspan_lab.network.plane import NetworkPlane

    plane = NetworkPlane(ns_dir)
    plane.apply(network_from_documents(documents()))
    for name, (where, address) in PODS.items():
        namespace = plane.attach(vnet(where), name, address)
        for port in PORTS:
            server = in_network(
                namespace, lambda port=port, address=address: socket.create_server((address, port))
            )
            threading.Thread(target=accept, args=(server,), daemon=True).start()
    ways = [
        ("e1", "c1", 7001), ("e2", "c1", 7001), ("c2", "c1", 7001), ("e2", "free", 7001), ("e2", "c1", 9042),
        ("w1", "c1", 9042), ("w1", "e1", 9042), ("c1", "e1", 7001), ("c1", "e1", 7000), ("e1", "c1", 7000),
    ]  # fmt: skip
    seen: dict[str, object] = {}
    for name, laid in (("default rules", documents()), ("rules", documents(*RULES))):
        plane.apply(network_from_documents(laid))
        with ThreadPoolExecutor(len(ways)) as asking:
            reached = asking.map(lambda way: connects(plane, *way), ways)
            seen[name] = {"{} {} {}".format(*way): found for way, found in zip(ways, reached, strict=True)}
    seen["from port 5000"] = connects(plane, "e1", "c1", 9042, own_port=5000)
    plane.apply(network_from_documents(documents(state="Disconnected")))
    seen["disconnected"] = connects(plane, "e1", "c1", 7001)
    for synced in (False, True):
        side = peering("east", "central", synced=synced)
        plane.apply(network_from_documents({**documents(), side["id"].lower(): side}))
        seen[f"synced {synced}"] = connects(plane, "e1", "c1", 7001)
    return seen


def connects(plane: Any, one: str, other: str, port: int, own_port: int = 0) -> bool:
    def attempt() -> bool:
        try:
            own = (PODS[one][1], own_port)
            with socket.create_connection((PODS[other][1], port), PATIENCE, source_address=own):
                return True
        except OSError:
            return False

    return in_network(plane.pod(one), attempt)


def accept(server: socket.socket) -> None:
    while True:
        server.accept()[0].close()


def main() -> None:
    become_lab_root(Path(sys.argv[1]))
    print(json.dumps(play(Path(sys.argv[1]))), flush=True)


if __name__ == "__main__":
    main()
