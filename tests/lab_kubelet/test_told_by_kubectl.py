"""What the real kubectl tells of pods that start, fail, wait, end or are looked into."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.lab_kubelet.test_kubectl import TRANSPORTS, typed


def pod(name, command, **container):
    main = {"name": "main", "image": "test/sh", "command": ["sh", "-c", command], **container}
    spec = {"containers": [main], "terminationGracePeriodSeconds": 300}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def reasons(cluster, name):
    """The reasons of a pod's events, in the order in which `kubectl describe` shows them."""
    told = cluster.text("describe", "pod", name).partition("Events:")[2]
    return re.findall(r"^\s+(?:Normal|Warning)\s+(\w+)", told, re.MULTILINE)


def test_the_events_of_a_pod_tell_its_life_in_order(cluster):
    probe = {"exec": {"command": ["sh", "-c", "echo no luck; exit 3"]}, "periodSeconds": 1}
    cluster.apply(pod("eventful", "sleep 99", readinessProbe=probe))
    told = "Readiness probe failed: no luck"
    cluster.until(lambda: told in cluster.text("describe", "pod", "eventful"))
    assert reasons(cluster, "eventful")[:5] == ["Scheduled", "Pulled", "Created", "Started", "Unhealthy"]
    cluster.run("delete", "pod", "eventful", "--grace-period=1")
    about = "involvedObject.name=eventful,reason=Killing"
    cluster.until(
        lambda: "Stopping container main" in cluster.text("get", "events", "--field-selector", about)
    )


def test_a_liveness_probe_says_what_failed_and_what_follows(cluster):
    probe = {"tcpSocket": {"port": 81}, "periodSeconds": 1, "failureThreshold": 2}
    cluster.apply(pod("dying", "trap exit TERM; sleep 99 & wait", livenessProbe=probe))
    words = "Container main failed liveness probe, will be restarted"
    cluster.until(lambda: words in cluster.text("describe", "pod", "dying"))
    told = cluster.text("describe", "pod", "dying")
    # Once more where the looks are slow: the container has been restarted by then.
    failed = r"Unhealthy +\S+ \(x[2-9] over \S+\) .*Liveness probe failed: dial tcp \S+:81: connect: connection refused"
    assert re.search(failed, told), told
    cluster.run("delete", "pod", "dying", "--grace-period=1")


def test_a_log_that_is_not_there_yet_says_what_the_container_waits_for(cluster):
    wanted = {"name": "V", "valueFrom": {"secretKeyRef": {"name": "never", "key": "k"}}}
    cluster.apply(pod("waiting", "sleep 99", env=[wanted]))
    cluster.until(lambda: "CreateContainerConfigError" in cluster.text("get", "pod", "waiting"))
    said = cluster.run("logs", "waiting", check=False).stderr.decode()
    assert 'container "main" in pod "waiting" is waiting to start: CreateContainerConfigError' in said
    said = cluster.run("logs", "waiting", "--previous", check=False).stderr.decode()
    assert 'previous terminated container "main" in pod "waiting" not found' in said
    cluster.run("delete", "pod", "waiting", "--grace-period=1")


@pytest.mark.parametrize("impatient", [["--grace-period=1"], ["--grace-period=0", "--force"]])
def test_a_second_deletion_shortens_the_grace(cluster, impatient):
    cluster.apply(pod("stubborn", "trap '' TERM; while :; do sleep 0.2; done"))
    cluster.run("wait", "--for=condition=ready", "pod/stubborn", "--timeout=20s")
    uid = cluster.text("get", "pod", "stubborn", "-o", "jsonpath={.metadata.uid}")
    cluster.run("delete", "pod", "stubborn", "--wait=false")
    assert (cluster.home / "pods" / uid).is_dir()
    cluster.run("delete", "pod", "stubborn", *impatient)
    cluster.until(lambda: not (cluster.home / "pods" / uid).exists(), 15)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_forwarded_port_ends_with_its_pod(cluster, transport):
    cluster.apply(pod("leaving", "sleep 999"))
    cluster.run("wait", "--for=condition=ready", "pod/leaving", "--timeout=20s")
    argv = cluster.argv("port-forward", "leaving", ":8080")
    with subprocess.Popen(
        argv, env={**cluster.env, **transport}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as forward:
        assert "Forwarding from" in forward.stdout.readline()
        cluster.run("delete", "pod", "leaving", "--grace-period=1")
        try:
            _, said = forward.communicate(timeout=20)
        finally:
            forward.kill()
    assert forward.returncode == 1
    assert "lost connection to pod" in said


def test_a_person_looks_into_a_running_pod_with_debug(cluster, database):
    argv = ["debug", "-it", "db-0", "--image", "test/sh", "--container", "look", "--profile=general"]
    shown, code = typed(cluster, argv, ["hostname -i", "exit 5"])
    assert cluster.text("get", "pod", "db-0", "-o", "jsonpath={.status.podIP}") in shown
    ended = "jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}"
    cluster.until(lambda: cluster.text("get", "pod", "db-0", "-o", ended) == "5")
    assert cluster.text("get", "pod", "db-0").count("1/1") == 1
    assert code in (0, 1, 5)


def test_files_are_copied_both_ways(cluster, database, tmp_path):
    (tmp_path / "in").write_text("words\n")
    cluster.run("cp", str(tmp_path / "in"), "db-0:/tmp/there", "-c", "main")
    cluster.run("cp", "db-0:/tmp/there", str(tmp_path / "out"), "-c", "main")
    assert (tmp_path / "out").read_text() == "words\n"


def test_top_shows_what_pods_and_nodes_use(cluster, database):
    cluster.apply(pod("busy", "while :; do :; done"))
    cluster.run("wait", "--for=condition=ready", "pod/busy", "--timeout=20s")
    cluster.until(lambda: "busy" in cluster.run("top", "pod", check=False).stdout.decode(), 30)
    told = {
        name: (int(cpu.removesuffix("m")), int(memory.removesuffix("Mi")))
        for name, cpu, memory in map(str.split, cluster.text("top", "pod", "--no-headers").splitlines())
    }
    assert told["busy"][0] > 50, told
    assert all(memory > 5 for name, (_, memory) in told.items() if name.startswith("db-")), told
    assert set(cluster.text("top", "pod", "-l", "app=db", "--no-headers").split()[::3]) == {
        "db-0",
        "db-1",
        "db-2",
    }
    node = cluster.text("get", "pod", "busy", "-o", "jsonpath={.spec.nodeName}")
    busiest = max(
        cluster.text("top", "node", "--no-headers").splitlines(), key=lambda line: int(line.split()[1][:-1])
    )
    assert busiest.split()[0] == node
    assert "NotFound" in cluster.run("top", "pod", "nobody", check=False).stderr.decode()
    cluster.run("delete", "pod", "busy", "--grace-period=1")
