"""Where each kind of document lives in the API: its path, plural and whether it has a namespace."""

from __future__ import annotations

from typing import Any, Final

from hybridspan_lab.apigee.crds import APIGEE_KINDS, CERT_MANAGER_KINDS
from hybridspan_lab.kubeapi import KubeApi

Document = dict[str, Any]

_CUSTOM: Final = {(k.api_version, k.kind): k.plural for k in (*APIGEE_KINDS, *CERT_MANAGER_KINDS)}
_IRREGULAR: Final = {"StorageClass": "storageclasses", "PriorityClass": "priorityclasses"}


def location(document: Document) -> tuple[str, str]:
    """(API path, plural) of a document."""
    version, kind = document["apiVersion"], document["kind"]
    api = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    plural = _CUSTOM.get((version, kind)) or _IRREGULAR.get(kind) or f"{kind.lower()}s"
    return api, plural


async def apply(api: KubeApi, document: Document, field_manager: str) -> str:
    """Server-side apply; answers `created`, `configured` or `unchanged`, as kubectl prints it."""
    path, plural = location(document)
    metadata = document["metadata"]
    namespace = metadata.get("namespace")
    before = await api.find(path, plural, metadata["name"], namespace)
    after = await api.apply(path, plural, document, namespace, field_manager=field_manager)
    if before is None:
        return "created"
    same = before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
    return "unchanged" if same else "configured"


def label(document: Document) -> str:
    """`statefulset.apps/apigee-cassandra-default`, as kubectl names an object."""
    group = document["apiVersion"].partition("/")[0] if "/" in document["apiVersion"] else ""
    kind = document["kind"].lower()
    return (
        f"{kind}.{group}/{document['metadata']['name']}"
        if group
        else f"{kind}/{document['metadata']['name']}"
    )
