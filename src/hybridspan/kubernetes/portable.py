"""Which objects of one cluster belong in another too, and what of them: pure functions over documents.

An object that moves keeps what its author wrote and loses what the old cluster added: identity, versions, addresses,
certificates that were injected, owners that are not there, and kubectl's copy of the whole.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, Final

from hybridspan.facts.kubernetes import CREDENTIALS

Document = dict[str, Any]

_KEPT_METADATA: Final = ("name", "namespace", "labels", "annotations")
_CLUSTER_ANNOTATIONS: Final = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/",
    "meta.helm.sh/",
    "argocd.argoproj.io/",
    "openshift.io/",
    "field.cattle.io/",
    "cattle.io/",
    "kubernetes.azure.com/",
    "pv.kubernetes.io/",
)
_NEVER: Final = frozenset(
    {"kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "helm.sh/release.v1"}
)
_PULL: Final = frozenset({"kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"})
_PARTS: Final = frozenset({"cert-manager", "cert-manager-cainjector", "cert-manager-webhook"})
CASSANDRA_CREDENTIALS: Final = "apigee-datastore-default-creds"


def stripped(document: Document, namespace: str | None = None) -> Document:
    """The object as another cluster may have it; in that namespace, where it has one at all."""
    moved = copy.deepcopy(document)
    moved.pop("status", None)
    metadata = moved["metadata"]
    moved["metadata"] = {key: metadata[key] for key in _KEPT_METADATA if metadata.get(key)}
    _strip_annotations(moved["metadata"])
    if namespace is not None and "namespace" in moved["metadata"]:
        moved["metadata"]["namespace"] = namespace
    _strip_spec(moved)
    return moved


def _strip_annotations(metadata: Document) -> None:
    kept = {
        key: value
        for key, value in metadata.pop("annotations", {}).items()
        if not key.startswith(_CLUSTER_ANNOTATIONS)
    }
    if kept:
        metadata["annotations"] = kept


def _strip_spec(document: Document) -> None:
    kind = document["kind"]
    if kind == "Namespace":
        document.pop("spec", None)
    elif kind == "Service":
        _strip_service(document["spec"])
    elif kind == "CustomResourceDefinition":
        webhook = (document["spec"].get("conversion") or {}).get("webhook") or {}
        (webhook.get("clientConfig") or {}).pop("caBundle", None)
    elif kind.endswith("WebhookConfiguration"):
        for webhook in document.get("webhooks") or []:
            webhook["clientConfig"].pop("caBundle", None)
    elif kind == "ServiceAccount":
        document.pop("secrets", None)


def _strip_service(spec: Document) -> None:
    if spec.get("clusterIP") != "None":
        spec.pop("clusterIP", None)
        spec.pop("clusterIPs", None)
    for key in ("ipFamilies", "ipFamilyPolicy", "healthCheckNodePort", "loadBalancerIP"):
        spec.pop(key, None)
    for port in spec.get("ports") or []:
        port.pop("nodePort", None)


def purpose_of_secret(document: Document) -> str:
    """What a secret of the Apigee namespace is for where all regions share it; empty where each has its own.

    Never shared: tokens, records of Helm, certificates that cert-manager issued (each region has its own from the
    shared authority) and whatever a controller owns.
    """
    metadata, kind = document["metadata"], document.get("type", "Opaque")
    keys = frozenset(document.get("data") or {})
    issued = any(key.startswith("cert-manager.io/") for key in metadata.get("annotations") or {})
    if kind in _NEVER or issued or metadata.get("ownerReferences"):
        return ""
    if metadata["name"] == CASSANDRA_CREDENTIALS or {"jmx.password", "ddl.password"} <= keys:
        return CREDENTIALS
    if kind == "kubernetes.io/tls":
        return "ingress TLS"
    if kind in _PULL:
        return "image pull"
    return "service account" if any(_is_account_key(key) for key in keys) else ""


def _is_account_key(key: str) -> bool:
    return key.endswith(".json") and ("secret" in key or "key" in key)


def cert_manager_parts(documents: Iterable[Document]) -> frozenset[str]:
    """Those of the objects that an installation of cert-manager cannot be without, as `part_name` calls them.

    Not what goes by its name only, such as an approver of its own release: each cluster may have others of those.
    """
    return frozenset(part_name(d) for d in documents if _is_part(d))


def part_name(document: Document) -> str:
    """Kind and name of an object, in words."""
    return f"{document['kind']} {document['metadata']['name']}"


def _is_part(document: Document) -> bool:
    metadata = document["metadata"]
    instance = (metadata.get("labels") or {}).get("app.kubernetes.io/instance")
    return instance == "cert-manager" or metadata["name"] in _PARTS


def is_cert_managers(document: Document) -> bool:
    """Whether an object belongs to an installation of cert-manager: by its label, else by its name."""
    metadata = document["metadata"]
    labels, name = metadata.get("labels") or {}, metadata["name"]
    if document["kind"] == "CustomResourceDefinition":
        return str(name).endswith(".cert-manager.io")
    if labels.get("app.kubernetes.io/instance") == "cert-manager":
        return True
    return bool(name == "cert-manager" or name.startswith(("cert-manager-", "cert-manager:")))
