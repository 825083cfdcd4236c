"""A repair has ended and nodetool was not told: the history of repairs is believed, after two looks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from hybridspan.cassandra import lost_notices
from hybridspan.cassandra.credentials import Login
from hybridspan.cassandra.detached import DetachedTask, Job
from hybridspan.cassandra.lost_notices import repair_of
from hybridspan.cassandra.repairing import repaired
from hybridspan.clock import SystemClock
from hybridspan.errors import TemporaryFailure
from hybridspan.secrets import Secret
from tests.cassandra.pods import PASSWORD, LocalPods

PARENT = "000fa5b0-ec6a-11f1-b23c-f171750b7add"
BEGINS = f"[2026-11-30 02:59:03,751] Starting repair command #34 ({PARENT}), repairing keyspace"
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

    async def query(self, statement: str, parameters: tuple[UUID]) -> list[Mapping[str, Any]]:
        self.asked.append(parameters[0])
        row = self._rows.pop(0) if len(self._rows) > 1 else self._rows[0]
        if isinstance(row, Exception):
            raise row
        return [row]


def row(*, ended: bool, exception: str | None = None) -> Mapping[str, Any]:
    return {"finished_at": datetime.now(UTC) if ended else None, "exception_message": exception}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_notices, "PAUSE", 0.1)


async def repair(region: History) -> None:
    stub: Any = region
    await repaired(stub, "pod-0", "repair-simple", JOBS, SystemClock(), lambda *_: None)


async def test_a_repair_that_has_ended_is_ended_and_the_next_goes_on(pods: LocalPods) -> None:
    pods.program(
        "nodetool",
        f'echo "${{@: -1}}" >>"$TEST_FOLDER/runs"\n'
        f'[ "${{@: -1}}" = kvm ] && {{ echo "Repair completed successfully"; exit 0; }}\n'
        f'echo "{BEGINS}"; {WAITS}',
    )
    busy = TemporaryFailure("HS-CASS-005", "Cassandra cannot answer now", where="pod-0", why="", hint="")
    region = History(pods, row(ended=False), busy, row(ended=True))
    await repair(region)
    assert (pods.folder / "runs").read_text() == "kms\nkvm\n"
    assert set(region.asked) == {UUID(PARENT)}
    # Not yet, cannot say, ended, ended.
    assert len(region.asked) >= 4


async def test_what_made_it_fail_is_told_with_the_words_of_the_history(pods: LocalPods) -> None:
    pods.program("nodetool", f'echo "{BEGINS}"; {WAITS}')
    region = History(pods, row(ended=True, exception="Some repair failed\n\tat java.lang.Thread.run"))
    with pytest.raises(TemporaryFailure, match="did not complete") as caught:
        await repair(region)
    assert "nodetool was not told: Some repair failed" in (caught.value.why or "")
    assert "Thread.run" not in (caught.value.why or "")


async def test_one_that_ends_by_itself_is_left_alone(pods: LocalPods) -> None:
    pods.program("nodetool", f'echo "{BEGINS}"; sleep 0.3; echo "Repair completed successfully"')
    region = History(pods, row(ended=False))
    await repair(region)


def test_the_id_is_that_of_the_repair_which_began_last() -> None:
    other = PARENT.replace("0", "1")
    assert repair_of(f"{BEGINS} kms\n{BEGINS.replace(PARENT, other)} kvm\n") == other
    assert repair_of("[2026] Nothing to repair") is None
