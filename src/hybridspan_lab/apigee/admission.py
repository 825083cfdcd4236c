"""The validating webhook of the datastore: who may change multiRegionSeedHost, and when."""

from __future__ import annotations

from typing import Any, Final

Document = dict[str, Any]

REFUSAL: Final = (
    'spec.components.cassandra.properties.multiRegionSeedHost cannot be changed from "{old}" to '
    '"{new}" while the datastore is running; remove it, or set release.forceUpdateMultiRegionSeedHost'
)


def review(request: Document) -> Document:
    """The AdmissionReview's answer to an AdmissionReview."""
    asked = request["request"]
    reason = objection(asked.get("oldObject") or {}, asked.get("object") or {})
    response: Document = {"uid": asked["uid"], "allowed": not reason}
    if reason:
        response["status"] = {"code": 403, "reason": "Forbidden", "message": reason}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


def unchanged(request: Document) -> Document:
    """The answer of the mutating webhook: it has nothing to add."""
    response = {"uid": request["request"]["uid"], "allowed": True}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


def objection(old: Document, new: Document) -> str:
    """Empty where the change is allowed: taking the seed out always is, another seed only before the nodes run."""
    before, after = seed(old), seed(new)
    if before == after or not after:
        return ""
    if (new.get("release") or {}).get("forceUpdateMultiRegionSeedHost"):
        return ""
    if (old.get("status") or {}).get("state") in (None, "", "creating"):
        return ""
    return REFUSAL.format(old=before, new=after)


def seed(datastore: Document) -> str:
    """`multiRegionSeedHost` of a datastore, or nothing."""
    components = (datastore.get("spec") or {}).get("components") or {}
    properties = (components.get("cassandra") or {}).get("properties") or {}
    return str(properties.get("multiRegionSeedHost") or "")
