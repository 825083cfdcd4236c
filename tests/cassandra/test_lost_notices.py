"""A repair has ended and nodetool was not told: the history of repairs is believed, after two looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from hybridspan.cassandra import lost_notices
from hybridspan.cassandra.credentials import Login
from hybridspan.cassandra.detached import DetachedTask, Job
from hybridspan.cassandra.lost_notices import Ending, ending_of
from hybridspan.cassandra.repairing import repaired
from hybridspan.cassandra.texts import repair_of
from hybridspan.clock import SystemClock
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.secrets import Secret
from tests.cassandra.pods import PASSWORD, LocalPods

PARENT = "000fa5b0-ec6a-11f1-b23c-f171750b7add"
BEGINS = f"[2026-11-30 02:59:03,751] Starting repair command #34 ({PARENT}), repairing keyspace kms with repair options ()"
JOBS = [Job(name, ("repair", "-full", name)) for name in ("kms", "kvm")]
WAITS = "sleep 600"
"""What nodetool of 3.11 does when nobody tells it of the end; a child of its own, as java is."""


class History:
    """A region whose history has these rows, one after the other, the last for ever."""

    def __init__(self, pods: LocalPods, *rows: Mapping[str, Any] | Exception) -> None:
        self.asked: list[UUID] = []
        self.region = SimpleNamespace(name="eastus")
        self._pods = pods
        self._rows = list(rows)

    async def task(self, pod: str, name: str) -> DetachedTask:
        return DetachedTask(
            self._pods, "apigee", pod, name, Login("jmxuser", Secret(PASSWORD)), lambda *_: None
        )

    @asynccontextmanager
    async def session(self, pod: str) -> AsyncIterator[Any]:
        yield self

    async def any_pod(self, ask: Callable[[str], Awaitable[Any]]) -> Any:
        return await ask("pod-7")

    async def query(self, statement: str, parameters: tuple[UUID]) -> list[Mapping[str, Any]]:
        self.asked.append(parameters[0])
        row = self._rows.pop(0) if len(self._rows) > 1 else self._rows[0]
        if isinstance(row, Exception):
            raise row
        return [row]


REQUESTED = ("(0,10]", "(10,0]")


def row(
    *, ended: bool, exception: str | None = None, successful: Sequence[str] = REQUESTED
) -> Mapping[str, Any]:
    return {
        "finished_at": datetime.now(UTC) if ended else None,
        "exception_message": exception,
        "requested_ranges": set(REQUESTED),
        "successful_ranges": set(successful) if ended else None,
    }


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_notices, "PAUSE", 0.1)


async def repair(region: History) -> None:
    stub: Any = region
    await repaired(stub, "pod-0", "repair-simple", JOBS, SystemClock(), lambda *_: None, since=0.0)


async def test_a_repair_that_has_ended_is_ended_and_the_next_goes_on(pods: LocalPods) -> None:
    pods.program(
        "nodetool",
        f'echo "${{@: -1}}" >>"$TEST_FOLDER/runs"\n'
        f'[ "${{@: -1}}" = kvm ] && {{ echo "Repair completed successfully"; exit 0; }}\n'
        f'echo "{BEGINS}"; {WAITS}',
    )
    busy = TemporaryFailure("HS-CASS-005", "Cassandra cannot answer now", where="pod-0", why="", hint="")
    refused = PermanentFailure(
        "HS-CASS-003", "Cassandra refuses the password", where="pod-0", why="", hint=""
    )
    region = History(pods, row(ended=False), busy, refused, row(ended=True))
    await repair(region)
    assert (pods.folder / "runs").read_text() == "kms\nkvm\n"
    assert set(region.asked) == {UUID(PARENT)}
    # Not yet, cannot say, may not ask, ended, ended.
    assert len(region.asked) >= 5


async def test_what_made_it_fail_is_told_with_the_words_of_the_history(pods: LocalPods) -> None:
    pods.program("nodetool", f'echo "{BEGINS}"; {WAITS}')
    region = History(pods, row(ended=True, exception="Some repair failed\n\tat java.lang.Thread.run"))
    with pytest.raises(TemporaryFailure, match="did not complete") as caught:
        await repair(region)
    assert "nodetool was not told: Some repair failed" in (caught.value.why or "")
    assert "Thread.run" not in (caught.value.why or "")


async def test_one_that_went_through_in_part_is_no_success(pods: LocalPods) -> None:
    """The history of such a one has no exception (org.apache.cassandra.repair.RepairRunnable)."""
    pods.program("nodetool", f'echo "{BEGINS}"; {WAITS}')
    with pytest.raises(TemporaryFailure) as caught:
        await repair(History(pods, row(ended=True, successful=REQUESTED[:1])))
    assert "1 of 2 ranges did not succeed" in (caught.value.why or "")


@pytest.mark.parametrize(
    ("seen", "failure"),
    [
        (row(ended=True), ""),
        (row(ended=True, successful=("",)), "2 of 2 ranges did not succeed"),
        (row(ended=True, exception=""), "an exception without a message"),
        ({**row(ended=True), "requested_ranges": None}, "0 of 0 ranges did not succeed"),
    ],
)
def test_only_a_repair_of_all_that_was_requested_has_succeeded(seen: Mapping[str, Any], failure: str) -> None:
    assert ending_of(PARENT, seen) == Ending(PARENT, failure)
    assert ending_of(PARENT, row(ended=False)) is None


async def printed(task: DetachedTask) -> str:
    return (await task.logs(["kms"]))["kms"].strip()


@pytest.mark.parametrize("mark", [PARENT, "another repair"])
async def test_what_has_ended_by_itself_or_is_another_one_stays_as_it_is(pods: LocalPods, mark: str) -> None:
    end = "" if mark == PARENT else WAITS
    pods.program("nodetool", f'echo "{BEGINS}"; {end}')
    task = await History(pods, row(ended=True)).task("pod-0", "repair-simple")
    await task.start(JOBS[:1])
    async with asyncio.timeout(60):
        while not await printed(task) or (not end and (await task.look()).phase != "ended"):  # noqa: ASYNC110  # a process of the test's prints
            await asyncio.sleep(0.02)
    before = await task.look()
    await task.tell("kms", mark, "Repair completed successfully", is_good=True)
    after = await task.look()
    assert (after.phase, after.codes) == (before.phase, before.codes)
    assert "completed" not in (await task.logs(["kms"]))["kms"]
    await task.tell("kms", PARENT, "ended by the test", is_good=True)


async def test_a_task_of_the_same_names_and_other_commands_is_not_taken_for_this_one(pods: LocalPods) -> None:
    pods.program("nodetool", 'echo "${@: -1}" >>"$TEST_FOLDER/runs"; echo "Repair completed successfully"')
    region = History(pods, row(ended=False))
    left = await region.task("pod-0", "repair-simple")
    await left.start([Job(job.key, ("repair", "-full", f"other_{job.key}")) for job in JOBS])
    await repair(region)
    assert (pods.folder / "runs").read_text().split()[-2:] == ["kms", "kvm"]


def test_the_id_is_that_of_the_repair_which_began_last() -> None:
    other = PARENT.replace("0", "1")
    assert repair_of(f"{BEGINS}\n{BEGINS.replace(PARENT, other)}\n") == other
    assert repair_of("[2026] Nothing to repair") is None
