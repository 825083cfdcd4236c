"""Steps against real clients of Kubernetes whose API servers are dictionaries: what was applied is what is found."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hybridspan.errors import HybridspanError
from hybridspan.kubernetes.cluster import KubernetesCluster
from hybridspan.kubernetes.failures import refusal
from hybridspan.plan.model import PlannedStep, StepId, needed
from hybridspan.topology.loading import load
from hybridspan.topology.model import Region

Document = dict[str, Any]

TOPOLOGY = load(Path(__file__).parents[2] / "examples" / "helm-two-regions" / "hybrid.yaml")
NEW = TOPOLOGY.new_regions[0]
APPS, RBAC, ADMISSION = "apps/v1", "rbac.authorization.k8s.io/v1", "admissionregistration.k8s.io/v1"
DEFINITIONS, APIGEE = "apiextensions.k8s.io/v1", "apigee.cloud.google.com/v1alpha1"
_KINDS: Mapping[str, Mapping[str, tuple[str, bool]]] = {
    "v1": {
        "Node": ("nodes", False),
        "Namespace": ("namespaces", False),
        "Secret": ("secrets", True),
        "Pod": ("pods", True),
        "ServiceAccount": ("serviceaccounts", True),
        "ConfigMap": ("configmaps", True),
        "Service": ("services", True),
    },
    APPS: {"Deployment": ("deployments", True), "StatefulSet": ("statefulsets", True)},
    RBAC: {
        "ClusterRole": ("clusterroles", False),
        "ClusterRoleBinding": ("clusterrolebindings", False),
        "Role": ("roles", True),
        "RoleBinding": ("rolebindings", True),
    },
    ADMISSION: {
        "MutatingWebhookConfiguration": ("mutatingwebhookconfigurations", False),
        "ValidatingWebhookConfiguration": ("validatingwebhookconfigurations", False),
    },
    DEFINITIONS: {"CustomResourceDefinition": ("customresourcedefinitions", False)},
    APIGEE: {"ApigeeDatastore": ("apigeedatastores", True)},
}


@dataclass
class Server:
    """One API server; `failing` maps the end of a path to the failures that requests for it meet, one after the other."""

    name: str
    objects: dict[str, Document] = field(default_factory=dict)
    failing: dict[str, list[HybridspanError]] = field(default_factory=dict)
    forbidden: frozenset[str] = frozenset()
    """Paths that the sign-in may not list."""
    applied: list[tuple[str, bool]] = field(default_factory=list)
    """Paths of what was applied, and whether by force."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "",
        where: str = "",
    ) -> Any:
        self._meet(path)
        if method == "PATCH":
            self.applied.append((path, (query or {}).get("force") == "true"))
            return self.objects.setdefault(path, {}) | self._keep(path, body)
        if method == "DELETE":
            return self.objects.pop(path, None)
        api = path.removeprefix("/apis/").removeprefix("/api/")
        if api in _KINDS:
            kinds = _KINDS[api].items()
            return {"resources": [{"kind": k, "name": n, "namespaced": inside} for k, (n, inside) in kinds]}
        if path in self.objects:
            return self.objects[path]
        return {"items": self._listed(path)} if path.rpartition("/")[2] in _PLURALS else None

    def _meet(self, path: str) -> None:
        if path in self.forbidden:
            raise refusal(403, {"message": f"cannot list {path}"}, self.name, "kubectl")
        for end, failures in self.failing.items():
            if path.endswith(end) and failures:
                raise failures.pop(0)

    def _keep(self, path: str, document: Document) -> Document:
        if document["kind"] == "CustomResourceDefinition":
            # An API server serves what it took.
            document = document | {"status": {"conditions": [{"type": "Established", "status": "True"}]}}
        self.objects[path] = document
        return document

    def _listed(self, path: str) -> list[Document]:
        head, _, plural = path.rpartition("/")
        inside = "/namespaces/" in path
        return [
            document
            for held, document in self.objects.items()
            if held.split("/")[-2] == plural
            and (held.startswith(f"{path}/") if inside else held.startswith(head))
        ]

    def hold(self, *documents: Document) -> None:
        """Have these objects, as if somebody had made them."""
        for document in documents:
            self.objects[path_of(document)] = document

    def held(self, path: str) -> Document:
        """The object whose path ends like that."""
        return next(document for held, document in self.objects.items() if held.endswith(path))


_PLURALS = frozenset(name for kinds in _KINDS.values() for name, _ in kinds.values())


def path_of(document: Document) -> str:
    """Where the API server has an object."""
    api, metadata = document["apiVersion"], document["metadata"]
    plural, inside = _KINDS[api][document["kind"]]
    base = f"/api/{api}" if "/" not in api else f"/apis/{api}"
    scope = f"/namespaces/{metadata['namespace']}" if inside else ""
    return f"{base}{scope}/{plural}/{metadata['name']}"


class Estate:
    """Two clusters, as a step sees them."""

    def __init__(self) -> None:
        self.topology = TOPOLOGY
        self.first, self.new = Server("first"), Server("new")

    async def cluster(self, region: Region) -> KubernetesCluster:
        server: Any = self.first if region == TOPOLOGY.first else self.new
        return KubernetesCluster(server, server.name, lambda *_: None)


def planned(phase: str) -> PlannedStep:
    return PlannedStep(StepId(f"{phase}/{NEW.name}"), phase, NEW.name, phase, needed(""))


def quiet(*_: Any) -> None:
    """Progress that nobody listens to."""


def secret(
    name: str, values: Mapping[str, str], kind: str = "Opaque", namespace: str = "apigee", **annotations: str
) -> Document:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    metadata: Document = {"name": name, "namespace": namespace}
    if annotations:
        metadata["annotations"] = {
            f"cert-manager.io/{k.replace('_', '-')}": v for k, v in annotations.items()
        }
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": kind, "data": data}


def datastore(namespace: str) -> Document:
    metadata = {"name": "default", "namespace": namespace}
    return {"apiVersion": APIGEE, "kind": "ApigeeDatastore", "metadata": metadata, "spec": {}}
