"""A pod's phase and conditions."""

from __future__ import annotations

from pathlib import Path

import pytest

from hybridspan_lab.kubelet.container import Container
from hybridspan_lab.kubelet.status import conditions, phase, pod_status, will_restart


def container(state, *, last=None, ready=False):
    made = Container({"name": "c", "image": "i"}, Path("/nowhere"), lambda: None)
    made.state, made.last_state, made.is_ready = state, last or {}, ready
    return made


def ended(code):
    return {"terminated": {"exitCode": code}}


RUNNING, WAITING = {"running": {}}, {"waiting": {"reason": "PodInitializing"}}


@pytest.mark.parametrize(
    ("policy", "states", "expected"),
    [
        ("Always", [WAITING], "Pending"),
        ("Always", [RUNNING, WAITING], "Running"),
        ("Always", [ended(0)], "Running"),
        ("Never", [ended(0)], "Succeeded"),
        ("Never", [ended(0), ended(3)], "Failed"),
        ("OnFailure", [ended(0)], "Succeeded"),
        ("OnFailure", [ended(1)], "Running"),
        ("Never", [ended(1), RUNNING], "Running"),
    ],
)
def test_the_phase_follows_the_containers(policy, states, expected):
    assert phase(policy, [], [container(state) for state in states]) == expected


def test_a_failed_init_container_fails_a_pod_that_is_never_restarted():
    assert phase("Never", [container(ended(1))], [container(WAITING)]) == "Failed"


def test_a_crashing_container_keeps_its_pod_running():
    assert phase("Always", [], [container({"waiting": {}}, last=ended(1))]) == "Running"


@pytest.mark.parametrize(
    ("policy", "code", "again"), [("Always", 0, True), ("OnFailure", 0, False), ("Never", 1, False)]
)
def test_restarts_follow_the_policy(policy, code, again):
    assert will_restart(policy, container(ended(code))) is again


def test_conditions_of_others_are_kept():
    pod = {"spec": {}, "status": {"conditions": [{"type": "PodScheduled", "status": "True"}]}}
    kinds = {
        c["type"]: c["status"]
        for c in conditions(pod, [], [container(RUNNING, ready=True)], has_network=True)
    }
    assert kinds["PodScheduled"] == kinds["Ready"] == kinds["ContainersReady"] == "True"


def test_a_readiness_gate_must_be_passed_too():
    pod = {"spec": {"readinessGates": [{"conditionType": "x"}]}}
    kinds = {
        c["type"]: c["status"]
        for c in conditions(pod, [], [container(RUNNING, ready=True)], has_network=True)
    }
    assert (kinds["ContainersReady"], kinds["Ready"]) == ("True", "False")


def test_a_transition_keeps_its_time_while_nothing_changes():
    since = {"type": "Ready", "status": "False", "lastTransitionTime": "then"}
    pod = {"spec": {}, "status": {"conditions": [since]}}
    found = conditions(pod, [], [container(RUNNING)], has_network=True)
    assert next(c for c in found if c["type"] == "Ready")["lastTransitionTime"] == "then"


def test_a_status_names_the_pods_and_the_nodes_address():
    status = pod_status(
        {"spec": {}}, [], [container(RUNNING)], address="120.38.1.9", node_address="120.38.1.4", started="t"
    )
    assert (status["podIPs"], status["hostIP"]) == ([{"ip": "120.38.1.9"}], "120.38.1.4")
