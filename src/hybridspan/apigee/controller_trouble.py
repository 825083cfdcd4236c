"""Why Apigee's operator is not available: what its Deployment, its pods and their last words say, in one sentence."""

from __future__ import annotations

from typing import Any, Final, Protocol

from hybridspan.errors import HybridspanError

Document = dict[str, Any]

LONGEST: Final = 240
"""Characters of a log line that are shown."""


class Pods(Protocol):
    """What is asked of a cluster."""

    async def list_(
        self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = ""
    ) -> list[Document]: ...

    async def logs(
        self,
        namespace: str,
        pod: str,
        *,
        container: str | None = None,
        tail: int = 200,
        previous: bool = False,
    ) -> list[str]: ...


async def trouble_of(cluster: Pods, deployment: Document) -> str:
    """The sentence; empty where nothing is known yet."""
    spec, namespace = deployment.get("spec") or {}, deployment["metadata"]["namespace"]
    if spec.get("replicas", 1) == 0:
        return "it is scaled to no replicas"
    chosen = (spec.get("selector") or {}).get("matchLabels") or {}
    labels = ",".join(f"{key}={value}" for key, value in sorted(chosen.items()))
    for pod in await cluster.list_("v1", "Pod", namespace, labels=labels):
        if found := await _of_pod(cluster, pod, namespace):
            return found
    return ""


async def _of_pod(cluster: Pods, pod: Document, namespace: str) -> str:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for container in status.get("containerStatuses") or []:
        waits = ((container.get("state") or {}).get("waiting") or {}).get("reason", "")
        if times := container.get("restartCount"):
            words = await _last_words(cluster, namespace, name, container["name"])
            often = "once" if times == 1 else f"{times} times"
            return f"{name} has ended {often} ({waits or 'it is started again'}){words}"
        if waits and waits != "ContainerCreating":
            return f"{name} is in {waits}"
    unready = [
        c for c in status.get("conditions") or [] if c["type"] == "PodScheduled" and c["status"] == "False"
    ]
    return f"{name} finds no machine: {unready[0].get('message', '')}"[:LONGEST] if unready else ""


async def _last_words(cluster: Pods, namespace: str, pod: str, container: str) -> str:
    """Nothing where the log cannot be had: a look at the whole must not fail by it."""
    try:
        lines = await cluster.logs(namespace, pod, container=container, tail=20, previous=True)
    except HybridspanError:
        return ""
    words = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f", its last words: {words[:LONGEST]}" if words else ""
