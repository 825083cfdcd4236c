"""Apigee's custom resource definitions as the operator chart carries them.

The real ones repeat a pod's whole schema for every component, and so are too long for the annotation that a client-side
`kubectl apply` keeps (262144 bytes). These do the same: whoever applies them without `--server-side` is refused.
"""

from __future__ import annotations

from typing import Any, Final

from hybridspan_lab.apigee.crds import APIGEE_KINDS, DATASTORE, ENVIRONMENT, ORGANIZATION, Kind, definition

Document = dict[str, Any]

_ANYTHING: Final[Document] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_COMPONENTS: Final = {
    DATASTORE.kind: ("cassandra", "removeDc", "backup", "restore", "schemaSetup", "userSetup"),
    ORGANIZATION.kind: ("mart", "connectAgent", "watcher", "udca", "ingressGateway", "mintTaskScheduler"),
    ENVIRONMENT.kind: ("runtime", "synchronizer", "udca", "authorization"),
}
_POD_FIELDS: Final = (
    *("activeDeadlineSeconds", "affinity", "annotations", "args", "automountServiceAccountToken", "command"),
    *("configMapRef", "dnsConfig", "env", "envFrom", "ephemeralStorage", "fsGroup", "hostAliases", "hostIPC"),
    *(
        "image",
        "imagePullPolicy",
        "imagePullSecrets",
        "initContainers",
        "labels",
        "lifecycle",
        "livenessProbe",
    ),
    *("nodeAffinity", "nodeName", "overhead", "podAntiAffinity", "podSecurityContext", "ports"),
    *(
        "preemptionPolicy",
        "priorityClassName",
        "readinessGates",
        "resources",
        "restartPolicy",
        "schedulerName",
    ),
    *("seccompProfile", "securityContext", "serviceAccountName", "shareProcessNamespace", "sidecars"),
    *("startupProbe", "stdin", "subdomain", "supplementalGroups", "terminationMessagePath", "tolerations"),
    *("topologySpreadConstraints", "tty", "volumeDevices", "volumeMounts", "volumes", "workingDir"),
)


def all_definitions(version: str) -> list[Document]:
    """The definitions of one hybrid version."""
    return [_definition(kind, version) for kind in APIGEE_KINDS]


def _definition(kind: Kind, version: str) -> Document:
    document = definition(
        kind, {"app.kubernetes.io/version": version, "apigee.cloud.google.com/platform": "apigee"}
    )
    if components := _COMPONENTS.get(kind.kind):
        schema = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        schema["properties"]["spec"] = _spec(kind, components)
    return document


def _spec(kind: Kind, components: tuple[str, ...]) -> Document:
    described = {name: _component(kind, name) for name in components}
    if kind is DATASTORE:
        described["cassandra"]["properties"] |= _cassandra()
    return {
        **_ANYTHING,
        "properties": {
            "version": {"type": "string"},
            "replicas": {"type": "integer"},
            "credentialRef": {"type": "string"},
            "forceDelete": {"type": "boolean"},
            "components": {**_ANYTHING, "properties": described},
        },
    }


def _cassandra() -> Document:
    return {
        "replicas": {"type": "integer", "minimum": 1},
        "hostNetwork": {"type": "boolean"},
        "properties": {
            **_ANYTHING,
            "properties": {
                name: {"type": "string"}
                for name in ("clusterName", "datacenter", "rack", "externalSeedHost", "multiRegionSeedHost")
            },
        },
    }


def _component(kind: Kind, name: str) -> Document:
    fields = {field: _field(kind, name, field) for field in _POD_FIELDS}
    return {**_ANYTHING, "properties": {"pod": {**_ANYTHING, "properties": fields}}}


def _field(kind: Kind, component: str, field: str) -> Document:
    words = (
        f"`{field}` of the pods of the component {component} of an {kind.kind}, as a Kubernetes pod or container has it."
        " The operator copies it into the pod template that it makes; a change of it replaces the component's pods one"
        " after the other, each only when the one before it is ready. What is not given has the default of Kubernetes. "
    )
    return {"x-kubernetes-preserve-unknown-fields": True, "description": words * 3}
