from __future__ import annotations

from typing import Any

import pytest

from hybridspan.kubernetes.restarts import unfinished_restart


def store(generation: int = 2, applied: int = 2) -> dict[str, Any]:
    metadata = {"name": "default", "generation": generation}
    return {"kind": "ApigeeDatastore", "metadata": metadata, "status": {"lastAppliedGeneration": applied}}


def statefulset(**status: Any) -> dict[str, Any]:
    over = {"observedGeneration": 2, "currentRevision": "a", "updateRevision": "a", "readyReplicas": 3}
    metadata = {"name": "apigee-cassandra-default", "generation": 2}
    return {"kind": "StatefulSet", "metadata": metadata, "spec": {"replicas": 3}, "status": over | status}


def test_a_restart_is_over_when_all_pods_run_the_latest_form():
    assert unfinished_restart(store(), statefulset()) == ""


@pytest.mark.parametrize(
    ("seen", "pods", "words"),
    [
        (store(applied=1), statefulset(), "ApigeeDatastore default has a change"),
        (store(), statefulset(observedGeneration=1), "StatefulSet apigee-cassandra-default has a change"),
        (store(), statefulset(updateRevision="b", updatedReplicas=1), "1 of 3 pods are restarted"),
        (store(), statefulset(readyReplicas=2), "2 of 3 pods are ready"),
        (store(), None, "missing"),
    ],
)
def test_what_is_left_of_a_restart_is_said(seen: dict[str, Any], pods: dict[str, Any] | None, words: str):
    assert words in unfinished_restart(seen, pods)
