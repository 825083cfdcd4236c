"""A cluster in a root of its own: control plane, one network, one kubelet with three nodes. Prints its kubeconfig.

It runs until it is killed; everything inside ends with it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from hybridspan_lab.sandbox.namespaces import become_lab_root

SUBNET, SERVICES, VNET = "120.38.1.0/26", "10.0.0.0/16", "/vnets/east"


async def serve(home: Path) -> None:
    from hybridspan_lab.controlplane import ControlPlane, Program
    from hybridspan_lab.network.model import DesiredNetwork, VNet
    from hybridspan_lab.network.plane import NetworkPlane
    from hybridspan_lab.parts import ensure

    NetworkPlane(home / "ns").apply(DesiredNetwork((VNet(VNET, "east", (SUBNET,)),)))
    plane = await ControlPlane.start(home / "plane", "east", SERVICES, ensure(), home / "egress")
    file = home / "kubelet.json"
    file.write_text(json.dumps(settings(home, plane)))
    argv = [sys.executable, "-m", "hybridspan_lab.kubelet", str(file)]
    await Program.start("kubelet", argv, home / "kubelet.log")
    print(
        json.dumps({"kubeconfig": str(plane.kubeconfig), "kubectl": str(ensure().kube_bin / "kubectl")}),
        flush=True,
    )
    await asyncio.Event().wait()


def settings(home, plane):
    return {
        "cluster": "east",
        "region": "eastus",
        "kubeconfig": str(plane.kubelet_kubeconfig),
        "pki": str(plane.pki),
        "nodes": [
            {
                "name": f"aks-{i}",
                "address": f"120.38.1.{4 + i}",
                "labels": {"agentpool": "pool"},
                "zone": f"eastus-{i + 1}",
            }
            for i in range(3)
        ],
        "vnet_id": VNET,
        "subnet_prefix": SUBNET,
        "service_cidr": SERVICES,
        "ns_dir": str(home / "ns"),
        "pods_dir": str(home / "pods"),
        "volumes_dir": str(home / "volumes"),
        "egress_socket": str(home / "egress"),
        "disk_limits": str(home / "disk-limits.json"),
        "images": {
            "test/sh": ["/bin/sh"],
            "test/web": [sys.executable, "-u", "-m", "http.server"],
        },
    }


if __name__ == "__main__":
    become_lab_root(Path(sys.argv[1]) / "ns")
    asyncio.run(serve(Path(sys.argv[1])))
