"""Custom resource definitions of cert-manager and of Apigee, with open schemas and a status sub-resource."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

Document = dict[str, Any]

APIGEE_GROUP: Final = "apigee.cloud.google.com"
CERT_MANAGER_GROUP: Final = "cert-manager.io"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of custom resource."""

    group: str
    version: str
    kind: str
    plural: str
    short: tuple[str, ...] = ()
    scope: str = "Namespaced"

    @property
    def api(self) -> str:
        """Its API path, such as `/apis/apigee.cloud.google.com/v1alpha1`."""
        return f"/apis/{self.group}/{self.version}"

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}"


DATASTORE: Final = Kind(APIGEE_GROUP, "v1alpha1", "ApigeeDatastore", "apigeedatastores", ("apigeeds", "ds"))
ORGANIZATION: Final = Kind(
    APIGEE_GROUP, "v1alpha2", "ApigeeOrganization", "apigeeorganizations", ("apigeeorg",)
)
ENVIRONMENT: Final = Kind(APIGEE_GROUP, "v1alpha2", "ApigeeEnvironment", "apigeeenvironments", ("apigeeenv",))
TELEMETRY: Final = Kind(APIGEE_GROUP, "v1alpha2", "ApigeeTelemetry", "apigeetelemetries", ("apigeetel",))
REDIS: Final = Kind(APIGEE_GROUP, "v1alpha1", "ApigeeRedis", "apigeeredis")
ROUTE_CONFIG: Final = Kind(APIGEE_GROUP, "v1alpha1", "ApigeeRouteConfig", "apigeerouteconfigs", ("apigeerc",))
REPLICATION: Final = Kind(
    APIGEE_GROUP, "v1alpha1", "CassandraDataReplication", "cassandradatareplications", ("cdr", "apigeecdr")
)
ROTATION: Final = Kind(APIGEE_GROUP, "v1alpha1", "SecretRotation", "secretrotations", ("sr",))
APIGEE_KINDS: Final = (
    DATASTORE,
    ORGANIZATION,
    ENVIRONMENT,
    TELEMETRY,
    REDIS,
    ROUTE_CONFIG,
    REPLICATION,
    Kind(APIGEE_GROUP, "v1alpha3", "ApigeeDeployment", "apigeedeployments", ("apigeedeploy",)),
    Kind(APIGEE_GROUP, "v1alpha1", "ApigeeIssue", "apigeeissues"),
    Kind(APIGEE_GROUP, "v1alpha2", "ApigeeRoute", "apigeeroutes", ("apigeeroute",)),
    ROTATION,
)
APIGEECTL_KINDS: Final = tuple(kind for kind in APIGEE_KINDS if kind is not ROTATION)
"""Of the last release that apigeectl installs: credentials are rotated by a resource only since Helm installs it."""
ISSUER: Final = Kind(CERT_MANAGER_GROUP, "v1", "Issuer", "issuers")
CLUSTER_ISSUER: Final = Kind(CERT_MANAGER_GROUP, "v1", "ClusterIssuer", "clusterissuers", scope="Cluster")
CERTIFICATE: Final = Kind(CERT_MANAGER_GROUP, "v1", "Certificate", "certificates", ("cert", "certs"))
CERT_MANAGER_KINDS: Final = (ISSUER, CLUSTER_ISSUER, CERTIFICATE)

_STATE_COLUMNS: Final = [
    {"name": "State", "type": "string", "jsonPath": ".status.state"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]
_READY_COLUMNS: Final = [
    {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]


_ANYTHING: Final[Document] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_REPLICATION: Final[Document] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "datastoreRef": {"type": "string"},
                "force": {"type": "boolean"},
                "organizationRef": {"type": "string"},
                "source": {"type": "object", "properties": {"region": {"type": "string"}}},
            },
        },
        "status": {
            "type": "object",
            "properties": {
                "lastAppliedGeneration": {"type": "integer", "format": "int64"},
                "message": {"type": "string"},
                "state": {"type": "string"},
            },
        },
    },
}
"""The one schema that is public to its last field: what it does not know, the API server drops."""


def definition(kind: Kind, labels: dict[str, str] | None = None) -> Document:
    """The CRD of a kind. Its schema takes anything below spec and status where that of the real one is not public."""
    schema = _REPLICATION if kind == REPLICATION else _open_schema()
    columns = _STATE_COLUMNS if kind.group == APIGEE_GROUP else _READY_COLUMNS
    names = {
        "kind": kind.kind,
        "plural": kind.plural,
        "singular": kind.kind.lower(),
        "listKind": f"{kind.kind}List",
    }
    version = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kind.group}", "labels": labels or {}},
        "spec": {
            "group": kind.group,
            "scope": kind.scope,
            "names": {**names, **({"shortNames": list(kind.short)} if kind.short else {})},
            "versions": [version],
        },
    }


def _open_schema() -> Document:
    return {"type": "object", "properties": dict.fromkeys(("spec", "status", "release"), _ANYTHING)}
