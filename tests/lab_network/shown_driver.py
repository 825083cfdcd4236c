"""Plays a scenario with Azure CNI on real networks in a root of its own: pods have addresses of a subnet, and other
networks see those of their nodes. Prints what it saw as one JSON document.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hybridspan_lab.network.model import Denial, DesiredNetwork, Link, VNet
from hybridspan_lab.sandbox.namespaces import become_lab_root
from tests.lab_network.overlay_driver import PORT, Scenario

NODES, PODS, CENTRAL = "120.38.1.0/26", "120.38.1.128/26", "192.138.0.0/26"
NETWORKS = (VNet("/east", "east", (NODES, PODS)), VNet("/central", "central", (CENTRAL,)))
PEERED = (Link("/central", "/east"),)
PLACES = {
    "node": ("/east", "120.38.1.4"),
    "other-node": ("/east", "120.38.1.5"),
    "pod": ("/east", "120.38.1.140"),
    "near": ("/east", "120.38.1.141"),
    "far": ("/central", "192.138.0.9"),
}


class Shown(Scenario):
    def play(self) -> dict[str, object]:
        self.plane.apply(DesiredNetwork(NETWORKS, PEERED))
        for name, (vnet, address) in PLACES.items():
            self.serve(name, self.plane.attach(vnet, name, address), address)
        for _ in range(2):
            self.plane.show_as("/east", PLACES["pod"][1], PLACES["node"][1])
        ways = [("pod", "far"), ("pod", "near"), ("near", "far"), ("far", "pod"), ("node", "far")]
        seen: dict[str, object] = {"peered": self.ask(*ways)}
        for what, source in (("nodes denied", NODES), ("pods denied", PODS)):
            self.plane.apply(DesiredNetwork(NETWORKS, PEERED, (deny(source),)))
            seen[what] = self.ask(("pod", "far"))
        self.plane.apply(DesiredNetwork(NETWORKS, PEERED))
        self.plane.show_as("/east", PLACES["pod"][1], PLACES["other-node"][1])
        seen["of another node"] = self.ask(("pod", "far"))
        self.plane.show_as("/east", PLACES["pod"][1], None)
        seen["as it is"] = self.ask(("pod", "far"))
        return seen


def deny(source: str) -> Denial:
    return Denial("/central", "Inbound", source, CENTRAL, "tcp", ((PORT, PORT),), 100)


def main() -> None:
    become_lab_root(Path(sys.argv[1]))
    print(json.dumps(Shown(Path(sys.argv[1])).play()), flush=True)


if __name__ == "__main__":
    main()
