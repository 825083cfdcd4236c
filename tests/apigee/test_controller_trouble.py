"""What is said of an operator that is not available."""

from __future__ import annotations

from typing import Any

import pytest

from hybridspan.apigee.controller_trouble import trouble_of

LABELS = {"app": "apigee-controller"}


class Cluster:
    """Pods with a status, and what a container said before it ended."""

    def __init__(self, *statuses: dict[str, Any], lines: tuple[str, ...] = ()) -> None:
        self.pods = [
            {"metadata": {"name": f"manager-{number}"}, "status": status}
            for number, status in enumerate(statuses)
        ]
        self.lines = lines
        self.asked = ""

    async def list_(self, *_: Any, labels: str = "") -> list[dict[str, Any]]:
        self.asked = labels
        return self.pods

    async def logs(self, *_: Any, previous: bool = False, **__: Any) -> list[str]:
        assert previous
        return list(self.lines)


def deployment(replicas: int = 1) -> dict[str, Any]:
    spec = {"replicas": replicas, "selector": {"matchLabels": LABELS}}
    return {"metadata": {"name": "apigee-controller-manager", "namespace": "apigee"}, "spec": spec}


def container(restarts: int = 0, waits: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": waits}} if waits else {"running": {}}
    return {"containerStatuses": [{"name": "manager", "restartCount": restarts, "state": state}]}


async def test_an_operator_that_ends_again_and_again_is_quoted() -> None:
    cluster = Cluster(container(3, "CrashLoopBackOff"), lines=("starting", 'no matches for kind "X"', ""))
    told = await trouble_of(cluster, deployment())
    assert told == 'manager-0 has ended 3 times (CrashLoopBackOff), its last words: no matches for kind "X"'
    assert cluster.asked == "app=apigee-controller"


async def test_one_that_is_scaled_down_is_told() -> None:
    assert await trouble_of(Cluster(), deployment(0)) == "it is scaled to no replicas"


NO_MACHINE = {
    "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/4 nodes are available"}]
}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (container(1), "manager-0 has ended once (it is started again)"),
        (container(0, "ErrImagePull"), "manager-0 is in ErrImagePull"),
        (NO_MACHINE, "manager-0 finds no machine: 0/4 nodes are available"),
        (container(0, "ContainerCreating"), ""),
        (container(), ""),
    ],
)
async def test_what_kubernetes_waits_for_is_told(status: dict[str, Any], words: str) -> None:
    assert await trouble_of(Cluster(status), deployment()) == words
