"""SecretRotation, as far as its precheck: are both secrets whole, and is the old one what the ring has now?

The rotation itself is not rehearsed: a resource without `precheck` is refused with that reason. How the real operator words its
status is not public; state and message are those that the other resources have.
"""

from __future__ import annotations

from typing import Any, Final

from hybridspan_lab.apigee import names
from hybridspan_lab.apigee.crds import DATASTORE, ORGANIZATION, ROTATION
from hybridspan_lab.apigee.installation import CREDENTIAL_DEFAULTS
from hybridspan_lab.apigee.watching import Cluster, Document

COMPLETE, ERROR = "complete", "error"
NOT_REHEARSED: Final = "only spec.precheck: true is carried out in a rehearsal; no password has been changed"


async def reconcile(cluster: Cluster, rotation: Document) -> None:
    """One pass over one resource; one that has been judged in this form is left alone."""
    metadata, status = rotation["metadata"], rotation.get("status") or {}
    if metadata.get("deletionTimestamp") or status.get("lastAppliedGeneration") == metadata["generation"]:
        return
    problem = await _problem(cluster, rotation)
    judged = {
        "state": ERROR if problem else COMPLETE,
        "message": problem,
        "lastAppliedGeneration": metadata["generation"],
    }
    await cluster.api.update_status(
        ROTATION.api, ROTATION.plural, metadata["name"], judged, metadata["namespace"]
    )


async def _problem(cluster: Cluster, rotation: Document) -> str:
    namespace, spec = rotation["metadata"]["namespace"], rotation.get("spec") or {}
    if problem := unfit(spec):
        return problem
    found = {d["spec"]["name"] for d in cluster.all(ORGANIZATION.plural, namespace)}
    if spec["organizationId"] not in found:
        return f"organization {spec['organizationId']} not found"
    datastore = cluster.find(DATASTORE.plural, names.DATASTORE, namespace)
    if datastore is None:
        return "ApigeeDatastore default not found"
    given = spec["cassandra"]
    wanted = (given["oldSecretRef"], given["newSecretRef"], datastore["spec"]["credentialRef"])
    old, new, current = [await _secret(cluster, name, namespace) for name in wanted]
    return unlike(given, old, new, current)


def unfit(spec: Document) -> str:
    """What the resource lacks, or why it is not carried out; empty where it can be judged."""
    if not spec.get("organizationId"):
        return "spec.organizationId is required"
    if not spec.get("rotationId"):
        return "spec.rotationId is required"
    cassandra = spec.get("cassandra") or {}
    for key in ("oldSecretRef", "newSecretRef", "jobType"):
        if not cassandra.get(key):
            return f"spec.cassandra.{key} is required"
    return "" if spec.get("precheck") else NOT_REHEARSED


def unlike(given: Document, old: Any, new: Any, current: Any) -> str:
    """What is wrong with the secrets' contents; their values are never part of it."""
    for name, data in ((given["oldSecretRef"], old), (given["newSecretRef"], new)):
        if data is None:
            return f'secrets "{name}" not found'
        if missing := sorted(key for key in CREDENTIAL_DEFAULTS if not data.get(key)):
            return f'secret "{name}" lacks {", ".join(missing)}'
    if any((current or {}).get(key) != old.get(key) for key in CREDENTIAL_DEFAULTS):
        return f'secret "{given["oldSecretRef"]}" is not what Cassandra has now'
    return ""


async def _secret(cluster: Cluster, name: str, namespace: str) -> Any:
    found = await cluster.api.find("/api/v1", "secrets", name, namespace)
    return None if found is None else found.get("data") or {}
