"""Troubles on request: Azure's faults, a pod that hangs, a disk that is too small."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from typing import Any, Final

from hybridspan_lab.arm.documents import write_atomically
from hybridspan_lab.kubeapi import KubeApi
from hybridspan_lab.kubelet.attachments import owner_of
from hybridspan_lab.sandbox.marked import marked
from hybridspan_lab.sandbox.plain import POD_VARIABLE
from hybridspan_lab.world import wishes
from hybridspan_lab.world.azure import Azure
from hybridspan_lab.world.clusters import Cluster, Clusters
from hybridspan_lab.world.places import Places
from hybridspan_lab.world.record import Record

SIGNALS: Final = {"pause": signal.SIGSTOP, "resume": signal.SIGCONT}


class Troubles:
    """Answers `lab fault`: pods, disks and Apigee's operator are the world's own, everything else is Azure's."""

    def __init__(self, places: Places, clusters: Clusters, azure: Azure, record: Record) -> None:
        self._network = record.network
        self._namespace = record.namespace_of_apigee
        self._places = places
        self._clusters = clusters
        self._azure = azure

    async def make(self, question: dict[str, Any]) -> dict[str, Any]:
        """Makes one trouble, as its document says; raises LookupError for what does not exist."""
        kind = question.get("kind")
        if kind in SIGNALS:
            pids = await self._processes(
                question["cluster"], question.get("namespace", self._namespace), question["pod"]
            )
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, SIGNALS[kind])
            return {kind: question["pod"], "processes": len(pids)}
        if kind == "small-disk":
            return self._limit(question["cluster"], question["claim"], int(question["megabytes"]))
        if kind == "replication-lies":
            return await self._lie(str(question.get("how", "without-rebuild")))
        return await self._azure.fault(question)

    async def _lie(self, how: str) -> dict[str, Any]:
        """Operators report copies that they have not made, in every cluster, those to come too; `never` ends that."""
        known = {**wishes.REPLICATION_LIES, "never": ""}
        if how not in known:
            raise LookupError(f"an operator does not lie {how!r}: it knows {', '.join(known)}")
        wished = wishes.keep(self._places.wishes, "replication", known[how])
        for cluster in self._clusters.all:
            async with KubeApi.from_kubeconfig(cluster.plane.kubeconfig) as api:
                await wishes.give(api, wished)
        return {"replication-lies": how}

    def _limit(self, cluster: str, claim: str, megabytes: int) -> dict[str, Any]:
        """Volumes made from now on for that claim hold so much and no more; the cluster need not exist yet."""
        if self._network == "loopback":
            raise LookupError("the fall-back network has no disks of its own: nothing can be mounted")
        limits = json.loads(self._places.disk_limits.read_text()) if self._places.disk_limits.exists() else {}
        limits[f"{cluster}/{claim}"] = megabytes * 2**20
        write_atomically(self._places.disk_limits, json.dumps(limits))
        return {"limits": limits}

    async def _processes(self, cluster: str, namespace: str, name: str) -> list[int]:
        async with KubeApi.from_kubeconfig(self._cluster(cluster).plane.kubeconfig) as api:
            pod = await api.get("/api/v1", "pods", name, namespace)
        if self._network == "loopback":
            return marked(POD_VARIABLE, pod["metadata"]["uid"])
        # A pod on its node's network shares it with others of its kind; on a node for Cassandra there are none.
        network = self._places.network_names / f"pod-{owner_of(pod, cluster)}"
        return list(_members(network.stat().st_ino))

    def _cluster(self, name: str) -> Cluster:
        for cluster in self._clusters.all:
            if cluster.document.name == name:
                return cluster
        raise LookupError(f"there is no cluster {name}")


def _members(network: int) -> Iterator[int]:
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{entry}/ns/net").st_ino == network:
                    yield int(entry)
