"""Whom the driver may dial, and what a refused connection means."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from cassandra import AuthenticationFailed, InvalidRequest, OperationTimedOut, ReadFailure, WriteFailure
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionBusy, ConnectionShutdown, DefaultEndPoint
from cassandra.policies import HostDistance
from cassandra.protocol import (
    ConfigurationException,
    IsBootstrappingErrorMessage,
    OverloadedErrorMessage,
    ServerError,
    SyntaxException,
)

from hybridspan.cassandra import ring
from hybridspan.cassandra import session as opening
from hybridspan.cassandra.credentials import Login, read_credentials
from hybridspan.cassandra.dialect import line_of
from hybridspan.cassandra.refusals import not_opened
from hybridspan.cassandra.session import CqlSession, _OneEndPoint, _OneHost
from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure
from hybridspan.plan.phases.foreign_records import forgotten
from hybridspan.secrets import Secret

LOGIN = Login("admin_user", Secret("hidden"))


@pytest.mark.parametrize("row", [{"peer": "120.38.1.9"}, {"rpc_address": "192.138.0.9"}, {}])
def test_every_peer_resolves_to_the_forwarded_port(row) -> None:
    assert _OneEndPoint(4711).create(row).resolve() == ("127.0.0.1", 4711)


def test_peers_are_told_apart_though_they_resolve_alike() -> None:
    first, second = (_OneEndPoint(4711).create({"peer": p}) for p in ("120.38.1.9", "120.38.1.10"))
    assert first != second


def test_only_the_forwarded_node_is_ever_asked() -> None:
    policy = _OneHost(4711)
    here = SimpleNamespace(endpoint=DefaultEndPoint("127.0.0.1", 4711))
    peer = SimpleNamespace(endpoint=_OneEndPoint(4711).create({"peer": "120.38.1.10"}))
    policy.populate(None, [peer, here])
    policy.on_up(peer)
    assert list(policy.make_query_plan()) == [here]
    assert policy.distance(peer) == HostDistance.IGNORED


def failure(words: str):
    error = NoHostAvailable("Unable to connect to any servers", {"127.0.0.1:4711": words})
    return not_opened(
        error, "SELECT", LOGIN, "apigee-eastus, pod apigee/pod-0", "apigee-datastore-default-creds"
    )


def test_a_wrong_password_names_user_secret_and_node() -> None:
    found = failure(
        'code=0100 [Bad credentials] message="Provided username admin_user and/or password are incorrect"'
    )
    assert isinstance(found, PermanentFailure)
    words = f"{found} {found.hint}"
    assert all(part in words for part in ("admin_user", "apigee-datastore-default-creds", "pod-0"))
    assert "hidden" not in words


def test_a_node_that_cannot_ask_system_auth_does_not_say_that_the_password_is_wrong() -> None:
    words = 'code=0100 [Bad credentials] message="Unable to perform authentication: Cannot achieve consistency level"'
    assert isinstance(failure(words), TemporaryFailure)


def test_a_node_that_does_not_answer_may_come_back() -> None:
    assert failure("ConnectionRefusedError(111)").code == "HS-CASS-008"


def test_credentials_are_read_by_role_and_a_missing_one_is_named() -> None:
    secret = {"admin.user": Secret("admin_user"), "admin.password": Secret("x\n"), "jmx.user": b"jmxuser"}
    credentials = read_credentials(secret, "eastus", "our-users")
    assert credentials.login("admin") == Login("admin_user", Secret("x"), "our-users")
    with pytest.raises(PermanentFailure, match=r"secret our-users has no jmx\.user") as caught:
        credentials.login("jmx")
    assert "kubectl describe secret our-users" in caught.value.hint


@pytest.mark.parametrize(
    ("release", "statement", "asked"),
    [
        ("4.0.18", ring.PEERS, ring.PEERS),
        ("4.1.3-SNAPSHOT", ring.AVAILABLE, ring.AVAILABLE),
        ("3.11.17", ring.PEERS, ring.PEERS.replace("peers_v2", "peers")),
        (
            "3.11.17",
            ring.AVAILABLE,
            "SELECT keyspace_name, ranges AS full_ranges FROM system.available_ranges",
        ),
        (
            "3.11.17",
            forgotten("kms"),
            "DELETE FROM system.available_ranges WHERE keyspace_name = 'kms';",
        ),
        ("3.11.17", ring.KEYSPACES, ring.KEYSPACES),
    ],
)
async def test_each_release_is_asked_in_its_own_words(release: str, statement: str, asked: str) -> None:
    heard: list[str] = []
    recorded: list[str] = []

    def execute(statement: Any, *_: object, **__: object) -> list[object]:
        heard.append(statement.query_string)
        return []

    await session(execute, release, lambda _, document: recorded.append(document["statement"])).query(
        statement
    )
    assert heard == recorded == [asked]


def raising(error: Exception) -> Callable[..., None]:
    def execute(*_: object, **__: object) -> None:
        raise error

    return execute


UNKNOWN_DATACENTER = ConfigurationException(
    0x2300, "Unrecognized strategy option {dc-9} passed to NetworkTopologyStrategy", None
)
REFUSED = [
    (InvalidRequest("unconfigured table other"), "unconfigured table other"),
    (UNKNOWN_DATACENTER, "Unrecognized strategy option {dc-9}"),
    (SyntaxException(0x2000, "line 1:0 no viable alternative", None), "no viable alternative"),
]
MAY_PASS = [
    ServerError(0x0000, "java.lang.RuntimeException", None),
    OverloadedErrorMessage(0x1001, "Server is in overloaded state", None),
    IsBootstrappingErrorMessage(0x1002, "Cannot read from a bootstrapping node", None),
    ConnectionShutdown("Connection to 127.0.0.1:4711 was closed"),
    ConnectionBusy("overloaded"),
    ReadFailure("Replica(s) failed to execute read"),
    WriteFailure("Replica(s) failed to execute write"),
    OperationTimedOut(),
]


@pytest.mark.parametrize(("error", "words"), REFUSED)
async def test_what_cassandra_refuses_is_told_with_the_statement_and_its_words(
    error: Exception, words: str
) -> None:
    with pytest.raises(PermanentFailure) as failed:
        await session(raising(error), "4.0.18", lambda *_: None).query("SELECT x FROM ks.other")
    assert failed.value.code == "HS-CASS-007"
    assert failed.value.why.startswith("SELECT x FROM ks.other: ")
    assert words in failed.value.why


@pytest.mark.parametrize("error", MAY_PASS, ids=lambda error: type(error).__name__)
async def test_a_node_or_a_connection_that_fails_may_come_back(error: Exception) -> None:
    with pytest.raises(TemporaryFailure) as failed:
        await session(raising(error), "4.0.18", lambda *_: None).query("SELECT x FROM ks.other")
    assert failed.value.code == "HS-CASS-005"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        *((error, "HS-CASS-008") for error in MAY_PASS),
        *((error, "HS-CASS-007") for error, _ in REFUSED),
        (AuthenticationFailed("not you"), "HS-CASS-003"),
        (KeyError("a defect of ours"), ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
async def test_whatever_keeps_a_session_from_opening_is_told_and_leaves_nothing_open(
    monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    closed: list[bool] = []
    cluster = SimpleNamespace(connect=raising(error), shutdown=lambda: closed.append(True))
    monkeypatch.setattr(opening, "_cluster", lambda *_: cluster)
    context: Any = None
    with pytest.raises(HybridspanError if code else KeyError) as failed:
        await opening.open_session(
            4711, context, LOGIN, where="pod-0", secret="users", record=lambda *_: None
        )
    assert closed == [True]
    assert getattr(failed.value, "code", "") == code


def session(execute: Callable[..., Any], release: str, record: Callable[..., None]) -> CqlSession:
    here = "apigee-eastus, pod-0"
    return CqlSession(SimpleNamespace(), SimpleNamespace(execute=execute), release, LOGIN, here, record)


@pytest.mark.parametrize(
    ("release", "line"), [("3.11.17", (3, 11)), ("4.0-beta2", (4, 0)), ("2.2.19", (2, 2))]
)
def test_the_line_of_a_release(release: str, line: tuple[int, int]) -> None:
    assert line_of(release) == line
