"""From Kubernetes documents to facts: pure functions."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hybridspan.facts.argo import HELM, application_of
from hybridspan.facts.kubernetes import NodeObjectFacts, PodFacts, SecretFacts
from hybridspan.kubernetes.portable import purpose_of_secret

Document = dict[str, Any]


def pod(document: Document) -> PodFacts:
    """A pod with the reason, in Kubernetes' words, for which it does not run."""
    metadata, spec, status = document["metadata"], document["spec"], document.get("status") or {}
    containers = status.get("containerStatuses") or []
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    return PodFacts(
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        node=spec.get("nodeName", ""),
        address=status.get("podIP", ""),
        phase=status.get("phase", ""),
        ready=conditions.get("Ready", {}).get("status") == "True" and not metadata.get("deletionTimestamp"),
        restarts=sum(c.get("restartCount", 0) for c in containers),
        containers=tuple(c["name"] for c in spec.get("containers") or []),
        reason=_reason(status, conditions),
    )


def _reason(status: Document, conditions: Mapping[str, Document]) -> str:
    every = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for container in every:
        state = container.get("state") or {}
        told = state.get("waiting") or state.get("terminated") or {}
        if told.get("reason") not in (None, "Completed", "PodInitializing", "ContainerCreating"):
            return _told(told["reason"], told.get("message"))
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return _told(scheduled.get("reason", "Unschedulable"), scheduled.get("message"))
    return str(status.get("reason") or "")


def _told(reason: str, message: str | None) -> str:
    return f"{reason}: {message}" if message else reason


def in_ordinal_order(pods: Iterable[PodFacts]) -> tuple[PodFacts, ...]:
    """Pods of a StatefulSet by their number, `…-2` before `…-10`."""
    return tuple(
        sorted(pods, key=lambda p: [int(x) if x.isdigit() else 0 for x in re.split(r"(\d+)", p.name)])
    )


CASSANDRA_CERTIFICATE: Final = "apigee-cassandra-default"
"""The Certificate of Cassandra's nodes; cert-manager writes its name on the secret that it fills."""


def node(document: Document) -> NodeObjectFacts:
    """A Kubernetes node with its internal address."""
    status = document.get("status") or {}
    addresses = {a["type"]: a["address"] for a in status.get("addresses") or []}
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or [])
    metadata = document["metadata"]
    return NodeObjectFacts(
        metadata["name"], ready, addresses.get("InternalIP", ""), dict(metadata.get("labels") or {})
    )


def secret(document: Document) -> SecretFacts:
    """A secret without its content."""
    data = {key: base64.b64decode(value) for key, value in (document.get("data") or {}).items()}
    metadata = document["metadata"]
    return SecretFacts(
        name=metadata["name"],
        namespace=metadata["namespace"],
        type=document.get("type", "Opaque"),
        hashes={key: hashlib.sha256(value).hexdigest() for key, value in data.items()},
        certificate_fingerprint=fingerprint(data["tls.crt"]) if data.get("tls.crt") else None,
        purpose=purpose_of_secret(document),
        release=(metadata.get("annotations") or {}).get(HELM, ""),
        application=application_of(document),
        is_issued=bool(_certificate_name(document)),
    )


def fingerprint(pem: bytes) -> str | None:
    """SHA-256 of the first certificate's DER form, lower-case hex; None where the text holds no certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        return x509.load_pem_x509_certificate(pem).fingerprint(SHA256()).hex()
    except ValueError:
        return None


def authority_issued_nodes(authority: Document | None, secrets: Iterable[Document]) -> bool | None:
    """Whether that authority issued the certificate of Cassandra's nodes; None where either is missing or unreadable.

    An authority that was made anew under the same name looks right in every other way, and no new node can join.
    """
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    issued = nodes_certificate(secrets)
    if authority is None or issued is None:
        return None
    try:
        node, issuer = (x509.load_pem_x509_certificate(_pem(each)) for each in (issued, authority))
    except ValueError:
        return None
    try:
        node.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def nodes_certificate(secrets: Iterable[Document]) -> Document | None:
    """The secret that cert-manager has filled with the certificate of Cassandra's nodes."""
    return next((s for s in secrets if _certificate_name(s) == CASSANDRA_CERTIFICATE), None)


def _certificate_name(secret: Document) -> str:
    return str((secret["metadata"].get("annotations") or {}).get("cert-manager.io/certificate-name", ""))


def _pem(secret: Document) -> bytes:
    return base64.b64decode((secret.get("data") or {}).get("tls.crt", ""))


def cert_manager_version(deployments: Iterable[Document]) -> str | None:
    """The version of cert-manager's controller, from its label or its image's tag; None where it is not installed."""
    for deployment in deployments:
        metadata = deployment["metadata"]
        if metadata["name"] != "cert-manager":
            continue
        labelled = (metadata.get("labels") or {}).get("app.kubernetes.io/version")
        containers = deployment["spec"]["template"]["spec"]["containers"]
        tag = containers[0]["image"].rpartition(":")[2].partition("@")[0]
        return str(labelled or tag)
    return None


def all_available(deployments: Iterable[Document]) -> bool:
    """Whether there are deployments and each has the replicas that it wants."""
    found = list(deployments)
    return bool(found) and all(
        (d.get("status") or {}).get("availableReplicas", 0) >= d["spec"].get("replicas", 1) for d in found
    )
