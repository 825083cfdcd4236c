from __future__ import annotations

import pytest

from hybridspan_lab.apigee import datastore, readiness
from hybridspan_lab.kubeapi import ApiError


def store(state: str = "", replicas: int = 3, requested: int = 3) -> dict:
    return {
        "metadata": {"generation": 2},
        "spec": {"components": {"cassandra": {"replicas": replicas}}},
        "status": {"state": state, "scaling": {"requestedReplicas": requested}} if state else {},
    }


def stateful_set(ready: int = 3, *, seen: int = 1, current: str = "a", update: str = "a") -> dict:
    status = {
        "readyReplicas": ready,
        "replicas": 3,
        "observedGeneration": seen,
        "currentRevision": current,
        "updateRevision": update,
    }
    return {"metadata": {"generation": 1}, "status": status}


@pytest.mark.parametrize(
    ("document", "found", "state"),
    [
        (store(), None, "creating"),
        (store(), stateful_set(1), "creating"),
        (store("creating"), stateful_set(), "running"),
        (store("running"), stateful_set(2), "releasing"),
        (store("running"), stateful_set(seen=0), "releasing"),
        (store("releasing"), stateful_set(update="b"), "releasing"),
        (store("running", 6), stateful_set(), "scaling"),
        (store("scaling", 6, 6), stateful_set(5), "scaling"),
    ],
)
def test_the_state_says_what_is_going_on(document, found, state):
    status = datastore.status_of(document, found, [])
    assert status["state"] == state
    assert bool(status["nestedState"]) == (state != "running")


def test_addresses_and_restarts_come_from_the_pods():
    pods = [
        {"status": {"podIP": "120.38.1.9", "containerStatuses": [{"restartCount": 2}]}},
        {"status": {}},
    ]
    status = datastore.status_of(store(), stateful_set(1), pods)
    assert status["cassandraPodIps"] == ["120.38.1.9"]
    assert status["podRestarts"] == 2


@pytest.mark.parametrize(
    ("status", "running"),
    [
        ({"state": "running", "lastAppliedGeneration": 2}, True),
        ({"state": "running", "lastAppliedGeneration": 1}, False),
        ({"state": "creating", "lastAppliedGeneration": 2}, False),
        ({}, False),
    ],
)
def test_ready_means_that_the_newest_form_runs(status, running):
    assert readiness.is_running({"metadata": {"generation": 2}, "status": status}) is running


def test_a_cluster_that_is_starting_is_met_with_patience_and_a_refusal_is_not():
    assert readiness.is_starting(ApiError(500, "InternalError", "failed calling webhook: no endpoints"))
    assert readiness.is_starting(
        ApiError(404, "NotFound", "the server could not find the requested resource")
    )
    assert not readiness.is_starting(ApiError(403, "Forbidden", "admission webhook denied"))
    assert not readiness.is_starting(ApiError(500, "InternalError", "boom"))
