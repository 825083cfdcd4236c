"""What the Resource Manager needs from the world around it: someone who runs clusters, someone who lays networks."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Progress = Callable[[str], None]
"""Takes the operation's free-text status, for example `ReconcilingDNS`."""


@dataclass(frozen=True, slots=True)
class NodePool:
    """An agent pool as the cluster's host must start it."""

    name: str
    count: int
    mode: str
    vm_size: str
    max_pods: int
    labels: tuple[tuple[str, str], ...]
    taints: tuple[str, ...]
    zones: tuple[str, ...]
    subnet_id: str | None
    pod_subnet_prefix: str | None = None
    """The prefix of the subnet that only its pods have addresses of."""


@dataclass(frozen=True, slots=True)
class ClusterDocument:
    """A managed cluster as its host must start it."""

    id: str
    name: str
    location: str
    subscription: str
    resource_group: str
    kubernetes_version: str
    network_plugin: str
    network_plugin_mode: str | None
    service_cidr: str
    dns_service_ip: str
    pod_cidr: str | None
    vnet_id: str | None
    subnet_id: str | None
    subnet_prefix: str | None
    pools: tuple[NodePool, ...]


class ClusterHost(Protocol):
    """Starts and stops real control planes; every call may take as long as it takes.

    An exception from `create` or `scale` becomes the operation's failure, with the exception's text.
    `create` is called again for a cluster whose creation a restart interrupted: it must be idempotent.
    """

    async def create(self, cluster: ClusterDocument, progress: Progress) -> None:
        """Starts the control plane and the nodes."""

    async def delete(self, cluster_id: str) -> None:
        """Stops them and forgets their data; no error when there is nothing."""

    async def scale(self, cluster_id: str, pools: tuple[NodePool, ...]) -> None:
        """Makes the nodes match these pools."""

    def kubeconfig(self, cluster_id: str, admin: bool) -> bytes:
        """A kubeconfig (YAML) for that cluster."""


class NullHost:
    """A host without clusters: takes a moment, says what AKS says, answers a kubeconfig that leads nowhere."""

    def __init__(self, seconds: float = 0.3) -> None:
        self.seconds = seconds
        self.created: list[ClusterDocument] = []
        self.deleted: list[str] = []
        self.scaled: list[tuple[str, tuple[NodePool, ...]]] = []

    async def create(self, cluster: ClusterDocument, progress: Progress) -> None:
        for status in (
            "ProvisioningControlPlane",
            "ReconcilingDNS",
            "CreatingAgentPools: 0/1 nodes completed",
        ):
            progress(status)
            await asyncio.sleep(self.seconds / 3)
        self.created.append(cluster)

    async def delete(self, cluster_id: str) -> None:
        await asyncio.sleep(self.seconds / 3)
        self.deleted.append(cluster_id)

    async def scale(self, cluster_id: str, pools: tuple[NodePool, ...]) -> None:
        await asyncio.sleep(self.seconds / 3)
        self.scaled.append((cluster_id, pools))

    def kubeconfig(self, cluster_id: str, admin: bool) -> bytes:
        name = cluster_id.rsplit("/", 1)[1]
        user = f"cluster{'Admin' if admin else 'User'}_{name}"
        authority = base64.b64encode(b"no certificate").decode()
        return (
            "apiVersion: v1\nkind: Config\n"
            f"clusters:\n- name: {name}\n  cluster:\n    server: https://127.0.0.1:9\n"
            f"    certificate-authority-data: {authority}\n"
            f"contexts:\n- name: {name}\n  context: {{cluster: {name}, user: {user}}}\n"
            f"current-context: {name}\nusers:\n- name: {user}\n  user: {{token: nowhere}}\n"
        ).encode()
