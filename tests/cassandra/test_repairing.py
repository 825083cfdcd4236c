"""Jobs that are started in a pod and watched to their end, where others start theirs under the same name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from hybridspan.cassandra.credentials import Login
from hybridspan.cassandra.detached import DetachedTask, Job
from hybridspan.cassandra.repairing import ended
from hybridspan.secrets import Secret
from tests.cassandra.pods import PASSWORD, LocalPods
from tests.engine.conftest import TurnedClock


def job(argument: str) -> list[Job]:
    return [Job("range0", ("repair", "--preview", argument))]


OURS = job("ours")


class Raced(DetachedTask):
    """A task before whose starts, and in whose place, other runs start theirs."""

    quicker: list[list[Job]]
    instead: list[list[Job]]

    async def start(self, jobs: Sequence[Job]) -> bool:
        if self.quicker:
            assert await super().start(self.quicker.pop(0))
        is_started = await super().start(jobs)
        if is_started and self.instead:
            await self.over()
            await self.clear()
            assert await super().start(self.instead.pop(0))
        return is_started

    async def over(self) -> None:
        async with asyncio.timeout(60):
            while (await self.look()).phase == "running":
                pass


@pytest.fixture
def task(pods: LocalPods) -> Raced:
    pods.program("nodetool", 'echo "compared ${@: -1}" | tee -a "$TEST_FOLDER/runs"')
    raced = Raced(pods, "apigee", "pod-0", "verify", Login("jmxuser", Secret(PASSWORD)), lambda *_: None)
    raced.quicker, raced.instead = [], []
    return raced


async def carried_out(task: DetachedTask) -> str:
    state = await ended(task, OURS, TurnedClock(), lambda _: None)
    assert (state.phase, state.failed, state.is_of(OURS)) == ("ended", None, True)
    return (await task.logs(["range0"], of=OURS))["range0"].strip()


async def test_others_that_are_quicker_every_time_are_waited_for_and_never_taken_for_ours(
    task: Raced,
) -> None:
    task.quicker = [job("theirs"), job("third")]
    assert await carried_out(task) == "compared ours"


async def test_what_stands_at_the_end_in_place_of_what_was_started_is_not_taken_for_it(task: Raced) -> None:
    task.instead = [job("theirs")]
    assert await carried_out(task) == "compared ours"


async def test_just_these_jobs_of_another_run_are_watched_and_not_started_again(
    task: Raced, pods: LocalPods
) -> None:
    task.quicker = [OURS]
    assert await carried_out(task) == "compared ours"
    assert (pods.folder / "runs").read_text() == "compared ours\n"


async def test_just_these_jobs_that_failed_for_another_run_are_started_again(
    task: Raced, pods: LocalPods
) -> None:
    pods.program("nodetool", 'if mkdir "$TEST_FOLDER/once" 2>/dev/null; then exit 2; fi; echo compared ours')
    task.quicker = [OURS]
    assert await carried_out(task) == "compared ours"


async def test_the_logs_of_other_jobs_under_the_same_keys_are_not_given(task: Raced) -> None:
    await task.start(job("theirs"))
    await task.over()
    assert await task.logs(["range0"], of=OURS) == {}
    assert await task.logs(["range0"]) != {}


async def test_the_folder_that_went_is_told_as_gone_to_who_started_it(task: Raced, monkeypatch: Any) -> None:
    start = task.start

    async def restarted(jobs: Sequence[Job]) -> bool:
        is_started = await start(jobs)
        await task.over()
        await task.clear()
        return is_started

    monkeypatch.setattr(task, "start", restarted)
    assert (await ended(task, OURS, TurnedClock(), lambda _: None)).phase == "absent"
