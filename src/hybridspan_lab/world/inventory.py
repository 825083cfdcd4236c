"""What runs where in the lab, with which memory, as `lab status` shows it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from hybridspan_lab.kubeapi import ApiError, KubeApi
from hybridspan_lab.world.clusters import Cluster, Clusters
from hybridspan_lab.world.places import Places


async def take(places: Places, clusters: Clusters) -> dict[str, Any]:
    """The clusters with their programs, nodes and pods; memory in bytes, shared pages counted once."""
    by_network = await asyncio.to_thread(_memory_by_network)
    described = await asyncio.gather(*(_describe(places, cluster, by_network) for cluster in clusters.all))
    world = _proportional_memory(os.getpid())
    return {"clusters": described, "world_memory": world, "memory": sum(by_network.values())}


async def _describe(places: Places, cluster: Cluster, by_network: dict[int, int]) -> dict[str, Any]:
    return {
        "name": cluster.document.name,
        "location": cluster.document.location,
        "id": cluster.document.id,
        "server": f"https://127.0.0.1:{cluster.plane.port}",
        "programs": [
            {
                "name": program.name,
                "pid": program.pid,
                "running": program.is_running,
                "memory": _proportional_memory(program.pid),
                "log": str(program.log),
            }
            for program in cluster.programs
        ],
        "nodes": [{"name": node.name, "address": node.address} for node in cluster.nodes],
        "pods": await _pods(places, cluster, by_network),
    }


async def _pods(places: Places, cluster: Cluster, by_network: dict[int, int]) -> list[dict[str, Any]]:
    try:
        async with KubeApi.from_kubeconfig(cluster.plane.kubeconfig) as api:
            found = await api.list("/api/v1", "pods")
    except ApiError:
        return []
    return [_pod(places, pod, by_network) for pod in found]


def _pod(places: Places, pod: dict[str, Any], by_network: dict[int, int]) -> dict[str, Any]:
    metadata, status = pod["metadata"], pod.get("status", {})
    containers = status.get("containerStatuses", [])
    network = places.network_names / f"pod-{metadata['uid']}"
    memory = 0
    with contextlib.suppress(OSError):
        memory = by_network.get(network.stat().st_ino, 0)
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "node": pod["spec"].get("nodeName", ""),
        "address": status.get("podIP", ""),
        "phase": status.get("phase", ""),
        "ready": bool(containers) and all(container["ready"] for container in containers),
        "restarts": sum(container["restartCount"] for container in containers),
        "memory": memory,
    }


def _memory_by_network() -> dict[int, int]:
    """Bytes by network namespace: a pod is its namespace, everything else is on the host's."""
    total: dict[int, int] = defaultdict(int)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                total[os.stat(f"/proc/{entry}/ns/net").st_ino] += _proportional_memory(int(entry))
    return total


def _proportional_memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
