"""When a session is opened, shared and given up, and what is said where its secrets are missing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from hybridspan.cassandra import connections
from hybridspan.cassandra.connections import Connections, usual_secret
from hybridspan.errors import PermanentFailure, TemporaryFailure
from tests.cassandra.pods import CREDENTIALS, LocalPods


@dataclass
class Opened:
    """The driver's side: which users came, and how many have gone."""

    users: list[str] = field(default_factory=list)
    closed: int = 0

    async def open_session(self, _port, _context, login, **_words) -> Opened:
        self.users.append(login.user)
        await asyncio.sleep(0)
        return self

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    opened = Opened()
    monkeypatch.setattr(connections, "open_session", opened.open_session)
    monkeypatch.setattr(connections, "client_context", lambda *_: object())
    return opened


def to(pods: LocalPods, **secrets: object) -> Connections:
    pods.secrets |= {"apigee-cassandra-default-tls": {"ca.crt": b""}, **secrets}
    return Connections(pods, "apigee", lambda *_: None, usual_secret)


async def use(found: Connections, role: str = "admin") -> None:
    async with found.session("pod-0", role):  # type: ignore[arg-type]
        await asyncio.sleep(0)


async def test_a_session_is_opened_once_for_all_who_ask_at_the_same_time(pods, opened) -> None:
    found = to(pods)
    await asyncio.gather(use(found), use(found), use(found, "ddl"))
    await use(found)
    assert sorted(opened.users) == ["admin_user", "ddl_user"]
    assert not opened.closed


async def test_a_session_whose_node_did_not_answer_is_opened_anew(pods, opened) -> None:
    found = to(pods)
    with pytest.raises(TemporaryFailure):
        async with found.session("pod-0", "admin"):
            raise TemporaryFailure("HS-CASS-005", "gone")
    assert opened.closed == 1
    await use(found)
    assert len(opened.users) == 2


async def fails(found: Connections, *, late: bool = False) -> None:
    """One whose node does not answer; `late`: who finds that only after others have."""

    async def asks() -> None:
        async with found.session("pod-0", "admin"):
            if late:
                await fails(found)
                await use(found)
            raise TemporaryFailure("HS-CASS-005", "gone")

    with pytest.raises(TemporaryFailure):
        await asks()


async def test_a_session_that_failed_for_one_is_closed_when_the_last_of_its_users_has_left(
    pods, opened
) -> None:
    found = to(pods)
    async with found.session("pod-0", "admin"):
        async with found.session("pod-0", "admin"):
            await fails(found)
        await use(found)
        assert (len(opened.users), opened.closed) == (2, 0)
    assert opened.closed == 1


async def test_who_fails_late_does_not_close_the_session_that_was_opened_meanwhile(pods, opened) -> None:
    found = to(pods)
    await fails(found, late=True)
    await use(found)
    assert (len(opened.users), opened.closed) == (2, 1)


async def test_a_refused_statement_leaves_the_session_open(pods, opened) -> None:
    found = to(pods)
    with pytest.raises(PermanentFailure):
        async with found.session("pod-0", "admin"):
            raise PermanentFailure("HS-CASS-006", "not permitted")
    assert not opened.closed


async def test_a_login_is_proved_by_a_connection_of_its_own(pods, opened) -> None:
    found = to(pods)
    await use(found)
    await found.log_in("pod-0", "admin")
    assert len(opened.users) == 2
    assert opened.closed == 1


async def test_closing_ends_every_session_and_reads_the_secret_again(pods, opened) -> None:
    found = to(pods)
    await asyncio.gather(use(found), use(found, "dml"))
    await found.close()
    assert opened.closed == 2
    pods.secrets["apigee-datastore-default-creds"] = {**CREDENTIALS, "admin.user": b"another"}
    await use(found)
    assert opened.users[-1] == "another"


@pytest.mark.parametrize("missing", ["apigee-datastore-default-creds", "apigee-cassandra-default-tls"])
async def test_a_missing_secret_is_named_with_its_place(pods, opened, missing: str) -> None:
    with pytest.raises(PermanentFailure) as caught:
        await use(to(pods, **{missing: {}}))
    assert caught.value.code == "HS-CASS-016"
    assert missing in str(caught.value)
    assert "apigee-test" in caught.value.where
    assert not opened.users


def unreachable(code: str = "HS-CASS-008"):
    async def refused(*_positional, where, **_words):
        raise TemporaryFailure(code, "no CQL connection to the node", where=where, why="refused", hint="wait")

    return refused


@pytest.mark.parametrize(
    ("kilobytes", "words"),
    [
        ("2048", "no CQL connection to the node, whose disk is full"),
        ("9000000", "no CQL connection to the node ["),
        ("", "no CQL connection to the node ["),
    ],
)
async def test_a_node_that_serves_nobody_because_its_disk_is_full_is_told_as_that(
    pods, monkeypatch, kilobytes: str, words: str
) -> None:
    pods.program("df", f"echo Filesystem; echo /dev/sdc 9000000 1 {kilobytes} 99% /opt/apigee/data")
    monkeypatch.setattr(connections, "open_session", unreachable())
    monkeypatch.setattr(connections, "client_context", lambda *_: object())
    with pytest.raises(TemporaryFailure) as error:
        await use(to(pods))
    assert words in str(error.value)
    assert ("2.0 MiB are free" in str(error.value)) is (kilobytes == "2048")


async def test_where_the_disk_cannot_be_asked_the_first_reason_stays(pods, monkeypatch) -> None:
    async def refused(*_positional, **_words):
        raise TemporaryFailure("HS-KUBE-001", "no exec", hint="wait")

    monkeypatch.setattr(connections, "open_session", unreachable())
    monkeypatch.setattr(connections, "client_context", lambda *_: object())
    monkeypatch.setattr(pods, "exec", refused)
    with pytest.raises(TemporaryFailure, match="HS-CASS-008"):
        await use(to(pods))


async def test_other_failures_do_not_ask_for_the_disk(pods, monkeypatch) -> None:
    monkeypatch.setattr(connections, "open_session", unreachable("HS-CASS-004"))
    monkeypatch.setattr(connections, "client_context", lambda *_: object())
    with pytest.raises(TemporaryFailure, match="HS-CASS-004"):
        await use(to(pods))
    assert not pods.argvs


async def test_a_way_to_the_port_that_is_refused_is_the_reason_and_not_the_node(
    pods, opened, monkeypatch
) -> None:
    async def ends(*_: object, **__: object) -> None:
        raise TemporaryFailure("HS-CASS-008", "no CQL connection to the node")

    monkeypatch.setattr(connections, "open_session", ends)
    pods.refusal = PermanentFailure("HS-KUBE-003", "the API server does not let us")
    with pytest.raises(PermanentFailure, match="HS-KUBE-003"):
        await use(to(pods))
    pods.refusal = None
    with pytest.raises(TemporaryFailure, match="HS-CASS-008"):
        await use(to(pods))
