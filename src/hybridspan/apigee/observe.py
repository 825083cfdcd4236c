"""What a cluster has of Apigee: the datastore, the controller and every other custom resource."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from hybridspan.apigee.controller_trouble import Pods, trouble_of
from hybridspan.apigee.tracking import tracked
from hybridspan.errors import PermanentFailure
from hybridspan.facts.apigee import (
    ApigeeFacts,
    CustomResourceFacts,
    DataReplicationFacts,
    DatastoreFacts,
    NodeReplication,
    ReplicationStatus,
)

Document = dict[str, Any]

GROUP: Final = "apigee.cloud.google.com"
DATASTORE: Final = f"{GROUP}/v1alpha1"
RESOURCES: Final = (
    (f"{GROUP}/v1alpha2", "ApigeeOrganization"),
    (f"{GROUP}/v1alpha2", "ApigeeEnvironment"),
    (f"{GROUP}/v1alpha2", "ApigeeTelemetry"),
    (f"{GROUP}/v1alpha1", "ApigeeRedis"),
)
ROUTES: Final = "ApigeeRouteConfig"
GATEWAYS: Final = "apigee-ingressgateway-manager"
REPLICATION: Final = "CassandraDataReplication"
DEFINITION: Final = "CustomResourceDefinition"
CONTROLLER: Final = "apigee-controller-manager"
SYSTEM_NAMESPACE: Final = "apigee-system"
USUAL_CREDENTIALS: Final = "apigee-datastore-default-creds"
BACKUP_JOB: Final = "apigee-cassandra-backup"


class Objects(Pods, Protocol):
    """What is asked of a cluster: `get` gives None and `list_` nothing for what does not exist, kinds included."""

    async def get(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> Document | None: ...


async def apigee_facts(cluster: Objects, namespace: str) -> ApigeeFacts:
    """Apigee in that namespace; the controller in its own or the same."""
    store, statefulset, backup, controller, gateways = await asyncio.gather(
        cluster.get(DATASTORE, "ApigeeDatastore", "default", namespace),
        cluster.get("apps/v1", "StatefulSet", "apigee-cassandra-default", namespace),
        cluster.get("batch/v1", "CronJob", BACKUP_JOB, namespace),
        _controller(cluster, namespace),
        cluster.get("apps/v1", "Deployment", GATEWAYS, namespace),
    )
    others = await asyncio.gather(*(cluster.list_(api, kind, namespace) for api, kind in RESOURCES))
    replications, routes, definitions, elsewhere = await asyncio.gather(
        cluster.list_(DATASTORE, REPLICATION, namespace),
        cluster.list_(DATASTORE, ROUTES, namespace),
        cluster.list_("apiextensions.k8s.io/v1", DEFINITION),
        _elsewhere(cluster, namespace),
    )
    ready = is_available(controller)
    return ApigeeFacts(
        hybrid_version=hybrid_version(store, controller),
        controller_ready=ready,
        controller_trouble="" if ready or controller is None else await trouble_of(cluster, controller),
        datastore=datastore(store, statefulset, backup) if store else None,
        resources=tuple(resource(document) for found in others for document in found),
        definitions=definitions_of(definitions),
        tracked=tracked((store, controller, gateways, *routes, *(one for found in others for one in found))),
        replications=tuple(data_replication(document) for document in replications),
        elsewhere=elsewhere,
    )


async def _elsewhere(cluster: Objects, namespace: str) -> tuple[str, ...] | None:
    """Other installations of the same cluster: its authority and Apigee's definitions are theirs too."""
    try:
        stores = await cluster.list_(DATASTORE, "ApigeeDatastore")
    except PermanentFailure as failure:
        if failure.code != "HS-KUBE-003":
            raise
        return None
    places = {str(store["metadata"].get("namespace") or namespace) for store in stores}
    return tuple(sorted(places - {namespace}))


async def credentials_secret(cluster: Objects, namespace: str) -> str:
    """The secret with the database users, as the datastore names it (`cassandra.auth.secret` may be another than the usual)."""
    store = await cluster.get(DATASTORE, "ApigeeDatastore", "default", namespace)
    return _credentials_of(store)


def _credentials_of(store: Document | None) -> str:
    return str(((store or {}).get("spec") or {}).get("credentialRef") or USUAL_CREDENTIALS)


async def _controller(cluster: Objects, namespace: str) -> Document | None:
    for place in (SYSTEM_NAMESPACE, namespace):
        if found := await cluster.get("apps/v1", "Deployment", CONTROLLER, place):
            return found
    return None


def datastore(document: Document, statefulset: Document | None, backup: Document | None) -> DatastoreFacts:
    """An ApigeeDatastore, with what its StatefulSet and backup job add."""
    spec, status = document.get("spec") or {}, document.get("status") or {}
    cassandra = (spec.get("components") or {}).get("cassandra") or {}
    properties = cassandra.get("properties") or {}
    ready = ((statefulset or {}).get("status") or {}).get(
        "readyReplicas", status.get("cassandraReadyReplicas")
    )
    return DatastoreFacts(
        name=document["metadata"]["name"],
        state=str(status.get("state") or ""),
        datacenter=str(properties.get("datacenter") or "dc-1"),
        rack=str(properties.get("rack") or "ra-1"),
        cluster_name=str(properties.get("clusterName") or "apigeecluster"),
        seed_host=properties.get("multiRegionSeedHost") or None,
        replicas=int(cassandra.get("replicas") or spec.get("replicas") or 1),
        ready_replicas=int(ready or 0),
        host_network=bool(cassandra.get("hostNetwork")),
        version=str(cassandra.get("version") or spec.get("version") or ""),
        backup_enabled=backup is not None and not (backup.get("spec") or {}).get("suspend", False),
        replication=replication_status(status.get("cassandraDataReplication")),
        credentials_secret=_credentials_of(document),
    )


def replication_status(found: Mapping[str, Any] | None) -> ReplicationStatus | None:
    """The operator's progress, pod by pod."""
    if not found:
        return None
    details = found.get("rebuildDetails") or {}
    nodes = {
        str(pod): NodeReplication(str(told.get("state") or ""), str(told.get("message") or ""))
        for pod, told in details.items()
    }
    return ReplicationStatus(str(found.get("state") or ""), nodes)


def data_replication(document: Document) -> DataReplicationFacts:
    """A CassandraDataReplication."""
    spec, status = document.get("spec") or {}, document.get("status") or {}
    applied = status.get("lastAppliedGeneration")
    return DataReplicationFacts(
        name=document["metadata"]["name"],
        organization_ref=str(spec.get("organizationRef") or ""),
        source=str((spec.get("source") or {}).get("region") or ""),
        force=bool(spec.get("force")),
        state=str(status.get("state") or ""),
        message=str(status.get("message") or ""),
        generation=int(document["metadata"].get("generation") or 0),
        applied_generation=None if applied is None else int(applied),
    )


def definitions_of(documents: Iterable[Document]) -> Mapping[str, str]:
    """Apigee's definitions: a hash of the versions that each serves, by name."""
    return {
        document["metadata"]["name"]: _hash(document["spec"].get("versions"))
        for document in documents
        if (document.get("spec") or {}).get("group") == GROUP
    }


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def resource(document: Document) -> CustomResourceFacts:
    status: Mapping[str, Any] = document.get("status") or {}
    return CustomResourceFacts(document["kind"], document["metadata"]["name"], str(status.get("state") or ""))


def is_available(deployment: Document | None) -> bool:
    """Whether a deployment has all its replicas available, of its latest generation."""
    if deployment is None:
        return False
    status, spec = deployment.get("status") or {}, deployment.get("spec") or {}
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    return bool(seen and status.get("availableReplicas", 0) >= spec.get("replicas", 1) > 0)


def hybrid_version(store: Document | None, controller: Document | None) -> str | None:
    """The release, such as 1.11.2: by the datastore's own word, else by the controller's image."""
    told = str(((store or {}).get("spec") or {}).get("version") or "")
    images = _images(controller)
    for text in (told, *images):
        if found := re.search(r"\d+\.\d+\.\d+(?:-hotfix\.\d+)?", text.rpartition(":")[2]):
            return found.group()
    return None


def _images(deployment: Document | None) -> Iterable[str]:
    template = ((deployment or {}).get("spec") or {}).get("template") or {}
    return [c.get("image", "") for c in (template.get("spec") or {}).get("containers") or []]
