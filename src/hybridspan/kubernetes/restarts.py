"""Whether a rolling restart is over: pure, from the documents of a custom resource and its StatefulSet."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def unfinished_restart(store: Document | None, statefulset: Document | None) -> str:
    """Whether controllers have yet to see the latest change, or pods yet to be restarted for it."""
    for document, field in ((store, "lastAppliedGeneration"), (statefulset, "observedGeneration")):
        if document is None:
            return "a resource is missing"
        generation, status = document["metadata"].get("generation", 0), document.get("status") or {}
        if field in status and status[field] < generation:
            return (
                f"{document['kind']} {document['metadata']['name']} has a change that is not carried out yet"
            )
    status = (statefulset or {}).get("status") or {}
    wanted = ((statefulset or {}).get("spec") or {}).get("replicas", 1)
    is_latest = status.get("updateRevision") == status.get("currentRevision")
    if not is_latest and status.get("updatedReplicas", 0) < wanted:
        return f"{status.get('updatedReplicas', 0)} of {wanted} pods are restarted"
    if status.get("readyReplicas", 0) < wanted:
        return f"{status.get('readyReplicas', 0)} of {wanted} pods are ready"
    return "" if is_latest else "the restart is not over yet"
