"""Runs the lab's clusters: a control plane and one kubelet process for all nodes of each.

This is the Resource Manager's `ClusterHost`: what Azure would do behind `managedClusters`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import hybridspan_lab
from hybridspan.errors import PermanentFailure
from hybridspan_lab.arm.documents import write_atomically
from hybridspan_lab.arm.ports import ClusterDocument, NodePool, Progress
from hybridspan_lab.controlplane import ControlPlane, Program, kubeconfig
from hybridspan_lab.kubeapi import ApiError, KubeApi
from hybridspan_lab.network.loopback import LoopbackRanges
from hybridspan_lab.network.mode import Mode
from hybridspan_lab.parts import Parts
from hybridspan_lab.world import nodes, wishes
from hybridspan_lab.world.nodes import Node
from hybridspan_lab.world.places import Places

NODES_READY_SECONDS: Final = 180.0
_POLL_SECONDS: Final = 0.1


class Cluster:
    """One running managed cluster."""

    def __init__(self, document: ClusterDocument, plane: ControlPlane, kubelet_home: Path) -> None:
        self.document = document
        self.plane = plane
        self.kubelet_home = kubelet_home
        self.kubelet: Program | None = None
        self.nodes: tuple[Node, ...] = ()

    @property
    def programs(self) -> list[Program]:
        return [*self.plane.programs, *([self.kubelet] if self.kubelet else [])]


class Clusters:
    """Every managed cluster of the lab, by lower-cased resource id."""

    def __init__(
        self,
        places: Places,
        parts: Parts,
        on_change: Callable[[], None],
        network: Mode = "namespaces",
        contexts: Mapping[str, str] | None = None,
    ) -> None:
        """`contexts` are further names of contexts, by the lower-cased id of their cluster."""
        self._network = network
        self._contexts = contexts or {}
        self._ranges = LoopbackRanges()
        self._places = places
        self._parts = parts
        self._on_change = on_change
        self._clusters: dict[str, Cluster] = {}
        self._asked: list[str] = []

    @property
    def all(self) -> Sequence[Cluster]:
        return list(self._clusters.values())

    async def create(self, cluster: ClusterDocument, progress: Progress) -> None:
        """Starts the control plane and the nodes; a half-made one is thrown away first."""
        await self.delete(cluster.id)
        self._asked.append(cluster.id.lower())
        cluster = self._placed(cluster)
        progress("ProvisioningControlPlane")
        home, socket = self._home(cluster.id), self._socket(cluster.id)
        plane = await ControlPlane.start(
            home / "plane",
            cluster.name,
            cluster.service_cidr,
            self._parts,
            socket,
            has_endpoints=self._network == "namespaces",
        )
        made = Cluster(cluster, plane, home)
        self._clusters[cluster.id.lower()] = made
        progress("CreatingAgentPools")
        async with KubeApi.from_kubeconfig(plane.kubeconfig) as api:
            await self._start_nodes(made, cluster.pools)
            await _until_ready(api, made)
            if wished := wishes.read(self._places.wishes):
                await wishes.give(api, wished)
        self._on_change()

    def _placed(self, cluster: ClusterDocument) -> ClusterDocument:
        """The cluster with the addresses that its nodes and pods really have."""
        if self._network == "namespaces":
            return cluster
        range_ = self._ranges.of(cluster.vnet_id or cluster.id, cluster.subnet_prefix or nodes.DEFAULT_SUBNET)
        return replace(cluster, subnet_prefix=range_, pod_cidr=None)

    def _placed_pool(self, cluster: ClusterDocument, pool: NodePool) -> NodePool:
        """The pool with the addresses that its pods really have, where they have a subnet of their own."""
        if self._network == "namespaces" or pool.pod_subnet_prefix is None:
            return pool
        range_ = self._ranges.of(cluster.vnet_id or cluster.id, pool.pod_subnet_prefix)
        return replace(pool, pod_subnet_prefix=range_)

    async def delete(self, cluster_id: str) -> None:
        """Stops a cluster and forgets its data; no error when there is none."""
        self._asked = [name for name in self._asked if name != cluster_id.lower()]
        found = self._clusters.pop(cluster_id.lower(), None)
        if found is not None:
            self._on_change()
            await _stop(found)
        await asyncio.to_thread(shutil.rmtree, self._home(cluster_id), ignore_errors=True)

    async def scale(self, cluster_id: str, pools: tuple[NodePool, ...]) -> None:
        """Makes the nodes match these pools; nodes that stay keep their pods."""
        cluster = self._clusters[cluster_id.lower()]
        async with KubeApi.from_kubeconfig(cluster.plane.kubeconfig) as api:
            gone = {node.name for node in cluster.nodes}
            await self._start_nodes(cluster, pools)
            for name in gone - {node.name for node in cluster.nodes}:
                await api.delete("/api/v1", "nodes", name)
            await _until_ready(api, cluster)

    def kubeconfig(self, cluster_id: str, admin: bool) -> bytes:
        """What listClusterUserCredential and listClusterAdminCredential answer."""
        return json.dumps(self._kubeconfig(self._clusters[cluster_id.lower()], admin)).encode()

    def write_kubeconfig(self) -> None:
        """Replaces the person's kubeconfig: every cluster, contexts named as the clusters, and as the topology names them."""
        # In the order in which they were asked for, whichever was ready first.
        clusters = [self._clusters[name] for name in self._asked if name in self._clusters]
        entries = [self._kubeconfig(cluster, admin=False) for cluster in clusters]
        merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
        for key in ("clusters", "users", "contexts"):
            merged[key] = [item for entry in entries for item in entry[key]]
        known = {context["name"] for context in merged["contexts"]}
        for cluster, entry in zip(clusters, entries, strict=True):
            name = self._contexts.get(cluster.document.id.lower())
            if name and name not in known:
                merged["contexts"].append({**entry["contexts"][0], "name": name})
        merged["current-context"] = entries[0]["current-context"] if entries else ""
        kubeconfig.write(self._places.kubeconfig, merged)

    async def stop(self) -> None:
        """Stops every cluster; their data stays."""
        await asyncio.gather(*(_stop(cluster) for cluster in self._clusters.values()))
        self._clusters.clear()

    def _home(self, cluster_id: str) -> Path:
        return self._places.clusters / f"{cluster_id.rsplit('/', 1)[1]}-{_short(cluster_id)}"

    def _socket(self, cluster_id: str) -> Path:
        return self._places.sockets / f"egress-{_short(cluster_id)}.sock"

    def _kubeconfig(self, cluster: Cluster, admin: bool) -> dict[str, Any]:
        document, plane = cluster.document, cluster.plane
        name = f"{document.name}-admin" if admin else document.name
        user = f"cluster{'Admin' if admin else 'User'}_{document.resource_group}_{document.name}"
        pair = plane.pki / "admin.crt", plane.pki / "admin.key"
        entry = kubeconfig.client_entry(
            document.name, user, f"https://127.0.0.1:{plane.port}", plane.pki / "ca.crt", pair
        )
        entry["contexts"][0]["name"] = entry["current-context"] = name
        return entry

    async def _start_nodes(self, cluster: Cluster, pools: Sequence[NodePool]) -> None:
        placed = [self._placed_pool(cluster.document, pool) for pool in pools]
        cluster.nodes = nodes.place(cluster.document, placed, cluster.nodes)
        file = cluster.kubelet_home / "kubelet.json"
        write_atomically(file, json.dumps(self._kubelet_settings(cluster), indent=1))
        if cluster.kubelet is not None and cluster.kubelet.is_running:
            cluster.kubelet.reload()
            return
        argv = [sys.executable, "-m", "hybridspan_lab.kubelet", str(file)]
        cluster.kubelet = await Program.start(
            "kubelet", argv, cluster.kubelet_home / "kubelet.log", _python()
        )

    def _kubelet_settings(self, cluster: Cluster) -> dict[str, Any]:
        document, home = cluster.document, cluster.kubelet_home
        return {
            "cluster": document.name,
            "region": document.location,
            "kubeconfig": str(cluster.plane.kubelet_kubeconfig),
            "pki": str(cluster.plane.pki),
            "port": 0,
            "nodes": [node.to_document() for node in cluster.nodes],
            "vnet_id": document.vnet_id,
            "subnet_prefix": document.subnet_prefix,
            "pod_cidr": document.pod_cidr,
            "service_cidr": document.service_cidr,
            "ns_dir": str(self._places.network_names),
            "pods_dir": str(home / "pods"),
            "volumes_dir": str(home / "volumes"),
            "egress_socket": str(self._socket(document.id)),
            "cache": str(self._parts.cache),
            "network": self._network,
            "disk_limits": str(self._places.disk_limits),
            "first_seeds": str(self._places.first_seeds),
        }


def _short(cluster_id: str) -> str:
    return hashlib.sha256(cluster_id.lower().encode()).hexdigest()[:8]


def _python() -> dict[str, str]:
    source = str(Path(hybridspan_lab.__file__).resolve().parents[1])
    return {"PYTHONPATH": os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH", "")]))}


async def _stop(cluster: Cluster) -> None:
    # The kubelet first: its last words go to the API server.
    if cluster.kubelet is not None:
        await cluster.kubelet.stop()
    await cluster.plane.stop()


async def _until_ready(api: KubeApi, cluster: Cluster) -> None:
    wanted = {node.name for node in cluster.nodes}
    try:
        async with asyncio.timeout(NODES_READY_SECONDS):
            while not (wanted <= await _ready_nodes(api) and await _takes_pods(api)):
                if cluster.kubelet is None or not cluster.kubelet.is_running:
                    raise _not_ready(cluster, "the kubelet has ended")
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError as error:
        raise _not_ready(cluster, "they are not ready in time") from error


async def _ready_nodes(api: KubeApi) -> set[str]:
    try:
        found = await api.list("/api/v1", "nodes")
    except ApiError:
        return set()
    return {node["metadata"]["name"] for node in found if _is_ready(node)}


async def _takes_pods(api: KubeApi) -> bool:
    """Whether a pod can be made: it runs as an account that a controller makes in its own time."""
    try:
        return await api.find("/api/v1", "serviceaccounts", "default", "default") is not None
    except ApiError:
        return False


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _not_ready(cluster: Cluster, why: str) -> PermanentFailure:
    said = cluster.kubelet.last_words() if cluster.kubelet else ""
    return PermanentFailure(
        "HS-LAB-021",
        "the nodes of a cluster did not become ready",
        where=cluster.document.name,
        why=f"{why}: {said}".strip(": \n"),
        hint=f"the kubelet's log is in {cluster.kubelet_home}",
    )
