"""Names that Apigee hybrid gives its objects."""

from __future__ import annotations

import hashlib
from typing import Final

HYBRID_VERSION: Final = "1.11.2"
"""What apigeectl installs; with Helm the charts' version decides."""

SYSTEM_NAMESPACE: Final = "apigee-system"
CERT_MANAGER_NAMESPACE: Final = "cert-manager"
CA_SECRET: Final = "apigee-ca"  # noqa: S105 - a secret's name
DATASTORE: Final = "default"
CASSANDRA: Final = "apigee-cassandra-default"
"""StatefulSet, headless service, service account and certificate of the datastore."""
CASSANDRA_TLS_SECRET: Final = "apigee-cassandra-default-tls"  # noqa: S105
CASSANDRA_CONTAINER: Final = "apigee-cassandra"
CREDENTIALS: Final = "apigee-datastore-default-creds"
CONTROLLER: Final = "apigee-controller-manager"
WEBHOOK_SERVICE: Final = "apigee-webhook-service"
WEBHOOK_SECRET: Final = "webhook-server-cert"  # noqa: S105
PLATFORM_LABEL: Final = {"apigee.cloud.google.com/platform": "apigee"}
LAB_OPTIONS: Final = "rehearsal-options"
"""ConfigMap by which the lab asks the controller for what is unusual."""
LAB_NAMESPACE: Final = "kube-system"
"""Where that is: out of the way of whoever looks at Apigee."""

_REGISTRY: Final = "gcr.io/apigee-release/hybrid"
_HUB: Final = "google"


def controller_image() -> str:
    return f"{_REGISTRY}/apigee-operators:{HYBRID_VERSION}"


def runtime_image(name: str, version: str = HYBRID_VERSION) -> str:
    """Image of a runtime component, such as `apigee-mart-server`."""
    return f"{_REGISTRY}/{name}:{version}"


def cassandra_image() -> str:
    return f"{_HUB}/apigee-hybrid-cassandra:{HYBRID_VERSION}"


def client_image(version: str = HYBRID_VERSION) -> str:
    return f"{_HUB}/apigee-hybrid-cassandra-client:{version}"


def organization_name(organization: str) -> str:
    """Name of the ApigeeOrganization: it depends on the organization alone, so it is the same in every region."""
    return f"{organization[:15]}-{_digest(organization)}"


def environment_name(organization: str, environment: str) -> str:
    return f"{organization[:15]}-{environment[:15]}-{_digest(f'{organization}:{environment}')}"


def component_name(component: str, resource: str, version: str = HYBRID_VERSION) -> str:
    """Deployment of a component of an organization or environment: `apigee-mart-hybrid-test-7-0a1b2c3-1112-x9k2l`."""
    tag = version.partition("-")[0].replace(".", "")
    return f"apigee-{component}-{resource}-{tag}-{_digest(component + resource)[:5]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:7]
