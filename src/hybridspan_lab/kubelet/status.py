"""A pod's status as the API shows it, from its containers' states."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hybridspan_lab.kubeapi import Document
from hybridspan_lab.kubelet.container import Container, timestamp

OWN_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready")


def phase(policy: str, inits: Sequence[Container], mains: Sequence[Container]) -> str:
    """Pending, Running, Succeeded or Failed."""
    ended = [c.terminated["exitCode"] for c in inits if c.terminated and not is_sidecar(c)]
    if policy == "Never" and any(ended):
        return "Failed"
    if all(c.terminated for c in mains) and not any(will_restart(policy, c) for c in mains):
        return "Failed" if any((c.terminated or {}).get("exitCode") for c in mains) else "Succeeded"
    if all("waiting" in c.state and not c.last_state for c in mains):
        return "Pending"
    return "Running"


def will_restart(policy: str, container: Container) -> bool:
    ended = container.terminated
    return ended is not None and (policy == "Always" or (policy == "OnFailure" and ended["exitCode"] != 0))


def container_status(container: Container) -> Document:
    image = str(container.spec["image"])
    return {
        "name": container.name,
        "image": image,
        "imageID": image if container.process else "",
        "containerID": container.container_id,
        "ready": container.is_ready,
        "started": container.is_started,
        "restartCount": container.restarts,
        "state": container.state,
        "lastState": container.last_state,
    }


def is_initialized(inits: Iterable[Container]) -> bool:
    return all(
        (c.terminated and c.terminated["exitCode"] == 0) or (is_sidecar(c) and c.is_started) for c in inits
    )


def is_sidecar(container: Container) -> bool:
    return container.spec.get("restartPolicy") == "Always"


def conditions(
    pod: Document, inits: Sequence[Container], mains: Sequence[Container], has_network: bool
) -> list[Document]:
    """The kubelet's own conditions, others' kept; a transition's time changes only with its status."""
    present = {c["type"]: c for c in (pod.get("status") or {}).get("conditions") or []}
    ready = all(c.is_ready for c in (*mains, *filter(is_sidecar, inits)))
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or []]
    passed = all((present.get(gate) or {}).get("status") == "True" for gate in gates)
    ended = all(c.terminated for c in mains)
    reason = "PodCompleted" if ended else "ContainersNotReady"
    own = {
        "PodReadyToStartContainers": (has_network, ""),
        "Initialized": (is_initialized(inits), "ContainersNotInitialized"),
        "ContainersReady": (ready, reason),
        "Ready": (ready and passed, reason if not ready else "ReadinessGatesNotReady"),
    }
    made = [condition(kind, value, why, present.get(kind)) for kind, (value, why) in own.items()]
    return [*(c for kind, c in present.items() if kind not in OWN_CONDITIONS), *made]


def condition(kind: str, value: bool, reason: str, before: Document | None) -> Document:
    status = "True" if value else "False"
    since = before["lastTransitionTime"] if before and before["status"] == status else timestamp()
    made: Document = {"type": kind, "status": status, "lastTransitionTime": since, "lastProbeTime": None}
    return made if value or not reason else {**made, "reason": reason}


def pod_status(
    pod: Document,
    inits: Sequence[Container],
    mains: Sequence[Container],
    ephemerals: Sequence[Container] = (),
    *,
    address: str,
    node_address: str,
    started: str,
) -> Document:
    """The whole status that the kubelet writes."""
    return {
        "phase": phase(pod["spec"].get("restartPolicy", "Always"), inits, mains),
        "conditions": conditions(pod, inits, mains, bool(address)),
        "hostIP": node_address,
        "hostIPs": [{"ip": node_address}],
        "podIP": address or None,
        "podIPs": [{"ip": address}] if address else None,
        "startTime": started,
        "qosClass": (pod.get("status") or {}).get("qosClass", "BestEffort"),
        "initContainerStatuses": [container_status(c) for c in inits] or None,
        "containerStatuses": [container_status(c) for c in mains],
        "ephemeralContainerStatuses": [container_status(c) for c in ephemerals] or None,
    }
