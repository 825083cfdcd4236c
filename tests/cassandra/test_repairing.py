"""Jobs that are started in a pod and watched to their end, where others start theirs under the same name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.cassandra.credentials import Login
from hybridspan.cassandra.detached import DetachedTask, Job, TaskState
from hybridspan.cassandra.repairing import ended, repaired, watched
from hybridspan.errors import TemporaryFailure
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
def clock() -> TurnedClock:
    return TurnedClock()


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


GONE = TemporaryFailure("HS-KUBE-006", "the API server does not answer", hint="wait")
RUNNING, ENDED = TaskState("running", {"kms": None}, ""), TaskState("ended", {"kms": 0}, "")


class Looked:
    """A task whose looks are these, one after the other, the last for ever; a failure is raised."""

    def __init__(self, *looks: TaskState | TemporaryFailure) -> None:
        self.looks = list(looks)

    async def look(self) -> TaskState:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, TemporaryFailure):
            raise look
        return look


async def watch(*looks: TaskState | TemporaryFailure, clock: TurnedClock) -> tuple[TaskState, list[float]]:
    told: list[float] = []
    task: Any = Looked(*looks)
    state = await watched(task, clock, lambda _: None, lambda _, seconds: told.append(seconds))
    return state, told


async def test_looks_that_fail_now_and_then_are_told_of_and_end_nothing(clock: TurnedClock) -> None:
    many = [look for _ in range(100) for look in (GONE, GONE, GONE, RUNNING)]
    state, told = await watch(*many, ENDED, clock=clock)
    assert state is ENDED
    assert told[:6] == [1, 2, 4, 1, 2, 4]


async def test_when_no_look_has_been_good_for_a_while_its_failure_is_told(clock: TurnedClock) -> None:
    began = clock.time
    with pytest.raises(TemporaryFailure) as failed:
        await watch(RUNNING, GONE, clock=clock)
    assert failed.value is GONE
    assert 150 <= clock.time - began < 180


async def test_a_repair_is_read_out_though_the_first_tries_fail(task: Raced, pods: LocalPods) -> None:
    pods.program("nodetool", 'echo "Repair completed successfully"')
    exec_in_pod, tries = pods.exec, dict[str, int]()

    async def failing(namespace: str, pod: str, argv: Sequence[str], **more: Any) -> Any:
        tries[argv[2]] = tries.get(argv[2], 0) + 1
        if "nohup" not in argv[2] and tries[argv[2]] == 1:
            raise GONE
        return await exec_in_pod(namespace, pod, argv, **more)

    pods.exec = failing  # type: ignore[method-assign]
    told: list[str] = []

    async def found(_pod: str, _name: str) -> DetachedTask:
        return task

    region: Any = SimpleNamespace(task=found, region=SimpleNamespace(name="eastus"))
    await repaired(
        region, "pod-0", "mend", OURS, TurnedClock(), lambda words, *_: told.append(words), since=0
    )
    assert not (pods.folder / "tasks" / "verify").exists()
    words = "the repair of range0 on pod-0 cannot be looked at now, again in 1 s: HS-KUBE-006"
    assert sum(line.startswith(words) for line in told) == 3, told
