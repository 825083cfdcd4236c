"""What goes wrong between us and an API server, in hybridspan's own terms.

The one question is whether waiting helps: a server that starts, is overloaded or lost its peer is temporary; a right
that is missing, an object that it refuses or a kind that it does not know is permanent.
"""

from __future__ import annotations

import ssl
from typing import Any, Final

from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure

_TEMPORARY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


def refusal(
    status: int, answer: Any, where: str, kubectl: str, retry_after: str | None = None
) -> HybridspanError:
    """The failure that an HTTP status and the server's Status object mean."""
    document = answer if isinstance(answer, dict) else {}
    why = str(document.get("message") or answer or f"HTTP {status}").strip()
    if status in _TEMPORARY:
        delay = float(retry_after) if retry_after and retry_after.isdigit() else None
        return TemporaryFailure(
            "HS-KUBE-005",
            "the API server cannot do it now",
            where=where,
            why=why,
            hint=f"look at the cluster's health: {kubectl} get --raw '/readyz?verbose'",
            retry_after=delay,
        )
    if status in (401, 403):
        return PermanentFailure(
            "HS-KUBE-003",
            "the API server does not let us",
            where=where,
            why=why,
            hint="az aks get-credentials gives a context; the run needs the rights of cluster-admin",
        )
    if status == 409 and document.get("reason") == "Conflict":
        return PermanentFailure(
            "HS-KUBE-012",
            "someone else owns what would be changed",
            where=where,
            why=why,
            hint="compare the object with what the plan shows; remove or adopt the other owner's fields",
        )
    return PermanentFailure(
        "HS-KUBE-004",
        "the API server refuses the request",
        where=where,
        why=why,
        hint="correct what it names, then run apply again",
    )


def unreachable(error: BaseException, where: str) -> HybridspanError:
    """The failure behind a connection that did not come about or broke."""
    if isinstance(error, ssl.SSLCertVerificationError) or isinstance(
        getattr(error, "certificate_error", None), ssl.SSLCertVerificationError
    ):
        return PermanentFailure(
            "HS-KUBE-011",
            "the API server's certificate is not the one that the kubeconfig names",
            where=where,
            why=str(error),
            hint="fetch the credentials again: az aks get-credentials --overwrite-existing",
        )
    return TemporaryFailure(
        "HS-KUBE-002",
        "the API server does not answer",
        where=where,
        why=str(error) or type(error).__name__,
        hint="see that the cluster runs (az aks show --query powerState) and that this machine may reach it",
    )


def stream_lost(where: str, why: str) -> TemporaryFailure:
    """The stream to a container ended before the container said how its command ended."""
    return TemporaryFailure(
        "HS-KUBE-006",
        "the stream to the container was lost; its command may still run",
        where=where,
        why=why,
        hint="nothing is known of the command's end: what it does is looked at before it is started again",
    )
