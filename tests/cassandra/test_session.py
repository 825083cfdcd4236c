"""Whom the driver may dial, and what a refused connection means."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from cassandra import InvalidRequest
from cassandra.cluster import NoHostAvailable
from cassandra.connection import DefaultEndPoint
from cassandra.policies import HostDistance

from hybridspan.cassandra.credentials import Login, read_credentials
from hybridspan.cassandra.session import CqlSession, _OneEndPoint, _OneHost, _unreachable
from hybridspan.errors import PermanentFailure, TemporaryFailure
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
    return _unreachable(error, LOGIN, "apigee-eastus, pod apigee/pod-0", "apigee-datastore-default-creds")


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
    ("statement", "words", "code"),
    [
        ("SELECT peer FROM system.peers_v2", "unconfigured table peers_v2", "HS-CASS-027"),
        (
            "SELECT x FROM system.available_ranges_v2",
            "table available_ranges_v2 does not exist",
            "HS-CASS-027",
        ),
        ("SELECT x FROM ks.other", "unconfigured table other", "HS-CASS-007"),
        ("SELECT peer FROM system.peers_v2", "line 1: no viable alternative", "HS-CASS-007"),
    ],
)
async def test_a_cassandra_that_is_too_old_is_named_as_that(statement: str, words: str, code: str) -> None:
    def execute(*_: object, **__: object) -> None:
        raise InvalidRequest(words)

    session = CqlSession(
        SimpleNamespace(), SimpleNamespace(execute=execute), LOGIN, "apigee-eastus, pod-0", lambda *_: None
    )
    with pytest.raises(PermanentFailure) as failed:
        await session.query(statement)
    assert (failed.value.code, words in failed.value.why) == (code, True)
