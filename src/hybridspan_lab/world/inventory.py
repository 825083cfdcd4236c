"""What runs where in the lab, with which memory, as `lab status` shows it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hybridspan_lab.kubeapi import ApiError, KubeApi
from hybridspan_lab.kubelet.attachments import owner_of
from hybridspan_lab.network.mode import Mode
from hybridspan_lab.sandbox.marked import WORLD_VARIABLE, environments
from hybridspan_lab.sandbox.plain import POD_VARIABLE
from hybridspan_lab.world.clusters import Cluster, Clusters
from hybridspan_lab.world.places import Places

MemoryOf = Callable[[dict[str, Any], str], int]
"""Bytes of a pod of the cluster with that name."""


async def take(places: Places, clusters: Clusters, network: Mode) -> dict[str, Any]:
    """The clusters with their programs, nodes and pods; memory in bytes, shared pages counted once."""
    if network == "loopback":
        by_pod = await asyncio.to_thread(_memory_by_mark, places.home)
        memory = _of_mark(by_pod)
    else:
        by_pod = await asyncio.to_thread(_memory_by_network)
        memory = _of_namespace(places, by_pod)
    described = await asyncio.gather(*(_describe(cluster, memory) for cluster in clusters.all))
    world = _proportional_memory(os.getpid())
    return {"clusters": described, "world_memory": world, "memory": sum(by_pod.values())}


async def _describe(cluster: Cluster, memory: MemoryOf) -> dict[str, Any]:
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
        "pods": await _pods(cluster, memory),
    }


async def _pods(cluster: Cluster, memory: MemoryOf) -> list[dict[str, Any]]:
    try:
        async with KubeApi.from_kubeconfig(cluster.plane.kubeconfig) as api:
            found = await api.list("/api/v1", "pods")
    except ApiError:
        return []
    return [_pod(pod, memory, cluster.document.name) for pod in found]


def _pod(pod: dict[str, Any], memory: MemoryOf, cluster: str) -> dict[str, Any]:
    metadata, status = pod["metadata"], pod.get("status", {})
    containers = status.get("containerStatuses", [])
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "node": pod["spec"].get("nodeName", ""),
        "address": status.get("podIP", ""),
        "phase": status.get("phase", ""),
        "ready": bool(containers) and all(container["ready"] for container in containers),
        "restarts": sum(container["restartCount"] for container in containers),
        "memory": memory(pod, cluster),
    }


def _of_namespace(places: Places, found: dict[str, int]) -> MemoryOf:
    def memory(pod: dict[str, Any], cluster: str) -> int:
        with contextlib.suppress(OSError):
            return found.get(str((places.network_names / f"pod-{owner_of(pod, cluster)}").stat().st_ino), 0)
        return 0

    return memory


def _of_mark(found: dict[str, int]) -> MemoryOf:
    return lambda pod, _: found.get(str(pod["metadata"]["uid"]), 0)


def _memory_by_mark(home: Path) -> dict[str, int]:
    """Bytes by the pod that a process of this lab is marked with; the lab's own programs are under an empty name."""
    mark, total = os.fsencode(f"{POD_VARIABLE}="), defaultdict[str, int](int)
    lab = os.fsencode(f"{WORLD_VARIABLE}={home}")
    for pid, variables in environments():
        if lab in variables:
            pod = next((v.removeprefix(mark).decode() for v in variables if v.startswith(mark)), "")
            total[pod] += _proportional_memory(pid)
    return total


def _memory_by_network() -> dict[str, int]:
    """Bytes by network namespace: a pod is its namespace, everything else is on the host's."""
    total: dict[str, int] = defaultdict(int)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                total[str(os.stat(f"/proc/{entry}/ns/net").st_ino)] += _proportional_memory(int(entry))
    return total


def _proportional_memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
