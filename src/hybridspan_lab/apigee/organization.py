"""Reconciles organizations, environments and the rest: jobs that prepare the ring, then deployments that only have to run."""

from __future__ import annotations

from typing import Final

from hybridspan_lab.apigee import cassandra_objects as objects
from hybridspan_lab.apigee import names, options
from hybridspan_lab.apigee.crds import (
    DATASTORE,
    ENVIRONMENT,
    ORGANIZATION,
    REDIS,
    ROUTE_CONFIG,
    TELEMETRY,
    Kind,
)
from hybridspan_lab.apigee.objects import deployment, owned
from hybridspan_lab.apigee.watching import Cluster, Document

TASKS: Final = ("user-setup", "schema-setup", "schema-val")
"""Jobs of an organization, each after the one before it has succeeded."""
COMPONENTS: Final[dict[str, dict[str, str]]] = {
    ORGANIZATION.kind: {
        "mart": "apigee-mart-server",
        "connect-agent": "apigee-connect-agent",
        "watcher": "apigee-watcher",
        "udca": "apigee-udca",
        "ingressgateway": "apigee-ingressgateway",
    },
    ENVIRONMENT.kind: {"runtime": "apigee-runtime", "synchronizer": "apigee-synchronizer"},
    TELEMETRY.kind: {"telemetry": "apigee-telemetry"},
    REDIS.kind: {"redis": "apigee-redis"},
    ROUTE_CONFIG.kind: {},
}


async def reconcile(cluster: Cluster, kind: Kind, document: Document) -> bool:
    """One pass over one resource; False where it waits for something whose coming nobody tells."""
    state, nested = await _advance(cluster, kind, document)
    old = document.get("status") or {}
    generation = document["metadata"]["generation"]
    status = {"state": state, "nestedState": nested, "lastAppliedGeneration": generation}
    if any(old.get(name) != value for name, value in status.items()):
        metadata = document["metadata"]
        await cluster.api.update_status(
            kind.api, kind.plural, metadata["name"], status, metadata["namespace"]
        )
    return kind is not ROUTE_CONFIG or state == "running"


async def _advance(cluster: Cluster, kind: Kind, document: Document) -> tuple[str, str]:
    """(state, nested state) after doing what can be done now."""
    if kind is ORGANIZATION and (waiting := await _prepare_ring(cluster, document)):
        return "creating", waiting
    if kind is ENVIRONMENT and (waiting := _organization(cluster, document)):
        return "creating", waiting
    if kind is ROUTE_CONFIG and (waiting := await _certificate(cluster, document)):
        return "creating", waiting
    waiting = await _deployments(cluster, kind, document)
    return ("creating", waiting) if waiting else ("running", "")


async def _prepare_ring(cluster: Cluster, organization: Document) -> str:
    """Runs the jobs; empty when all have succeeded, otherwise what is waited for."""
    namespace = organization["metadata"]["namespace"]
    datastore = cluster.find(DATASTORE.plural, names.DATASTORE, namespace)
    if datastore is None:
        return "waiting for ApigeeDatastore default"
    for task in TASKS:
        name = f"apigee-cassandra-{task}-{organization['metadata']['name']}"
        job = cluster.find("jobs", name, namespace)
        if job is None:
            if (datastore.get("status") or {}).get("state") != "running":
                return "waiting for ApigeeDatastore default to be running"
            wanted = owned(objects.job(organization, datastore, task, await _options(cluster)), organization)
            await cluster.apply(wanted)
            return f"waiting for job {name}"
        if _has_failed(job):
            for again in TASKS:
                old = f"apigee-cassandra-{again}-{organization['metadata']['name']}"
                await cluster.api.delete("/apis/batch/v1", "jobs", old, namespace)
            return f"job {name} has failed; all are made again"
        if not (job.get("status") or {}).get("succeeded"):
            return f"waiting for job {name}"
    return ""


def _has_failed(job: Document) -> bool:
    """Whether Kubernetes has given the job up; the ring may have been busy, so it gets another one."""
    conditions = (job.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Failed" and c["status"] == "True" for c in conditions)


async def _options(cluster: Cluster) -> dict[str, str]:
    """What the lab asks of the jobs, as environment variables."""
    return {name.upper().replace("-", "_"): value for name, value in (await options.read(cluster)).items()}


def _organization(cluster: Cluster, environment: Document) -> str:
    name, namespace = environment["spec"]["organizationRef"], environment["metadata"]["namespace"]
    found = cluster.find(ORGANIZATION.plural, name, namespace)
    state = ((found or {}).get("status") or {}).get("state")
    return "" if state == "running" else f"waiting for ApigeeOrganization {name}"


async def _certificate(cluster: Cluster, route: Document) -> str:
    """Empty when the secret with the virtual host's certificate is there."""
    name = route["spec"]["sslSecret"]
    found = await cluster.api.find("/api/v1", "secrets", name, route["metadata"]["namespace"])
    return "" if found else f'waiting for secret "{name}"'


async def _deployments(cluster: Cluster, kind: Kind, document: Document) -> str:
    """Makes the deployments of a resource; empty when all of them are available."""
    waiting = []
    for component, image in components_of(kind, document).items():
        wanted = _deployment(component, image, document)
        metadata = wanted["metadata"]
        there = cluster.find("deployments", metadata["name"], metadata["namespace"])
        if there is None:
            await cluster.apply(owned(wanted, document))
        if not ((there or {}).get("status") or {}).get("availableReplicas"):
            waiting.append(metadata["name"])
    return f"waiting for {', '.join(waiting)}" if waiting else ""


def components_of(kind: Kind, document: Document) -> dict[str, str]:
    """Component → image: those that the resource lists, or all of its kind where it lists none."""
    known, listed = COMPONENTS[kind.kind], document["spec"].get("components")
    if not listed:
        return known
    found = {name: image for name, image in known.items() if _camel(name) in listed}
    gateways = [entry["name"] for entry in listed.get("ingressGateways") or []]
    return {**found, **{f"ingressgateway-{name}": known["ingressgateway"] for name in gateways}}


def _camel(name: str) -> str:
    """`connect-agent` → `connectAgent`."""
    first, *rest = name.split("-")
    return first + "".join(word.capitalize() for word in rest)


def _deployment(component: str, image: str, document: Document) -> Document:
    metadata, spec = document["metadata"], document["spec"]
    version = spec.get("version") or names.HYBRID_VERSION
    settings = (spec.get("components") or {}).get(_camel(component)) or spec
    affinity = objects.node_affinity(spec.get("nodeSelector") or {})
    identity, mount = _identity(settings.get("serviceAccountRef") or "")
    return deployment(
        names.component_name(component, metadata["name"], version),
        metadata["namespace"],
        names.runtime_image(image, version),
        container=f"apigee-{component}",
        labels={
            "app": f"apigee-{component}",
            "apigee.cloud.google.com/resource": metadata["name"],
            **names.PLATFORM_LABEL,
        },
        pod={**({"affinity": affinity} if affinity else {}), **identity},
        main=mount,
    )


def _identity(secret: str) -> tuple[Document, Document]:
    """Pod and container fields that mount a service account's key; a pod whose secret is missing does not start."""
    if not secret:
        return {}, {}
    volume = {"name": "service-account", "secret": {"secretName": secret}}
    mount = {"name": "service-account", "mountPath": "/opt/apigee/sa", "readOnly": True}
    return {"volumes": [volume]}, {"volumeMounts": [mount]}
