"""A real Cassandra node on loopback addresses: what its doors let in, and what the jobs make of an empty ring."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator

import pytest

from hybridspan_lab.apigee.issuing import issue
from hybridspan_lab.cassandra import podtools
from tests.lab_cassandra.nodes import NETWORK, NOW, ROOT, START_SECONDS, Node, certificates
from tests.lab_cassandra.sessions import rights_follow_each_grant

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(600)]


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


async def test_rights_that_are_taken_away_and_given_back_are_seen(node):
    await rights_follow_each_grant(node)


def test_the_real_cqlsh_needs_no_more_than_ssl(node):
    cqlsh = str(podtools.locate().directory / "cqlsh")
    login = ("--ssl", "-u", "ddl_user", "-p", "of-ddl")
    done = node.run(cqlsh, *login, "-e", "SELECT keyspace_name FROM system_schema.keyspaces")
    assert "kms_hybrid_test_7_hybrid" in done.stdout, done.stderr
    refused = node.run(cqlsh, *login, "-e", "SELECT * FROM system.available_ranges_v2")
    assert "Unauthorized" in refused.stderr, "an ordinary role must not read it"


def test_cqlsh_copies_a_table_and_leaves_nothing_behind(node, tmp_path):
    """COPY has processes of its own, which read the cqlshrc too."""
    cqlsh = str(podtools.locate().directory / "cqlsh")
    copied = tmp_path / "developers.csv"
    statement = f"COPY kms_hybrid_test_7_hybrid.developer TO '{copied}'"
    login = ("--ssl", "-u", "ddl_user", "-p", "of-ddl")
    done = node.run("env", f"TMPDIR={tmp_path}", cqlsh, *login, "-e", statement)
    assert copied.read_text().splitlines(), done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == [copied]


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
