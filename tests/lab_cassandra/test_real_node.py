"""A real Cassandra node on loopback addresses: what its doors let in, and what the jobs make of an empty ring."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hybridspan_lab.apigee.issuing import Pair, issue
from hybridspan_lab.cassandra import jvm, podtools

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(600)]

NETWORK = f"127.{20 + os.getpid() % 200}.{os.getpid() // 200 % 250}"
START_SECONDS = 240
NOW = dt.datetime.now(dt.UTC)
ROOT = {"isCA": True, "commonName": "apigee-hybrid", "privateKey": {"algorithm": "ECDSA"}}
USERS = {
    "default": "cassandra",
    "admin": "admin_user",
    "ddl": "ddl_user",
    "dml": "dml_user",
    "jmx": "jmxuser",
}


@dataclass
class Node:
    """One node's process with its folder, as a pod would have it."""

    folder: Path
    address: str
    tls: Path
    seed: str = ""
    ordinal: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def jmx_port(self) -> int:
        with socket.create_server(("", 0)) as free:  # it listens on every address
            return int(free.getsockname()[1])

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            **jvm.Runtime.locate().to_environment(),
            "PYTHONPATH": str(Path(podtools.__file__).parents[2]),
            "POD_NAME": f"apigee-cassandra-default-{self.ordinal}",
            "POD_IP": self.address,
            "CASSANDRA_SERVICE": "apigee-cassandra-default.invalid",
            "CASSANDRA_EXTERNAL_SEED": self.seed,
            "CASSANDRA_DATA": str(self.folder / "data"),
            "CASSANDRA_CONF": str(self.folder / "opt" / "cassandra" / "conf"),
            "CASSANDRA_TLS": str(self.tls),
            "CASSANDRA_CREDENTIALS": str(self.tls.parent / "credentials"),
            "CASSANDRA_REPLICAS": "1",
            "APIGEE_ORG": "hybrid-test-7",
            "MAX_HEAP_SIZE": "256M",
        }

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.port = self.jmx_port
        self.log = self.folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hybridspan_lab.cassandra.node"],
                env={**self.environment(), "CASSANDRA_JMX_PORT": str(self.port)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def until(self, words: str) -> None:
        """Waits until the log says so or the process has ended."""
        deadline = time.monotonic() + START_SECONDS
        while words not in self.log.read_text(errors="replace"):
            assert self.process.poll() is None, self.log.read_text(errors="replace")[-3000:]
            assert time.monotonic() < deadline, f"{words!r} is not in the log"
            time.sleep(0.2)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(120)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=240)

    def task(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", f"hybridspan_lab.cassandra.{module}", *arguments)

    def nodetool(self, *arguments: str, password: bool = True) -> subprocess.CompletedProcess[str]:
        file = self.folder / "password"
        file.write_text("jmxuser of-jmx\n")
        user = ("-u", "jmxuser", "-pwf", str(file)) if password else ()
        return self.run(
            str(podtools.locate().directory / "nodetool"), "-p", str(self.port), *user, *arguments
        )


def certificates(folder: Path, root: Pair) -> Path:
    folder.mkdir(parents=True)
    leaf = issue({"commonName": "apigee-cassandra-default", "dnsNames": ["localhost"]}, root, NOW)
    for name, content in (("tls.crt", leaf.certificate), ("tls.key", leaf.key), ("ca.crt", root.certificate)):
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cassandra")
    (folder / "credentials").mkdir()
    for part, user in USERS.items():
        (folder / "credentials" / f"{part}.user").write_text(user)
        (folder / "credentials" / f"{part}.password").write_text(f"of-{part}")
    return folder


@pytest.fixture(scope="module")
def node(folder) -> Iterator[Node]:
    node = Node(folder / "node-0", f"{NETWORK}.1", certificates(folder / "tls", issue(ROOT, None, NOW)))
    node.start()
    try:
        node.until("Startup complete")
        yield node
    finally:
        node.stop()


def test_the_node_listens_only_where_it_should(node):
    for port in (7001, 9042):
        socket.create_connection((node.address, port), timeout=60).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((node.address, 7000), timeout=60)


@pytest.mark.parametrize("port", [7001, 9042])
def test_plain_text_is_not_answered(node, port):
    with socket.create_connection((node.address, port), timeout=60) as plain:
        plain.sendall(b"\x04\x00\x00\x00\x05\x00\x00\x00\x00")
        answer = plain.recv(64)
    assert answer[:1] in (b"", b"\x15"), "nothing, or a TLS alert"


def answer_to_a_stranger(node: Node) -> bytes:
    """What a client gets that trusts the node but shows no certificate; the refusal may come as a closed connection."""
    tls = ssl.create_default_context(cafile=str(node.tls / "ca.crt"))
    tls.check_hostname = False
    try:
        with (
            socket.create_connection((node.address, 9042), timeout=60) as plain,
            tls.wrap_socket(plain) as secured,
        ):
            secured.sendall(b"\x04\x00\x00\x00\x05\x00\x00\x00\x00")
            return secured.recv(64)
    except (ssl.SSLError, ConnectionError):
        return b""


def test_a_client_without_a_certificate_is_turned_away(node):
    assert answer_to_a_stranger(node) == b""


def test_nodetool_works_with_the_password_and_not_without(node):
    assert "UN  " + node.address in node.nodetool("status").stdout
    refused = node.nodetool("status", password=False)
    assert refused.returncode != 0
    assert "Credentials required" in refused.stdout + refused.stderr


def test_users_schema_and_rows_from_an_empty_ring(node):
    for task in ("user_setup", "user_setup", "schema_setup", "schema_setup", "schema_validation"):
        done = node.task(task)
        assert done.returncode == 0, done.stderr
    assert "users exist" in node.task("user_setup").stdout
    assert node.task("fill", "--rows", "400").returncode == 0
    verified = node.task("fill", "--rows", "440", "--verify", "--consistency", "ONE")
    result = json.loads(verified.stdout.splitlines()[-1])
    assert (result["found"], result["missing"]) == (400, 40)
    assert "dc-1" in node.nodetool("describecluster").stdout


def test_the_real_cqlsh_needs_no_more_than_ssl(node):
    cqlsh = str(podtools.locate().directory / "cqlsh")
    login = ("--ssl", "-u", "ddl_user", "-p", "of-ddl")
    done = node.run(cqlsh, *login, "-e", "SELECT keyspace_name FROM system_schema.keyspaces")
    assert "kms_hybrid_test_7_hybrid" in done.stdout, done.stderr
    refused = node.run(cqlsh, *login, "-e", "SELECT * FROM system.available_ranges_v2")
    assert "Unauthorized" in refused.stderr, "an ordinary role must not read it"


EVERYWHERE = "WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"


@pytest.mark.parametrize(
    ("user", "statement", "refusal"),
    [
        ("ddl", f"CREATE KEYSPACE made_by_ddl {EVERYWHERE}", ""),
        ("ddl", f"ALTER KEYSPACE kms_hybrid_test_7_hybrid {EVERYWHERE}", ""),
        ("ddl", f"ALTER KEYSPACE system_auth {EVERYWHERE}", "Unauthorized"),
        ("ddl", "CREATE ROLE another", "Unauthorized"),
        ("dml", f"CREATE KEYSPACE made_by_dml {EVERYWHERE}", "Unauthorized"),
        ("dml", f"ALTER KEYSPACE kms_hybrid_test_7_hybrid {EVERYWHERE}", "Unauthorized"),
        ("dml", "SELECT * FROM kms_hybrid_test_7_hybrid.developer LIMIT 1", ""),
        ("admin", f"ALTER KEYSPACE system_traces {EVERYWHERE}", ""),
        ("admin", "SELECT * FROM system.available_ranges_v2", ""),
    ],
)
def test_each_user_may_do_what_apigee_s_may(node, user, statement, refusal):
    cqlsh = str(podtools.locate().directory / "cqlsh")
    done = node.run(cqlsh, "--ssl", "-u", f"{user}_user", "-p", f"of-{user}", "-e", statement)
    assert refusal in done.stderr
    assert bool(done.returncode) == bool(refusal), done.stderr


@pytest.mark.parametrize(
    ("user", "password"), [("ddl_user", "of-dml"), ("admin_user", "of-ddl"), ("cassandra", "cassandra")]
)
def test_another_user_s_password_is_no_password(node, user, password):
    cqlsh = str(podtools.locate().directory / "cqlsh")
    done = node.run(cqlsh, "--ssl", "-u", user, "-p", password, "-e", "SELECT key FROM system.local")
    assert "Provided username" in done.stderr, done.stdout + done.stderr


def test_a_node_with_another_authority_does_not_join(node, folder):
    strange = certificates(folder / "strange" / "tls", issue(ROOT, None, NOW))
    (folder / "strange" / "credentials").symlink_to(folder / "credentials")
    other = Node(folder / "node-1", f"{NETWORK}.2", strange, seed=node.address, ordinal=1)
    other.start()
    try:
        assert other.process.wait(START_SECONDS) == 3
    finally:
        other.process.kill()
    assert "Unable to gossip with any peers" in other.log.read_text(errors="replace")
    assert other.address not in node.nodetool("status").stdout


def test_a_node_that_comes_back_with_another_address_is_the_same_node(node):
    host_id = node.nodetool("info").stdout.split("ID", 1)[1].split()[1]
    probe = node.folder / "opt" / "ready-probe.sh"
    assert node.run(str(probe)).returncode == 0
    node.stop()
    node.address = f"{NETWORK}.3"
    node.start()
    node.until("Startup complete")
    status = node.nodetool("status").stdout
    assert host_id in status
    assert f"UN  {node.address}" in status
