"""cert-manager's objects, with the labels of its release, so that it can be copied from cluster to cluster."""

from __future__ import annotations

from typing import Any, Final

from hybridspan_lab.apigee.crds import CERT_MANAGER_GROUP, CERT_MANAGER_KINDS, definition
from hybridspan_lab.apigee.objects import deployment, object_of

Document = dict[str, Any]

VERSION: Final = "v1.13.6"
NAMESPACE: Final = "cert-manager"
_REGISTRY: Final = "quay.io/jetstack"


def manifests() -> list[Document]:
    """Everything of cert-manager, in an order in which it can be applied."""
    return [
        object_of("v1", "Namespace", NAMESPACE, labels=_labels("cert-manager")),
        *(definition(kind, _labels("cert-manager")) for kind in CERT_MANAGER_KINDS),
        *(_account(name) for name in ("cert-manager", "cert-manager-cainjector", "cert-manager-webhook")),
        _role(),
        _binding(),
        _service(),
        _deployment("cert-manager", "cert-manager-controller", "controller"),
        _deployment("cert-manager-cainjector", "cert-manager-cainjector", "cainjector"),
        _deployment("cert-manager-webhook", "cert-manager-webhook", "webhook"),
    ]


def _labels(name: str, component: str = "") -> dict[str, str]:
    labels = {
        "app": name,
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/instance": "cert-manager",
        "app.kubernetes.io/version": VERSION,
    }
    return {**labels, "app.kubernetes.io/component": component} if component else labels


def _account(name: str) -> Document:
    return object_of("v1", "ServiceAccount", name, NAMESPACE, labels=_labels(name))


def _role() -> Document:
    resources = [kind.plural for kind in CERT_MANAGER_KINDS]
    rules = [
        {
            "apiGroups": [CERT_MANAGER_GROUP],
            "resources": [*resources, *(f"{r}/status" for r in resources)],
            "verbs": ["*"],
        },
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]},
        {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
    ]
    document = object_of(
        "rbac.authorization.k8s.io/v1",
        "ClusterRole",
        "cert-manager-controller",
        labels=_labels("cert-manager"),
    )
    return {**document, "rules": rules}


def _binding() -> Document:
    document = object_of(
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
        "cert-manager-controller",
        labels=_labels("cert-manager"),
    )
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cert-manager-controller"}
    subject = {"kind": "ServiceAccount", "name": "cert-manager", "namespace": NAMESPACE}
    return {**document, "roleRef": role, "subjects": [subject]}


def _service() -> Document:
    document = object_of(
        "v1", "Service", "cert-manager", NAMESPACE, labels=_labels("cert-manager", "controller")
    )
    selector = {"app.kubernetes.io/name": "cert-manager"}
    ports = [{"name": "tcp-prometheus-servicemonitor", "port": 9402, "targetPort": 9402, "protocol": "TCP"}]
    return {**document, "spec": {"type": "ClusterIP", "selector": selector, "ports": ports}}


def _deployment(name: str, image: str, component: str) -> Document:
    return deployment(
        name,
        NAMESPACE,
        f"{_REGISTRY}/{image}:{VERSION}",
        container=f"{name}-{component}" if name == "cert-manager" else name,
        labels=_labels(name, component),
        account=name,
        selector={"app.kubernetes.io/name": name},
    )
