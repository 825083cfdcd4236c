"""The first region's cluster as an installation leaves it, as far as other regions need of it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from hybridspan.kubernetes.cluster import KubernetesCluster
from hybridspan_lab.apigee.cert_manager_manifests import manifests
from hybridspan_lab.controlplane.authority import Authority


async def furnish(first: KubernetesCluster, home: Path) -> None:
    """The first region's cluster as an installation leaves it."""
    for document in manifests():
        await first.apply(document)
    labels = {"apigee.cloud.google.com/platform": "apigee"}
    await first.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apigee", "labels": labels}}
    )
    Authority.create(home / "ca", "apigee-hybrid")
    pair = {"tls.crt": (home / "ca/ca.crt").read_text(), "tls.key": (home / "ca/ca.key").read_text()}
    last = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "cert-manager.io/issuer-name": "root"}
    await first.apply(
        secret("apigee-ca", pair, "kubernetes.io/tls", namespace="cert-manager", annotations=last)
    )
    await first.apply(secret("apigee-datastore-default-creds", {"jmx.password": "a"}))
    await first.apply(secret("apigee-cassandra-auth", {"jmx.password": "a", "ddl.password": "b"}))
    await first.apply(
        secret(
            "apigee-cassandra-default-tls",
            pair,
            "kubernetes.io/tls",
            annotations={"cert-manager.io/certificate-name": "x"},
        )
    )
    await first.apply(secret("test-group-tls", pair, "kubernetes.io/tls"))
    await first.apply(secret("sh.helm.release.v1.x", {"release": "x"}, "helm.sh/release.v1"))
    await first.apply(secret("of-its-own", {"x": "y"}))
    await first.apply(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "managed-csi-premium"},
            "provisioner": "disk.csi.azure.com",
            "volumeBindingMode": "WaitForFirstConsumer",
        }
    )


def secret(
    name: str,
    values: dict[str, str],
    kind: str = "Opaque",
    *,
    namespace: str = "apigee",
    annotations: Any = None,
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace} | ({"annotations": annotations} if annotations else {})
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": data}
