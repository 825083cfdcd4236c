"""What `apigeectl apply` puts into a cluster: Apigee's custom resources and the secrets that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hybridspan_lab.apigee import names
from hybridspan_lab.apigee.crds import (
    DATASTORE,
    ENVIRONMENT,
    ORGANIZATION,
    REDIS,
    ROUTE_CONFIG,
    TELEMETRY,
    Kind,
)
from hybridspan_lab.apigee.installation import secret
from hybridspan_lab.apigee.objects import object_of
from hybridspan_lab.apigee.overrides import Overrides

Document = dict[str, Any]

_PROPERTIES: Final = ("clusterName", "datacenter", "rack", "externalSeedHost", "multiRegionSeedHost")
_PROPERTY_DEFAULTS: Final = {"clusterName": "apigeecluster", "datacenter": "dc-1", "rack": "ra-1"}


def datastore(overrides: Overrides) -> list[Document]:
    """The ApigeeDatastore `default`."""
    document = _resource(DATASTORE, names.DATASTORE, overrides)
    replicas = overrides.at("cassandra.replicaCount", 1)
    document["spec"] = {
        "version": names.HYBRID_VERSION,
        "replicas": replicas,
        "credentialRef": names.CREDENTIALS,
        "gcpProjectID": overrides.at("gcp.projectID"),
        "components": {"cassandra": _cassandra(overrides, replicas)},
    }
    if force := overrides.at("cassandra.forceUpdateMultiRegionSeedHost"):
        document["release"] = {"forceUpdateMultiRegionSeedHost": bool(force)}
    return [document]


def _cassandra(overrides: Overrides, replicas: int) -> Document:
    storage = overrides.at("cassandra.storage", {})
    return {
        "replicas": replicas,
        "version": names.HYBRID_VERSION,
        "hostNetwork": overrides.at("cassandra.hostNetwork", False),
        "storage": {
            "storageClass": storage.get("storageclass") or storage.get("storageClass") or "",
            "storageSize": storage.get("capacity") or storage.get("storageSize") or "10Gi",
        },
        "properties": _properties(overrides),
        "containers": [_cassandra_container(overrides)],
        "nodeSelector": _node_selector(overrides, "apigeeData"),
        "terminationGracePeriodSeconds": overrides.at("cassandra.terminationGracePeriodSeconds", 300),
    }


def _properties(overrides: Overrides) -> Document:
    given = {name: overrides.at(f"cassandra.{name}", _PROPERTY_DEFAULTS.get(name)) for name in _PROPERTIES}
    return {
        **{name: value for name, value in given.items() if value},
        "port": overrides.at("cassandra.port", 9042),
    }


def _cassandra_container(overrides: Overrides) -> Document:
    probe = {
        "initialDelaySeconds": 0,
        "periodSeconds": 2,
        "timeoutSeconds": 5,
        "successThreshold": 1,
        "failureThreshold": 2,
    }
    requests = {"cpu": "500m", "memory": "1Gi", **overrides.at("cassandra.resources.requests", {})}
    return {
        "name": names.CASSANDRA_CONTAINER,
        "image": names.cassandra_image(),
        "env": [
            {"name": "MAX_HEAP_SIZE", "value": overrides.at("cassandra.maxHeapSize", "512M")},
            {"name": "HEAP_NEWSIZE", "value": overrides.at("cassandra.heapNewSize", "100M")},
        ],
        "resources": {"requests": {name: str(value) for name, value in requests.items()}},
        "readinessProbe": {**probe, **overrides.at("cassandra.readinessProbe", {})},
    }


def _node_selector(overrides: Overrides, kind: str) -> Document:
    """{key, value, required} of the node pool, or nothing."""
    chosen = overrides.at(f"nodeSelector.{kind}")
    if not chosen:
        return {}
    required = overrides.at("nodeSelector.requiredForScheduling", False)
    return {"key": chosen["key"], "value": chosen["value"], "required": required}


def redis(overrides: Overrides) -> list[Document]:
    document = _resource(REDIS, names.DATASTORE, overrides)
    return [{**document, "spec": {"replicas": 1, "nodeSelector": _node_selector(overrides, "apigeeRuntime")}}]


def telemetry(overrides: Overrides) -> list[Document]:
    account = _account_secret(overrides, "metrics", overrides.at("metrics.serviceAccountPath"))
    document = _resource(TELEMETRY, "apigee-telemetry", overrides)
    document["spec"] = {
        "clusterName": overrides.at("k8sCluster.name"),
        "region": overrides.at("k8sCluster.region"),
    }
    return [*account, document]


def organization(overrides: Overrides) -> list[Document]:
    """The ApigeeOrganization with the service accounts of its components."""
    accounts = [
        document
        for component in ("mart", "connectAgent", "watcher", "udca")
        for document in _account_secret(overrides, component, overrides.at(f"{component}.serviceAccountPath"))
    ]
    document = _resource(ORGANIZATION, names.organization_name(overrides.organization), overrides)
    document["spec"] = {
        "name": overrides.organization,
        "instanceId": overrides.at("instanceID"),
        "version": names.HYBRID_VERSION,
        "datastoreRef": {"name": names.DATASTORE},
        "nodeSelector": _node_selector(overrides, "apigeeRuntime"),
    }
    return [*accounts, document]


def environment(overrides: Overrides, name: str) -> list[Document]:
    """One ApigeeEnvironment; raises KeyError for a name that the file does not have."""
    entry = next((e for e in overrides.environments if e["name"] == name), None)
    if entry is None:
        raise KeyError(name)
    accounts = [
        document
        for component, path in sorted((entry.get("serviceAccountPaths") or {}).items())
        for document in _account_secret(overrides, f"{component}-{name}", path)
    ]
    document = _resource(ENVIRONMENT, names.environment_name(overrides.organization, name), overrides)
    document["spec"] = {
        "name": name,
        "organizationRef": names.organization_name(overrides.organization),
        "version": names.HYBRID_VERSION,
        "nodeSelector": _node_selector(overrides, "apigeeRuntime"),
    }
    return [*accounts, document]


def virtual_hosts(overrides: Overrides) -> Iterator[Document]:
    """A TLS secret and an ApigeeRouteConfig for each virtual host."""
    for host in overrides.virtual_hosts:
        name = f"{overrides.organization}-{host['name']}"
        tls = str(host.get("sslSecret") or f"{name}-tls")
        if "sslSecret" not in host:
            values = {
                "tls.crt": overrides.file(host["sslCertPath"]).read_text(),
                "tls.key": overrides.file(host["sslKeyPath"]).read_text(),
            }
            yield secret(tls, overrides.namespace, values, "kubernetes.io/tls")
        document = _resource(ROUTE_CONFIG, name, overrides)
        yield {
            **document,
            "spec": {"virtualHost": host["name"], "sslSecret": tls, "version": names.HYBRID_VERSION},
        }


def _account_secret(overrides: Overrides, component: str, path: str | None) -> list[Document]:
    if not path:
        return []
    name = f"apigee-{component.lower()}-svc-account-{overrides.organization}"
    content = overrides.file(path).read_text()
    return [secret(name, overrides.namespace, {"client_secret.json": content})]


def _resource(kind: Kind, name: str, overrides: Overrides) -> Document:
    labels: Mapping[str, str] = {**names.PLATFORM_LABEL, "org": overrides.organization}
    return object_of(kind.api_version, kind.kind, name, overrides.namespace, labels=labels)
