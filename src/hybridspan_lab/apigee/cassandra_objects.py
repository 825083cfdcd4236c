"""What the controller makes of an ApigeeDatastore: service, certificate, stateful set, and the jobs that prepare the ring."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from hybridspan_lab.apigee import names
from hybridspan_lab.apigee.objects import object_of

Document = dict[str, Any]

LABELS: Final = {"app": names.CASSANDRA_CONTAINER, **names.PLATFORM_LABEL}
DATA_MOUNT: Final = "/opt/apigee/data"
TLS_MOUNT: Final = "/opt/apigee/ssl"
CREDENTIALS_MOUNT: Final = "/opt/apigee/credentials"


def service(namespace: str) -> Document:
    """Headless; names are published before a node is ready, because nodes find each other by them."""
    ports = {"cql": 9042, "internode-tls": 7001, "jmx": 7199}
    document = object_of("v1", "Service", names.CASSANDRA, namespace, labels=LABELS)
    document["spec"] = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": {"app": names.CASSANDRA_CONTAINER},
        "ports": [{"name": name, "port": port, "protocol": "TCP"} for name, port in ports.items()],
    }
    return document


def account(namespace: str) -> Document:
    return object_of("v1", "ServiceAccount", names.CASSANDRA, namespace, labels=names.PLATFORM_LABEL)


def certificate(namespace: str) -> Document:
    """Signed by apigee-ca; the same pair serves clients and the other nodes."""
    host = f"{names.CASSANDRA}.{namespace}.svc.cluster.local"
    document = object_of(
        "cert-manager.io/v1", "Certificate", names.CASSANDRA, namespace, labels=names.PLATFORM_LABEL
    )
    document["spec"] = {
        "commonName": names.CASSANDRA,
        "dnsNames": [host, f"*.{host}", "localhost"],
        "ipAddresses": ["127.0.0.1"],
        "duration": "17520h",
        "secretName": names.CASSANDRA_TLS_SECRET,
        "usages": ["server auth", "client auth"],
        "issuerRef": {"kind": "ClusterIssuer", "name": "apigee-ca-issuer"},
    }
    return document


def stateful_set(datastore: Document) -> Document:
    """One pod a node; all start at once (a node waits for pod 0 by itself), and are replaced one by one."""
    namespace = datastore["metadata"]["namespace"]
    cassandra = datastore["spec"]["components"]["cassandra"]
    document = object_of("apps/v1", "StatefulSet", names.CASSANDRA, namespace, labels=LABELS)
    document["spec"] = {
        "serviceName": names.CASSANDRA,
        "replicas": cassandra["replicas"],
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate"},
        "selector": {"matchLabels": {"app": names.CASSANDRA_CONTAINER}},
        "template": _pod(namespace, cassandra, datastore["spec"]["credentialRef"]),
        "volumeClaimTemplates": [_claim(cassandra["storage"])],
    }
    return document


def _pod(namespace: str, cassandra: Document, credentials: str) -> Document:
    properties = cassandra["properties"]
    labels = {**LABELS, "apigee.cloud.google.com/datacenter": properties["datacenter"]}
    spec: Document = {
        "serviceAccountName": names.CASSANDRA,
        "terminationGracePeriodSeconds": cassandra["terminationGracePeriodSeconds"],
        "hostNetwork": cassandra["hostNetwork"],
        "affinity": affinity(cassandra.get("nodeSelector") or {}),
        "containers": [_container(namespace, cassandra), *cassandra["containers"][1:]],
        "volumes": volumes(credentials, "jmx", "default", "admin", "ddl", "dml"),
    }
    if cassandra["hostNetwork"]:
        spec["dnsPolicy"] = "ClusterFirstWithHostNet"
    return {"metadata": {"labels": labels}, "spec": spec}


def affinity(selector: Document) -> Document:
    """The node pool that the overrides name, wanted or required, and other machines than the other nodes' if possible."""
    term = {
        "labelSelector": {"matchLabels": {"app": names.CASSANDRA_CONTAINER}},
        "topologyKey": "kubernetes.io/hostname",
    }
    apart = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}
    return {**node_affinity(selector), "podAntiAffinity": apart}


def node_affinity(selector: Document) -> Document:
    """{key, value, required} as a pod's node affinity."""
    if not selector:
        return {}
    match = {"matchExpressions": [{"key": selector["key"], "operator": "In", "values": [selector["value"]]}]}
    if selector.get("required"):
        rule: Document = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [match]}}
    else:
        rule = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": match}]}
    return {"nodeAffinity": rule}


def _container(namespace: str, cassandra: Document) -> Document:
    given = cassandra["containers"][0]
    probe = {
        **given["readinessProbe"],
        "exec": {"command": ["/bin/bash", "-c", "/opt/apigee/ready-probe.sh"]},
    }
    return {
        "name": given["name"],
        "image": given["image"],
        "env": [*_environment(namespace, cassandra["properties"]), *given["env"]],
        "ports": [{"name": "cql", "containerPort": 9042}, {"name": "internode-tls", "containerPort": 7001}],
        "resources": given["resources"],
        "readinessProbe": probe,
        "volumeMounts": [{"name": "cassandra-data", "mountPath": DATA_MOUNT}, *mounts()],
    }


def _environment(namespace: str, properties: Document) -> list[Document]:
    seed = properties.get("multiRegionSeedHost") or properties.get("externalSeedHost")
    values = {
        "CASSANDRA_SERVICE": f"{names.CASSANDRA}.{namespace}.svc.cluster.local",
        "CASSANDRA_CLUSTER_NAME": properties["clusterName"],
        "CASSANDRA_DC": properties["datacenter"],
        "CASSANDRA_RACK": properties["rack"],
        **({"CASSANDRA_EXTERNAL_SEED": seed} if seed else {}),
    }
    return [*pod_identity(), *({"name": name, "value": value} for name, value in values.items())]


def pod_identity() -> list[Document]:
    """The pod's own name, namespace and address as environment variables."""
    fields = {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace", "POD_IP": "status.podIP"}
    return [{"name": n, "valueFrom": {"fieldRef": {"fieldPath": path}}} for n, path in fields.items()]


def volumes(credentials: str, *parts: str) -> list[Document]:
    """The certificate, and the users and passwords of these parts (`jmx`, `admin`…) of that secret as files."""
    keys = [key for part in parts for key in (f"{part}.user", f"{part}.password") if key != "default.user"]
    secret = {"secretName": credentials, "items": [{"key": key, "path": key} for key in keys]}
    return [
        {"name": "tls", "secret": {"secretName": names.CASSANDRA_TLS_SECRET}},
        {"name": "credentials", "secret": secret},
    ]


def mounts() -> list[Document]:
    return [
        {"name": "tls", "mountPath": TLS_MOUNT, "readOnly": True},
        {"name": "credentials", "mountPath": CREDENTIALS_MOUNT, "readOnly": True},
    ]


def _claim(storage: Document) -> Document:
    spec: Document = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage["storageSize"]}},
    }
    if storage["storageClass"]:
        spec["storageClassName"] = storage["storageClass"]
    return {"metadata": {"name": "cassandra-data", "labels": LABELS}, "spec": spec}


def job(organization: Document, datastore: Document, task: str, options: dict[str, str]) -> Document:
    """`apigee-cassandra-<task>-<org>`: user-setup, schema-setup or schema-val, in a pod with the client image."""
    metadata = organization["metadata"]
    cassandra = datastore["spec"]["components"]["cassandra"]
    values = {
        "CASSANDRA_HOST": f"{names.CASSANDRA}.{metadata['namespace']}.svc.cluster.local",
        "CASSANDRA_DC": cassandra["properties"]["datacenter"],
        "CASSANDRA_REPLICAS": str(cassandra["replicas"]),
        "APIGEE_ORG": organization["spec"]["name"],
        **options,
    }
    container = {
        "name": f"apigee-cassandra-{task}",
        "image": names.client_image(datastore["spec"]["version"]),
        "command": [f"apigee-cassandra-{task}"],
        "env": [*pod_identity(), *({"name": name, "value": value} for name, value in values.items())],
        "volumeMounts": mounts(),
    }
    document = object_of(
        "batch/v1",
        "Job",
        f"apigee-cassandra-{task}-{metadata['name']}",
        metadata["namespace"],
        labels=names.PLATFORM_LABEL,
    )
    pod = {
        "restartPolicy": "OnFailure",
        "containers": [container],
        "volumes": volumes(datastore["spec"]["credentialRef"], "default", "admin", "ddl", "dml"),
        "affinity": node_affinity(cassandra.get("nodeSelector") or {}),
    }
    template = {"metadata": {"labels": {"app": f"apigee-cassandra-{task}"}}, "spec": pod}
    document["spec"] = {"backoffLimit": 6, "template": template}
    return document


def digest(document: Any) -> str:
    """A short hash of a document, to see whether what is wanted has changed."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]
