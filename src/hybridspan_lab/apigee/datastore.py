"""Reconciles the ApigeeDatastore: its objects, and a status that says what is going on."""

from __future__ import annotations

from typing import Any, Final

from hybridspan_lab.apigee import cassandra_objects as objects
from hybridspan_lab.apigee import names
from hybridspan_lab.apigee.crds import DATASTORE
from hybridspan_lab.apigee.long_work import LongWork
from hybridspan_lab.apigee.objects import owned
from hybridspan_lab.apigee.removal import Removal, wants_removal
from hybridspan_lab.apigee.resources import location
from hybridspan_lab.apigee.watching import Cluster, Document

FINALIZER: Final = "apigeedatastore.apigee.cloud.google.com/finalizer"
FORM: Final = "apigee.cloud.google.com/form"
"""Annotation with a hash of what was applied."""
APPS: Final = "/apis/apps/v1"
REMOVING: Final = "removing the data center from the ring"


async def reconcile(cluster: Cluster, work: LongWork, datastore: Document) -> None:
    """One pass: makes what is missing or different, and writes the status where it changed."""
    metadata = datastore["metadata"]
    if metadata.get("deletionTimestamp"):
        if await _ring_knows(cluster, work, datastore):
            await _let_go(cluster, datastore)
        return
    if FINALIZER not in (metadata.get("finalizers") or []):
        await _set_finalizers(cluster, datastore, [FINALIZER])
    namespace = metadata["namespace"]
    for document in (
        objects.account(namespace),
        objects.service(namespace),
        objects.certificate(namespace),
        objects.stateful_set(datastore),
    ):
        await make(cluster, owned(document, datastore))
    stateful_set = cluster.find("statefulsets", names.CASSANDRA, namespace)
    await _report(cluster, datastore, status_of(datastore, stateful_set, cluster.all("pods", namespace)))


async def make(cluster: Cluster, document: Document) -> None:
    """Applies a document once for each form of it, and again when somebody has changed what it says.

    A hash in its annotations tells which form is there: what a form no longer says must go, too.
    """
    metadata = document["metadata"]
    form = objects.digest(document)
    there = cluster.find(location(document)[1], metadata["name"], metadata["namespace"])
    is_newest = there is not None and (there["metadata"].get("annotations") or {}).get(FORM) == form
    if not is_newest or not says(there, document):
        await cluster.apply({**document, "metadata": {**metadata, "annotations": {FORM: form}}})


def says(there: Any, wanted: Any) -> bool:
    """Whether an object has everything that is wanted; the API server adds defaults and leaves out what is empty."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        return all(says(there.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(there, list):
        return len(there) == len(wanted) and all(map(says, there, wanted))
    return bool(there == wanted or not (there or wanted))


def status_of(datastore: Document, stateful_set: Document | None, pods: list[Document]) -> Document:
    """The status as the real controller words it."""
    total = int(datastore["spec"]["components"]["cassandra"]["replicas"])
    current = (stateful_set or {}).get("status") or {}
    ready = int(current.get("readyReplicas") or 0)
    state = state_of(datastore, stateful_set, ready, total)
    addresses = sorted(pod["status"]["podIP"] for pod in pods if (pod.get("status") or {}).get("podIP"))
    restarts = sum(_restarts(pod) for pod in pods)
    replicas = {
        "total": total,
        "ready": ready,
        "available": ready,
        "updated": int(current.get("updatedReplicas") or 0),
    }
    return {
        "state": state,
        "nestedState": "" if state == "running" else f"{ready} of {total} Cassandra nodes are ready",
        "cassandraPodIps": addresses,
        "cassandraReadyReplicas": ready,
        "podRestarts": restarts,
        "observedGeneration": datastore["metadata"]["generation"],
        "lastAppliedGeneration": datastore["metadata"]["generation"],
        "components": {"cassandra": {"state": state, "replicas": replicas}},
        "scaling": {"inProgress": state == "scaling", "operation": "", "requestedReplicas": total},
    }


def state_of(datastore: Document, stateful_set: Document | None, ready: int, total: int) -> str:
    """creating, running, scaling or releasing."""
    before = (datastore.get("status") or {}).get("state", "")
    if is_settled(stateful_set, ready, total):
        return "running"
    if before in ("", "creating"):
        return "creating"
    spec_replicas = int(
        ((datastore.get("status") or {}).get("scaling") or {}).get("requestedReplicas") or total
    )
    return "scaling" if spec_replicas != total or before == "scaling" else "releasing"


def is_settled(stateful_set: Document | None, ready: int, total: int) -> bool:
    """Whether all nodes run in their newest form."""
    if stateful_set is None or ready < total:
        return False
    status = stateful_set.get("status") or {}
    seen = int(status.get("observedGeneration") or 0) >= stateful_set["metadata"]["generation"]
    newest = status.get("currentRevision") == status.get("updateRevision")
    return bool(seen and newest and int(status.get("replicas") or 0) == total)


def _restarts(pod: Document) -> int:
    statuses: list[dict[str, Any]] = (pod.get("status") or {}).get("containerStatuses") or []
    return sum(int(status.get("restartCount") or 0) for status in statuses)


async def _report(cluster: Cluster, datastore: Document, status: Document) -> None:
    old = datastore.get("status") or {}
    if all(old.get(name) == value for name, value in status.items()):
        return
    metadata = datastore["metadata"]
    await cluster.api.update_status(
        DATASTORE.api, DATASTORE.plural, metadata["name"], status, metadata["namespace"]
    )


async def _ring_knows(cluster: Cluster, work: LongWork, datastore: Document) -> bool:
    """Whether the data center is out of the ring, or need not be; otherwise sees to it."""
    metadata = datastore["metadata"]
    subject = f"{metadata['namespace']}/{metadata['uid']}/remove-dc"
    there = cluster.find("statefulsets", names.CASSANDRA, metadata["namespace"])
    if not wants_removal(datastore) or there is None or there["metadata"].get("deletionTimestamp"):
        return True
    removal = work.subjects.get(subject)
    if removal is not None and removal.is_done:
        return True
    if not work.is_running(subject):
        words = removal.problem if removal is not None else ""
        await _report(cluster, datastore, {"state": "deleting", "nestedState": words or REMOVING})
        removal = work.subjects[subject] = Removal(cluster, work.ring, datastore)
        work.start(subject, cluster, removal.run)
    return False


async def _let_go(cluster: Cluster, datastore: Document) -> None:
    """Removes the nodes before it lets the datastore go; volumes stay, unless the deletion is forced."""
    namespace = datastore["metadata"]["namespace"]
    if cluster.find("statefulsets", names.CASSANDRA, namespace):
        await _report(
            cluster, datastore, {"state": "deleting", "nestedState": "removing the Cassandra nodes"}
        )
        await cluster.api.delete(APPS, "statefulsets", names.CASSANDRA, namespace)
    elif not cluster.all("pods", namespace):
        if datastore["spec"].get("forceDelete"):
            await _delete_volumes(cluster, datastore)
        await _set_finalizers(cluster, datastore, [])


async def _delete_volumes(cluster: Cluster, datastore: Document) -> None:
    """The nodes' claims, and with them the data."""
    namespace, replicas = datastore["metadata"]["namespace"], datastore["spec"]["components"]["cassandra"]
    for ordinal in range(int(replicas["replicas"])):
        claim = f"cassandra-data-{names.CASSANDRA}-{ordinal}"
        await cluster.api.delete("/api/v1", "persistentvolumeclaims", claim, namespace)


async def _set_finalizers(cluster: Cluster, datastore: Document, finalizers: list[str]) -> None:
    metadata = datastore["metadata"]
    patch = {"metadata": {"finalizers": finalizers}}
    await cluster.api.patch(DATASTORE.api, DATASTORE.plural, metadata["name"], patch, metadata["namespace"])
