"""Watching a rebuild: a cut stream is found by looking, long before Cassandra finds it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.cassandra.detached import TaskState
from hybridspan.cassandra.rebuilding import Rebuild
from hybridspan.errors import PermanentFailure, TemporaryFailure
from tests.cassandra.recordings import recorded
from tests.engine.conftest import TurnedClock

SOURCES = ("120.38.1.9", "120.38.1.10")
RUNNING = TaskState("running", {"all": None}, "")
GONE = TemporaryFailure("HS-KUBE-006", "the API server does not answer", hint="wait")


class Task:
    def __init__(self, states: list[TaskState | TemporaryFailure], log: str) -> None:
        self.states, self.text, self.cleared = states, log, False

    async def look(self) -> TaskState:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, TemporaryFailure):
            raise state
        return state

    async def logs(self, keys: Any) -> dict[str, str]:
        return dict.fromkeys(keys, self.text)

    async def clear(self) -> None:
        self.cleared = True


class Fake:
    """A region of which a rebuild asks these few things."""

    def __init__(
        self,
        name: str,
        datacenter: str,
        *states: TaskState | TemporaryFailure,
        log: str = "",
        closed: int = 0,
    ) -> None:
        self.region = SimpleNamespace(name=name, datacenter=datacenter, namespace="apigee")
        self.own = Task(list(states), log)
        self.closed = SOURCES[:closed]
        self.netstats = recorded("netstats_rebuild")
        self.failing = 0

    def _may_fail(self) -> None:
        if self.failing:
            self.failing -= 1
            raise GONE

    async def task(self, pod: str, name: str) -> Task:
        return self.own

    async def nodetool(self, pod: str, *arguments: str) -> str:
        self._may_fail()
        return self.netstats

    async def pods(self) -> Any:
        return [SimpleNamespace(address=address, name="pod") for address in SOURCES]

    async def unreachable_from(self, pod: str, addresses: Any, port: int) -> tuple[str, ...]:
        self._may_fail()
        return self.closed

    async def host(self, pod: str) -> Any:
        return SimpleNamespace(free_bytes=10**12)


def rebuild(target: Fake, clock: TurnedClock) -> Rebuild:
    source = Fake("eastus", "dc-1")
    return Rebuild(target, source, "apigee-cassandra-default-0", 7001, clock)  # type: ignore[arg-type]


async def watched(target: Fake) -> tuple[Exception | None, float, list[Any]]:
    clock, told = TurnedClock(), []
    began = clock.time
    try:
        await rebuild(target, clock).observe(lambda *words: told.append(words))
    except (PermanentFailure, TemporaryFailure) as failure:
        return failure, clock.time - began, told
    return None, clock.time - began, told


async def test_a_cut_peering_is_named_with_the_node_well_within_two_minutes() -> None:
    failure, seconds, _ = await watched(Fake("centralus", "dc-2", RUNNING, closed=2))
    assert seconds < 60
    assert "the peering between centralus and eastus" in str(failure)
    assert "apigee-cassandra-default-0" in str(failure)


async def test_one_source_that_is_gone_is_no_cut_peering() -> None:
    failure, _, _ = await watched(Fake("centralus", "dc-2", RUNNING, closed=1))
    assert "peering" not in str(failure)
    assert SOURCES[0] in str(failure)


async def test_bytes_that_stand_still_though_the_way_is_open_are_given_up_after_cassandra_would_have() -> (
    None
):
    failure, seconds, _ = await watched(Fake("centralus", "dc-2", RUNNING))
    assert failure is not None
    assert failure.code == "HS-CASS-024"  # type: ignore[attr-defined]
    assert 600 < seconds < 1200


async def test_what_has_come_is_told_in_bytes_and_files() -> None:
    ended = TaskState("ended", {"all": 0}, "")
    target = Fake("centralus", "dc-2", RUNNING, RUNNING, RUNNING, RUNNING, ended)
    failure, _, told = await watched(target)
    assert failure is None
    assert target.own.cleared
    words, _, details = told[-1]
    assert "11.3 MiB of about 29.7 MiB in 1 files" in words
    assert details["bytes"] == 5927818 + 5958756


@pytest.mark.parametrize(
    ("log", "kind"),
    [
        (
            "nodetool: Unable to find sufficient sources for streaming range (1,2] in keyspace kms",
            PermanentFailure,
        ),
        ("error: Stream failed", TemporaryFailure),
    ],
)
async def test_a_rebuild_that_failed_says_cassandras_words(log, kind) -> None:
    failure, _, _ = await watched(Fake("centralus", "dc-2", TaskState("ended", {"kms": 2}, log), log=log))
    assert isinstance(failure, kind)
    assert log in failure.why


async def test_a_rebuild_that_failed_behind_a_cut_names_the_peering() -> None:
    target = Fake("centralus", "dc-2", TaskState("ended", {"kms": 2}, ""), log="Stream failed", closed=2)
    failure, _, _ = await watched(target)
    assert "the peering between centralus and eastus" in str(failure)


async def test_a_node_that_restarted_meanwhile_is_begun_anew_by_its_record() -> None:
    target = Fake("centralus", "dc-2", TaskState("absent", {}, ""))
    target.netstats = recorded("netstats_idle")
    failure, _, _ = await watched(target)
    assert failure is None


async def test_looks_that_fail_now_and_then_end_no_rebuild_and_are_told_of() -> None:
    looks = [look for _ in range(60) for look in (GONE, GONE, RUNNING)]
    target = Fake("centralus", "dc-2", *looks, TaskState("ended", {"all": 0}, ""))
    target.failing = 3
    failure, seconds, told = await watched(target)
    assert failure is None
    assert seconds > 300
    assert target.own.cleared
    words = "what apigee-cassandra-default-0 receives cannot be looked at now, again in 1 s: HS-KUBE-006"
    assert any(line.startswith(words) for line, *_ in told)


async def test_a_rebuild_that_cannot_be_looked_at_for_a_while_says_why() -> None:
    failure, seconds, _ = await watched(Fake("centralus", "dc-2", RUNNING, GONE))
    assert failure is GONE
    assert 150 <= seconds < 180


async def test_a_cut_peering_is_named_though_the_first_tries_of_the_way_fail() -> None:
    target = Fake("centralus", "dc-2", RUNNING, closed=2)
    target.failing = 2
    failure, _, _ = await watched(target)
    assert "the peering between centralus and eastus" in str(failure)
