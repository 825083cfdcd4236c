"""What `apigeectl init` puts into a cluster: namespaces, definitions, rights, issuers, credentials, the controller."""

from __future__ import annotations

import base64
import secrets
from typing import Any, Final

from hybridspan_lab.apigee import names
from hybridspan_lab.apigee.crds import APIGEE_GROUP, APIGEECTL_KINDS, CERT_MANAGER_GROUP, definition
from hybridspan_lab.apigee.objects import deployment, object_of

Document = dict[str, Any]

CREDENTIAL_DEFAULTS: Final = {
    "default.password": "iloveapis123",
    "admin.user": "admin_user",
    "admin.password": "iloveapis123",
    "ddl.user": "ddl_user",
    "ddl.password": "iloveapis123",
    "dml.user": "dml_user",
    "dml.password": "iloveapis123",
    "jmx.user": "jmxuser",
    "jmx.password": "iloveapis123",
    "jolokia.user": "apigee",
    "jolokia.password": "iloveapis123",
}
"""Keys of the credentials' secret with the documented defaults."""
REDIS_DEFAULT: Final = "iloveapis123"
ROOT_HOURS: Final = "87600h"
WEBHOOK_PATH: Final = "/validate-apigeedatastore"
WEBHOOK_CONFIGURATION: Final = f"apigee-validating-webhook-configuration-{names.DATASTORE}"


def new_credentials() -> dict[str, str]:
    """Apigee's users with passwords of this lab's own."""
    return {
        key: secrets.token_hex(16) if key.endswith(".password") else value
        for key, value in CREDENTIAL_DEFAULTS.items()
    }


def installation(
    namespace: str, credentials: dict[str, str], redis_password: str = REDIS_DEFAULT
) -> list[Document]:
    """All objects of `init`, in an order in which they can be applied."""
    return [
        object_of("v1", "Namespace", names.SYSTEM_NAMESPACE, labels={"control-plane": "controller-manager"}),
        object_of("v1", "Namespace", namespace, labels=names.PLATFORM_LABEL),
        *(definition(kind, {"app.kubernetes.io/version": names.HYBRID_VERSION}) for kind in APIGEECTL_KINDS),
        *_priority_classes(),
        object_of("v1", "ServiceAccount", "apigee-init", namespace),
        object_of("v1", "ServiceAccount", names.CONTROLLER, names.SYSTEM_NAMESPACE),
        _role(),
        _binding(),
        *_issuers(),
        _serving_certificate(),
        secret(names.CREDENTIALS, namespace, credentials),
        secret("apigee-redis-default-creds", namespace, {"redis.admin.password": redis_password}),
        _service(),
        _controller(),
        _validating_webhook(),
    ]


def credentials_of(given: dict[str, str]) -> dict[str, str]:
    """The complete set of users and passwords; what is not given has the documented default."""
    return {key: given.get(key, default) for key, default in CREDENTIAL_DEFAULTS.items()}


def secret(name: str, namespace: str, values: dict[str, str], kind: str = "Opaque") -> Document:
    """A secret of text values."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {**object_of("v1", "Secret", name, namespace), "type": kind, "data": data}


def _priority_classes() -> list[Document]:
    api = "scheduling.k8s.io/v1"
    return [{**object_of(api, "PriorityClass", "apigee-high-priority"), "value": 1_000_000}]


def _role() -> Document:
    everything = ["*"]
    custom = {"apiGroups": [APIGEE_GROUP, CERT_MANAGER_GROUP], "resources": everything, "verbs": everything}
    core = [
        "services",
        "secrets",
        "configmaps",
        "serviceaccounts",
        "pods",
        "pods/exec",
        "persistentvolumeclaims",
        "events",
    ]
    rules = [
        custom,
        {"apiGroups": [""], "resources": core, "verbs": everything},
        {"apiGroups": ["apps"], "resources": ["statefulsets", "deployments"], "verbs": everything},
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": everything},
        {
            "apiGroups": ["admissionregistration.k8s.io"],
            "resources": ["validatingwebhookconfigurations"],
            "verbs": ["get", "list", "watch", "patch"],
        },
    ]
    document = object_of("rbac.authorization.k8s.io/v1", "ClusterRole", "apigee-manager-role")
    return {**document, "rules": rules}


def _binding() -> Document:
    document = object_of("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "apigee-manager-rolebinding")
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "apigee-manager-role"}
    subject = {"kind": "ServiceAccount", "name": names.CONTROLLER, "namespace": names.SYSTEM_NAMESPACE}
    return {**document, "roleRef": role, "subjects": [subject]}


def _issuers() -> list[Document]:
    """The root issuer, the root itself, and the issuer that signs with it.

    The root's certificate is left alone where its secret is there already; where it is missing, cert-manager makes one of
    its own, and the nodes of this cluster then trust nobody else.
    """
    api = "cert-manager.io/v1"
    root = {**object_of(api, "ClusterIssuer", "apigee-root-certificate-issuer"), "spec": {"selfSigned": {}}}
    authority = object_of(api, "Certificate", "apigee-root-certificate", names.CERT_MANAGER_NAMESPACE)
    authority["spec"] = {
        "isCA": True,
        "commonName": "apigee-hybrid",
        "duration": ROOT_HOURS,
        "secretName": names.CA_SECRET,
        "privateKey": {"algorithm": "ECDSA", "size": 256},
        "issuerRef": {"kind": "ClusterIssuer", "name": "apigee-root-certificate-issuer"},
    }
    signing = object_of(api, "ClusterIssuer", "apigee-ca-issuer")
    return [root, authority, {**signing, "spec": {"ca": {"secretName": names.CA_SECRET}}}]


def _serving_certificate() -> Document:
    host = f"{names.WEBHOOK_SERVICE}.{names.SYSTEM_NAMESPACE}.svc"
    document = object_of("cert-manager.io/v1", "Certificate", "apigee-serving-cert", names.SYSTEM_NAMESPACE)
    document["spec"] = {
        "commonName": host,
        "dnsNames": [host, f"{host}.cluster.local"],
        "secretName": names.WEBHOOK_SECRET,
        "issuerRef": {"kind": "ClusterIssuer", "name": "apigee-ca-issuer"},
    }
    return document


def _service() -> Document:
    document = object_of("v1", "Service", names.WEBHOOK_SERVICE, names.SYSTEM_NAMESPACE)
    ports = [{"port": 443, "targetPort": 9443, "protocol": "TCP"}]
    return {**document, "spec": {"selector": _controller_labels(), "ports": ports}}


def _controller_labels() -> dict[str, str]:
    return {"app": "apigee-controller", "control-plane": "controller-manager"}


def _controller() -> Document:
    volume = {"name": "cert", "secret": {"secretName": names.WEBHOOK_SECRET}}
    mount = {"name": "cert", "mountPath": "/tmp/k8s-webhook-server/serving-certs", "readOnly": True}
    probe = {"tcpSocket": {"port": 9443}, "periodSeconds": 2, "failureThreshold": 60}
    return deployment(
        names.CONTROLLER,
        names.SYSTEM_NAMESPACE,
        names.controller_image(),
        container="manager",
        labels={**_controller_labels(), "app.kubernetes.io/version": names.HYBRID_VERSION},
        account=names.CONTROLLER,
        selector=_controller_labels(),
        pod={"volumes": [volume]},
        main={"volumeMounts": [mount], "ports": [{"containerPort": 9443}], "readinessProbe": probe},
    )


def _validating_webhook() -> Document:
    """Guards multiRegionSeedHost; its CA bundle is put in by the controller when it starts."""
    document = object_of(
        "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", WEBHOOK_CONFIGURATION
    )
    service = {"name": names.WEBHOOK_SERVICE, "namespace": names.SYSTEM_NAMESPACE, "path": WEBHOOK_PATH}
    rule = {
        "apiGroups": [APIGEE_GROUP],
        "apiVersions": ["v1alpha1"],
        "operations": ["UPDATE"],
        "resources": ["apigeedatastores"],
    }
    document["webhooks"] = [
        {
            "name": "vapigeedatastore.apigee.cloud.google.com",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"service": service},
            "failurePolicy": "Fail",
            "matchPolicy": "Equivalent",
            "sideEffects": "None",
            "timeoutSeconds": 10,
            # The controller's own changes of metadata must not wait for the controller.
            "matchConditions": [{"name": "spec", "expression": "object.spec != oldObject.spec"}],
            "rules": [rule],
        }
    ]
    return document
