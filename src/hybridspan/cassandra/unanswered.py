"""What was asked inside a pod and ended from outside: it says nothing of what it was asked for, and is asked again."""

from __future__ import annotations

from hybridspan.cassandra.ports import PodAccess
from hybridspan.errors import TemporaryFailure


def unanswered(
    code: str, message: str, pods: PodAccess, namespace: str, pod: str, why: str
) -> TemporaryFailure:
    """That failure, with where it was and how a person sees whether the pod restarts."""
    return TemporaryFailure(
        code,
        message,
        where=f"{pods.name}, pod {namespace}/{pod}",
        why=why,
        hint=f"{pods.kubectl} -n {namespace} describe pod {pod} says whether it restarts, and why; once it is ready, run again",
    )
