"""What a cluster has that matters for an Apigee region, in one look."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

from hybridspan.errors import PermanentFailure
from hybridspan.facts.kubernetes import ClusterObjects, PodFacts
from hybridspan.kubernetes import objects
from hybridspan.kubernetes.portable import cert_manager_parts

Document = dict[str, Any]

CERT_MANAGER_NAMESPACE: Final = "cert-manager"
_ADMISSION: Final = "admissionregistration.k8s.io/v1"


class Objects(Protocol):
    """What is asked of a cluster."""

    version: str

    async def get(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> Document | None: ...

    async def list_(self, api_version: str, kind: str, namespace: str | None = None) -> list[Document]: ...

    async def pods(self, namespace: str, labels: str = "") -> tuple[PodFacts, ...]: ...


async def cluster_objects(cluster: Objects, namespace: str) -> ClusterObjects:
    """The cluster, as far as an Apigee region in that namespace needs of it."""
    nodes, namespaces, classes, secrets = await asyncio.gather(
        cluster.list_("v1", "Node"),
        cluster.list_("v1", "Namespace"),
        cluster.list_("storage.k8s.io/v1", "StorageClass"),
        cluster.list_("v1", "Secret", namespace),
    )
    deployments, authority, pods, webhooks = await asyncio.gather(
        cluster.list_("apps/v1", "Deployment", CERT_MANAGER_NAMESPACE),
        cluster.get("v1", "Secret", "apigee-ca", CERT_MANAGER_NAMESPACE),
        cluster.pods(namespace, "app=apigee-cassandra"),
        _webhooks(cluster),
    )
    return ClusterObjects(
        version=cluster.version,
        nodes=tuple(objects.node(n) for n in nodes),
        namespaces=frozenset(n["metadata"]["name"] for n in namespaces),
        cert_manager_version=objects.cert_manager_version(deployments),
        certificate_authority=objects.secret(authority) if authority else None,
        secrets=tuple(objects.secret(s) for s in secrets),
        storage_classes=tuple(c["metadata"]["name"] for c in classes),
        cassandra_pods=pods,
        cert_manager_ready=objects.all_available(deployments),
        authority_issued_nodes=objects.authority_issued_nodes(authority, secrets),
        cert_manager_parts=None if webhooks is None else cert_manager_parts((*deployments, *webhooks)),
    )


async def _webhooks(cluster: Objects) -> list[Document] | None:
    """Webhook configurations; None where the sign-in may not list them: to look at a region takes less than to install one."""
    kinds = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
    try:
        mutating, validating = await asyncio.gather(*(cluster.list_(_ADMISSION, kind) for kind in kinds))
    except PermanentFailure as failure:
        if failure.code != "HS-KUBE-003":
            raise
        return None
    return mutating + validating
