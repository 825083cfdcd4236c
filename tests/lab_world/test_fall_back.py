"""A lab on loopback addresses, for machines without user namespaces: what works there, what says so, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from hybridspan.errors import PermanentFailure
from hybridspan.secrets import Secret
from hybridspan.topology import loading
from hybridspan_lab import control
from hybridspan_lab.control import UpOptions
from hybridspan_lab.examples import example_directory
from hybridspan_lab.network.mode import NOTICE
from hybridspan_lab.sandbox.marked import WORLD_VARIABLE, marked
from hybridspan_lab.world.existing import ByHand
from hybridspan_lab.world.places import Places

REGION = loading.load(example_directory("two-regions") / "hybrid.yaml").first
LISTENER = """
import http.server, os
from pathlib import Path
Path('/tmp/seen').write_text('here')
place = (os.environ['HYBRIDSPAN_LAB_ADDRESS'], 8080)
http.server.HTTPServer(place, http.server.BaseHTTPRequestHandler).serve_forever()
"""
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "one", "namespace": "default"},
    "spec": {"clusterIP": "None", "selector": {"run": "one"}, "ports": [{"port": 8080}]},
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    home = tmp_path_factory.mktemp("fall-back") / "lab"
    record = control.up(UpOptions(home=home, bare=True, network="loopback"))
    places = Places(home)

    async def create() -> None:
        secret = Secret(places.client_secret.read_text())
        async with ByHand(record.arm, places.arm / "ca.pem", secret) as azure:
            await azure.create([REGION])

    asyncio.run(create())
    yield places
    control.down(home)


@pytest.fixture(scope="module")
def pod(lab: Places) -> str:
    kubectl(lab, "run", "one", "--image=busybox", "--command", "--", sys.executable, "-c", LISTENER)
    kubectl(lab, "wait", "--for=condition=Ready", "pod/one", "--timeout=120s")
    kubectl(lab, "apply", "-f", "-", stdin=json.dumps(SERVICE))
    return kubectl(lab, "get", "pod", "one", "-o", "jsonpath={.status.podIP}")


def kubectl(places: Places, *arguments: str, stdin: str = "") -> str:
    command = [places.bin / "kubectl", "--kubeconfig", places.kubeconfig, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, input=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.05)


def hybridspan(places: Places, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HYBRIDSPAN_LAB_HOME": str(places.home)}
    command = [sys.executable, "-m", "hybridspan", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment)


def test_a_pod_has_an_address_of_loopback_that_names_its_subnet(pod: str) -> None:
    assert pod.startswith("127.120.1.")
    assert ip_address(pod).is_loopback


def test_a_command_in_a_pod_sees_the_pods_own_files_and_name(lab: Places, pod: str) -> None:
    script = "cat /tmp/seen; echo; hostname; getent hosts $(hostname -f)"
    assert kubectl(lab, "exec", "one", "--", "bash", "-c", script).split() == ["here", "one", pod, "one"]


def test_a_services_name_leads_to_its_pods(lab: Places, pod: str) -> None:
    ask = "import socket; print(socket.getaddrinfo('one.default.svc.cluster.local', 8080)[0][4][0])"
    said = kubectl(lab, "exec", "one", "--", sys.executable, "-c", ask)
    assert said.strip() == pod


def test_a_name_that_the_cluster_does_not_know_is_not_asked_of_the_world(lab: Places, pod: str) -> None:
    ask = "import socket\ntry: socket.getaddrinfo('example.com', 80)\nexcept OSError as error: print(error.strerror)"
    assert "no such name in the cluster" in kubectl(lab, "exec", "one", "--", sys.executable, "-c", ask)


def test_a_program_in_a_pod_reaches_the_api_as_its_service_account(lab: Places, pod: str) -> None:
    look = "from hybridspan_lab.kubeapi import KubeApi; print(KubeApi.in_cluster().access.server)"
    assert "https://127.0.0.1:" in kubectl(lab, "exec", "one", "--", sys.executable, "-c", look)


def test_what_a_container_leaves_behind_ends_with_it(lab: Places, pod: str) -> None:
    mark = "HYBRIDSPAN_TEST_STRAY"
    kubectl(lab, "exec", "one", "--", "bash", "-c", f"{mark}=1 setsid sleep 600 >/dev/null 2>&1 </dev/null &")
    until(lambda: len(marked(mark, "1")) == 1)  # the shell does not wait until it has begun
    kubectl(lab, "delete", "pod", "one", "--grace-period=1")
    assert marked(mark, "1") == []


@pytest.mark.parametrize(
    ("command", "stream"), [("status", "stdout"), ("env", "stderr"), ("fault", "stderr")]
)
def test_every_output_begins_with_what_it_cannot_show(lab: Places, command: str, stream: str) -> None:
    document = ["{}"] if command == "fault" else []
    done = hybridspan(lab, "lab", command, *document)
    assert getattr(done, stream).splitlines()[0] == NOTICE


def test_what_a_shell_evaluates_begins_with_it_as_a_remark(lab: Places) -> None:
    assert hybridspan(lab, "lab", "env").stdout.splitlines()[0] == f"# {NOTICE}"


def test_a_document_says_it_too(lab: Places) -> None:
    done = hybridspan(lab, "lab", "status", "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["network"] == "loopback"
    assert found["notice"] == NOTICE
    assert done.stderr.splitlines()[0] == NOTICE


def test_a_disk_cannot_be_made_too_small_and_that_is_said(lab: Places) -> None:
    fault = {"kind": "small-disk", "cluster": REGION.cluster.name, "claim": "c", "megabytes": 1}
    with pytest.raises(PermanentFailure, match="refuses") as refused:
        control.fault(fault, lab.home)
    assert "nothing can be mounted" in refused.value.why


def test_up_and_down_say_it_first_and_leave_nothing_after_a_crash(tmp_path: Path) -> None:
    places = Places(tmp_path / "lab")
    said = hybridspan(places, "lab", "up", "--bare", "--network", "loopback").stdout
    assert said.splitlines()[0] == NOTICE
    world = marked(WORLD_VARIABLE, str(places.home))[0]
    os.kill(world, signal.SIGKILL)
    said = hybridspan(places, "lab", "down").stdout
    assert said.splitlines()[0] == NOTICE
    assert marked(WORLD_VARIABLE, str(places.home)) == []
    assert not places.home.exists()


FORBIDDING = """
import os, sys
from pathlib import Path
from hybridspan_lab.sandbox.system import NEWUSER, unshare
uid, gid = os.geteuid(), os.getegid()
unshare(NEWUSER)
Path("/proc/self/setgroups").write_text("deny")
# An ordinary user's number: with it, starting a program gives every capability up.
Path("/proc/self/uid_map").write_text(f"1000 {uid} 1")
Path("/proc/self/gid_map").write_text(f"1000 {gid} 1")
Path("/proc/sys/user/max_user_namespaces").write_text("0")
os.execv(sys.executable, [sys.executable, "-m", "hybridspan", *sys.argv[1:]])
"""


def without_namespaces(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """hybridspan as an ordinary user on a machine that forbids user namespaces."""
    environment = {**os.environ, "HYBRIDSPAN_LAB_HOME": str(home), "HYBRIDSPAN_LAB_NETWORK": ""}
    command = [sys.executable, "-c", FORBIDDING, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_where_the_kernel_forbids_namespaces_the_lab_starts_all_the_same(tmp_path: Path) -> None:
    home = tmp_path / "lab"
    try:
        up = without_namespaces(home, "lab", "up", "--bare")
        assert up.returncode == 0, up.stderr
        assert up.stdout.splitlines()[0] == NOTICE
    finally:
        down = without_namespaces(home, "lab", "down")
    assert down.stdout.splitlines() == [NOTICE, "the lab is gone"]


def test_real_networks_are_refused_there_by_name(tmp_path: Path) -> None:
    home = tmp_path / "lab"
    try:
        done = without_namespaces(home, "lab", "up", "--bare", "--network", "namespaces")
        assert done.returncode == 1
        assert "HS-LAB-023" in done.stderr
        assert "--network loopback" in done.stderr
    finally:
        without_namespaces(home, "lab", "down")
    assert not Places(home).sockets.exists()
