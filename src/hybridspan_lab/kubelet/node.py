"""Node objects and their leases: what makes the scheduler use a node and the controllers trust it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import os
from typing import Any, Final

from hybridspan_lab.kubeapi import ApiError, Document, KubeApi
from hybridspan_lab.kubelet.config import KubeletConfig, NodeConfig
from hybridspan_lab.kubelet.container import timestamp

LOG: Final = logging.getLogger(__name__)
LEASE_SECONDS: Final = 40
RENEW_SECONDS: Final = 5.0
VERSION: Final = "v1.37.2"
CONDITIONS: Final = (
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
)


async def register(api: KubeApi, node: NodeConfig, config: KubeletConfig, port: int) -> None:
    """Creates the node, or brings an existing one up to date, and reports it ready."""
    document = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name}}
    labels = node_labels(node, config)
    spec = {"providerID": f"azure:///lab/{config.cluster}/{node.name}"}
    try:
        await api.create(
            "/api/v1", "nodes", {**document, "metadata": {"name": node.name, "labels": labels}, "spec": spec}
        )
    except ApiError as error:
        if not error.is_conflict:
            raise
        await api.patch("/api/v1", "nodes", node.name, {"metadata": {"labels": labels}})
    await api.update_status("/api/v1", "nodes", node.name, node_status(node, port))
    # The taint that every new node has until it is ready need not wait for the controller's next round.
    with contextlib.suppress(ApiError):
        await api.patch("/api/v1", "nodes", node.name, {"spec": {"taints": taints(node) or None}})


def node_labels(node: NodeConfig, config: KubeletConfig) -> dict[str, str]:
    found = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.azure.com/cluster": config.cluster,
    }
    if config.region:
        found["topology.kubernetes.io/region"] = config.region
    zone = f"{config.region}-{node.zone}" if config.region and node.zone.isdigit() else node.zone
    found["topology.kubernetes.io/zone"] = zone or "0"
    found["topology.disk.csi.azure.com/zone"] = zone if zone and zone != "0" else ""
    return found | dict(node.labels)


def taints(node: NodeConfig) -> list[dict[str, str]]:
    found = []
    for text in node.taints:
        pair, _, effect = text.rpartition(":")
        key, _, value = pair.partition("=")
        found.append({"key": key, "value": value, "effect": effect})
    return found


def node_status(node: NodeConfig, port: int) -> Document:
    capacity = {"cpu": "8", "memory": "32Gi", "ephemeral-storage": "128Gi", "pods": str(node.max_pods)}
    return {
        "addresses": [
            {"type": "InternalIP", "address": node.address},
            {"type": "Hostname", "address": node.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "declaredFeatures": ["ExtendWebSocketsToKubelet"],
        "capacity": capacity,
        "allocatable": capacity,
        "conditions": [condition(*values) for values in CONDITIONS],
        "nodeInfo": {
            "kubeletVersion": VERSION,
            "kubeProxyVersion": "",
            "osImage": "hybridspan lab",
            "operatingSystem": "linux",
            "architecture": "amd64",
            "containerRuntimeVersion": "lab://1",
            "kernelVersion": os.uname().release,
            "machineID": "",
            "systemUUID": "",
            "bootID": "",
        },
    }


def condition(kind: str, status: str, reason: str, message: str) -> Document:
    now = timestamp()
    return {
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastHeartbeatTime": now, "lastTransitionTime": now,
    }  # fmt: skip


async def keep_lease(api: KubeApi, node: NodeConfig) -> None:
    """Renews a node's lease for ever; without it the node's pods are taken for lost after 40 s."""
    while True:
        try:
            await renew(api, node.name)
        except ApiError as error:
            LOG.info("lease of node %s: %s", node.name, error)
            await asyncio.sleep(1.0)
        else:
            await asyncio.sleep(RENEW_SECONDS)


async def renew(api: KubeApi, name: str) -> None:
    path, namespace = "/apis/coordination.k8s.io/v1", "kube-node-lease"
    spec: dict[str, Any] = {
        "holderIdentity": name,
        "leaseDurationSeconds": LEASE_SECONDS,
        "renewTime": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    try:
        await api.patch(path, "leases", name, {"spec": spec}, namespace)
    except ApiError as error:
        if not error.is_missing:
            raise
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name},
            "spec": spec,
        }
        await api.create(path, "leases", lease, namespace)
