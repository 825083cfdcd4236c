"""A running cluster for the tests that use the real kubectl."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from hybridspan_lab.world.record import members


class Cluster:
    """The real kubectl against a cluster of our kubelet's."""

    def __init__(self, home, process, told):
        self.home, self.process, self.program = home, process, told["kubectl"]
        self.env = {**os.environ, "KUBECONFIG": told["kubeconfig"]}

    def argv(self, *arguments):
        return [self.program, *arguments]

    def run(self, *arguments, stdin=None, env=None, check=True):
        """Standard output; fails with the kubelet's last lines."""
        ended = subprocess.run(
            self.argv(*arguments),
            input=stdin,
            capture_output=True,
            env={**self.env, **(env or {})},
            timeout=150,
        )
        assert not check or ended.returncode == 0, f"{ended.stderr.decode()}\n{self.last_lines()}"
        return ended.stdout if check else ended

    def text(self, *arguments, **more):
        return self.run(*arguments, **more).decode()

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "-o", "json"))

    def apply(self, *documents):
        listed = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self.run("apply", "-f", "-", stdin=json.dumps(listed).encode())

    def shell(self, pod, command, **more):
        return self.text("exec", pod, "-c", "main", "--", "sh", "-c", command, **more)

    def add_node(self):
        """Writes a fourth node into the configuration and tells the kubelet."""
        file = self.home / "kubelet.json"
        settings = json.loads(file.read_text())
        settings["nodes"].append({"name": "aks-3", "address": "120.38.1.7"})
        file.write_text(json.dumps(settings))
        (pid,) = [path.parent.name for path in Path("/proc").glob("[0-9]*/cmdline") if is_kubelet(path, file)]
        os.kill(int(pid), signal.SIGHUP)

    def last_lines(self):
        return "".join((self.home / "kubelet.log").read_text().splitlines(keepends=True)[-20:])

    def until(self, condition, patience=120.0):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if found := condition():
                return found
            time.sleep(0.05)
        raise AssertionError(f"did not come about\n{self.last_lines()}")


def is_kubelet(path, file):
    try:
        return path.read_bytes().split(b"\0")[1:4] == [b"-m", b"hybridspan_lab.kubelet", str(file).encode()]
    except OSError:
        return False


@pytest.fixture(scope="session")
def cluster():
    # A short path, because the socket's is limited.
    home = Path(tempfile.mkdtemp(prefix="kubelet-"))
    driver = str(Path(__file__).with_name("driver.py"))
    with subprocess.Popen([sys.executable, driver, str(home)], stdout=subprocess.PIPE, text=True) as process:
        try:
            found = Cluster(home, process, json.loads(process.stdout.readline()))
            inside = os.readlink(f"/proc/{process.pid}/ns/pid_for_children")
            found.until(lambda: found.text("get", "nodes").count(" Ready ") >= 3)
            found.until(lambda: "default" in found.text("get", "serviceaccounts"))
            yield found
        finally:
            process.kill()
    until_gone(inside)
    shutil.rmtree(home)


def until_gone(namespace):
    """What was inside ends with the outermost process, but not in the same moment, and writes into its home until then."""
    deadline = time.monotonic() + 120
    while left := members(namespace):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


@pytest.fixture(scope="session")
def database(cluster):
    """A StatefulSet of three with a claim each, ready."""
    cluster.apply(*database_documents())
    cluster.run("rollout", "status", "statefulset/db", "--timeout=120s")
    return "db"


PROBED = {"periodSeconds": 1, "timeoutSeconds": 30}
"""A busy machine is no reason to take a container for broken."""


def database_documents():
    labels = {"app": "db"}
    container = {
        "name": "main",
        "image": "test/web",
        "args": ["8080"],
        "env": [
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "creds", "key": "password"}}},
        ],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, **PROBED},
        "livenessProbe": {"exec": {"command": ["test", "!", "-e", "/tmp/broken"]}, **PROBED},
        "volumeMounts": [
            {"name": "data", "mountPath": "/opt/app/data"},
            {"name": "creds", "mountPath": "/etc/creds", "readOnly": True},
        ],
    }
    first = {
        "name": "first",
        "image": "test/sh",
        "command": ["sh", "-c", "echo prepared; touch /data/prepared"],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    spec = {
        "terminationGracePeriodSeconds": 5,
        "initContainers": [first],
        "containers": [container],
        "volumes": [{"name": "creds", "secret": {"secretName": "creds"}}],
    }
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    service = {
        "publishNotReadyAddresses": True,
        "clusterIP": "None",
        "selector": labels,
        "ports": [{"port": 8080}],
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "creds"},
            "stringData": {"password": "geheim"},
        },
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"}, "spec": service},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "front"},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "db"},
            "spec": {
                "serviceName": "db",
                "replicas": 3,
                "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
            },
        },
    ]
