"""The real kubectl, unmodified, over WebSockets and over SPDY."""

from __future__ import annotations

import hashlib
import os
import pty
import re
import select
import signal
import subprocess
import time
import urllib.request

import pytest

TRANSPORTS = [
    pytest.param({}, id="websocket"),
    pytest.param(
        {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}, id="spdy"
    ),
]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_exec_gives_output_errors_and_exit_code(cluster, database, transport):
    ended = cluster.run(
        "exec", "-i", "db-0", "-c", "main", "--", "sh", "-c", "cat; echo no >&2; exit 4",
        stdin=b"yes\n", env=transport, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (4, b"yes\n")
    assert ended.stderr.startswith(b"no\n")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_many_bytes_go_both_ways_unchanged(cluster, database, transport):
    data = os.urandom(5_000_000)
    assert cluster.run("exec", "-i", "db-0", "-c", "main", "--", "cat", stdin=data, env=transport) == data


def test_a_program_that_does_not_exist_is_named(cluster, database):
    ended = cluster.run("exec", "db-0", "-c", "main", "--", "nonsense", check=False)
    assert b'exec: "nonsense": executable file not found' in ended.stderr


def test_a_terminal_has_a_size_and_an_exit_code(cluster, database):
    shown, code = typed(
        cluster, ["exec", "-it", "db-0", "-c", "main", "--", "sh"], ["tty; stty size", "exit 3"]
    )
    assert "/dev/pts/" in shown
    assert "33 101" in shown
    assert code == 3


def test_an_interactive_pod_starts_answers_and_is_removed(cluster):
    argv = ["run", "client", "-i", "--tty", "--rm", "--restart=Never", "--image", "test/sh"]
    shown, code = typed(cluster, argv, ["echo $((40+2))", "exit"])
    assert "42" in shown
    assert code == 0
    assert "client" not in cluster.text("get", "pods")


def test_a_pod_takes_standard_input_to_its_end(cluster):
    argv = (
        "run",
        "piped",
        "-i",
        "--rm",
        "--restart=Never",
        "--image",
        "test/sh",
        "--",
        "sh",
        "-c",
        "sleep 1; cat",
    )
    assert cluster.text(*argv, stdin=b"words\n").startswith("words\n")


def test_a_command_ends_when_its_client_goes(cluster, database):
    program = "echo $$ > /tmp/pid; exec sleep 1000"
    alive = "test -s /tmp/pid && kill -0 $(cat /tmp/pid) && echo alive || echo gone"
    argv = cluster.argv("exec", "-i", "db-0", "-c", "main", "--", "sh", "-c", program)
    with subprocess.Popen(argv, env=cluster.env, stdin=subprocess.PIPE) as client:
        cluster.until(lambda: cluster.shell("db-0", alive) == "alive\n")
        client.kill()
    cluster.until(lambda: cluster.shell("db-0", alive) == "gone\n")


def test_logs_are_followed(cluster, database):
    argv = cluster.argv("logs", "-f", "db-0", "-c", "main", "--tail=0")
    with subprocess.Popen(argv, env=cluster.env, stdout=subprocess.PIPE) as following:
        line = following.stdout.readline()
        following.kill()
    assert b"GET /" in line


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_forwarded_ports_carry_many_connections(cluster, database, transport):
    data = os.urandom(3_000_000)
    cluster.run("exec", "-i", "db-0", "-c", "main", "--", "sh", "-c", "cat > /file", stdin=data)
    argv = cluster.argv("port-forward", "db-0", ":8080")
    with subprocess.Popen(
        argv, env={**cluster.env, **transport}, stdout=subprocess.PIPE, text=True
    ) as forward:
        port = int(forward.stdout.readline().split("127.0.0.1:")[1].split()[0])
        url = f"http://127.0.0.1:{port}/file"
        fetched = {hashlib.sha256(urllib.request.urlopen(url).read()).digest() for _ in range(5)}
        forward.kill()
    assert fetched == {hashlib.sha256(data).digest()}


def test_an_unknown_image_is_not_pulled(cluster):
    cluster.run("run", "stranger", "--image", "nowhere/nothing:1")
    cluster.until(lambda: "ImagePullBackOff" in cluster.text("get", "pod", "stranger"))
    cluster.run("delete", "pod", "stranger")


def test_a_crashing_container_is_restarted_with_growing_pauses(cluster):
    cluster.run("run", "crashing", "--image", "test/sh", "--", "sh", "-c", "echo boom; exit 7")
    cluster.until(lambda: "CrashLoopBackOff" in cluster.text("get", "pod", "crashing"))
    state = cluster.json("get", "pod", "crashing")["status"]["containerStatuses"][0]
    assert state["lastState"]["terminated"]["exitCode"] == 7
    cluster.until(lambda: cluster.run("logs", "crashing", "--previous", check=False).stdout == b"boom\n")
    waits = "jsonpath={.status.containerStatuses[0].state.waiting.message}"
    second = "back-off 2s restarting failed container=crashing pod=crashing_default("
    cluster.until(lambda: cluster.text("get", "pod", "crashing", "-o", waits).startswith(second))
    told = "Back-off restarting failed container crashing in pod crashing_default("
    assert told in cluster.text("describe", "pod", "crashing")
    cluster.run("delete", "pod", "crashing")


def test_a_job_runs_to_its_end(cluster):
    cluster.run("create", "job", "once", "--image", "test/sh", "--", "sh", "-c", "echo done")
    cluster.run("wait", "--for=condition=complete", "job/once", "--timeout=120s")
    assert cluster.text("logs", "job/once") == "done\n"


def test_a_pod_waits_for_a_secret_that_comes_later(cluster):
    volume = {"name": "v", "secret": {"secretName": "later"}}
    container = {"name": "main", "image": "test/sh", "command": ["sh", "-c", "cat /v/k; echo; sleep 99"]}
    container["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
    spec = {"containers": [container], "volumes": [volume], "terminationGracePeriodSeconds": 0}
    cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "patient"}, "spec": spec})
    cluster.until(lambda: "ContainerCreating" in cluster.text("get", "pod", "patient"))
    cluster.run("create", "secret", "generic", "later", "--from-literal=k=v")
    cluster.until(lambda: cluster.run("logs", "patient", check=False).stdout == b"v\n")
    cluster.run("delete", "pod", "patient")


def test_a_pod_on_its_nodes_network_has_the_nodes_address_and_name(cluster):
    spec = {
        "hostNetwork": True,
        "containers": [{"name": "main", "image": "test/sh", "command": ["sh", "-c", "sleep 99"]}],
    }
    cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "hosted"}, "spec": spec})
    cluster.run("wait", "--for=condition=ready", "pod/hosted", "--timeout=120s")
    status = cluster.json("get", "pod", "hosted")["status"]
    assert status["podIP"] == status["hostIP"]
    node = cluster.json("get", "pod", "hosted")["spec"]["nodeName"]
    assert cluster.shell("hosted", "hostname") == f"{node}\n"
    cluster.run("delete", "pod", "hosted", "--grace-period=1")


PROMPT = re.compile(rb"[#$] $")
QUIET_SECONDS, LONGEST_SECONDS = 2.0, 120.0


def typed(cluster, arguments, lines):
    """Runs kubectl on a terminal of 33 rows and 101 columns and types; returns what was shown and the exit code.

    Each line is typed at a prompt. Who attached after the prompt was shown presses enter, as kubectl advises.
    """
    pid, fd = pty.fork()
    if pid == 0:
        import fcntl
        import struct
        import termios

        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
        os.execve(cluster.program, cluster.argv(*arguments), cluster.env)
    shown, deadline, waiting = b"", time.monotonic() + LONGEST_SECONDS, list(lines)
    while time.monotonic() < deadline:
        if select.select([fd], [], [], QUIET_SECONDS)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                break
            shown += data
        elif waiting and not PROMPT.search(shown):
            os.write(fd, b"\n")
        if waiting and PROMPT.search(shown):
            os.write(fd, waiting.pop(0).encode() + b"\n")
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(fd)
    return shown.decode(errors="replace"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_new_node_joins_without_a_restart_of_any_pod(cluster, database):
    """Last in this file: the cluster keeps its fourth node."""
    identities = "jsonpath={.items[*].status.containerStatuses[0].containerID}"
    before = cluster.text("get", "pods", "-l", "app=db", "-o", identities)
    cluster.add_node()
    cluster.until(lambda: cluster.text("get", "nodes").count(" Ready ") == 4)
    assert cluster.text("get", "pods", "-l", "app=db", "-o", identities) == before
