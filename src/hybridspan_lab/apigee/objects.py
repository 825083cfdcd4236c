"""Small constructors of Kubernetes documents that several of the stand-ins make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]


def object_of(
    api_version: str,
    kind: str,
    name: str,
    namespace: str | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Document:
    """A document with its metadata and nothing else."""
    metadata: Document = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def deployment(
    name: str,
    namespace: str,
    image: str,
    *,
    container: str = "",
    labels: Mapping[str, str],
    account: str = "default",
    selector: Mapping[str, str] | None = None,
    pod: Mapping[str, Any] | None = None,
    main: Mapping[str, Any] | None = None,
    replicas: int = 1,
) -> Document:
    """A Deployment of one container; `pod` and `main` add to the pod's and the container's fields."""
    document = object_of("apps/v1", "Deployment", name, namespace, labels=labels)
    chosen = dict(selector or labels)
    spec = {
        "serviceAccountName": account,
        "containers": [{"name": container or name, "image": image, **(main or {})}],
        **(pod or {}),
    }
    document["spec"] = {
        "replicas": replicas,
        "selector": {"matchLabels": chosen},
        "template": {"metadata": {"labels": {**labels, **chosen}}, "spec": spec},
    }
    return document


def owned(document: Document, owner: Mapping[str, Any]) -> Document:
    """The document with its owner, so that Kubernetes removes it together with that."""
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {**document, "metadata": {**document["metadata"], "ownerReferences": [reference]}}
