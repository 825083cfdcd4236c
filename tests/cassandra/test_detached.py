"""Long commands that run on in a pod: started once, looked at, put away."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time

import pytest

from hybridspan.cassandra.credentials import Login
from hybridspan.cassandra.detached import DetachedTask, Job, TaskState, parse_logs, parse_look
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.secrets import Secret
from tests.cassandra.pods import PASSWORD, LocalPods

JOBS = [
    Job("kms", ("rebuild", "-ks", "kms", "--", "dc-1")),
    Job("kvm", ("rebuild", "-ks", "kvm", "--", "dc-1")),
]
# The test lets each command end by making a file.
WAITS = 'until [ -e "$TEST_FOLDER/go" ]; do sleep 0.02; done'


@pytest.fixture
def task(pods: LocalPods) -> DetachedTask:
    return DetachedTask(
        pods, "apigee", "pod-0", "rebuild", Login("jmxuser", Secret(PASSWORD)), lambda *_: None
    )


async def until(task: DetachedTask, phase: str) -> TaskState:
    async with asyncio.timeout(60):
        while (state := await task.look()).phase != phase:  # noqa: ASYNC110  # a process of the test's ends
            await asyncio.sleep(0.02)
    return state


async def test_jobs_run_one_after_the_other_to_the_end(pods, task) -> None:
    pods.program("nodetool", 'echo "ran $*"')
    assert await task.start(JOBS)
    state = await until(task, "ended")
    assert dict(state.codes) == {"kms": 0, "kvm": 0}
    assert "ran -u jmxuser -pwf passwords rebuild -ks kvm -- dc-1" in (await task.logs(["kvm"]))["kvm"]


async def test_it_is_started_only_once(pods, task) -> None:
    pods.program("nodetool", f'echo x >>"$TEST_FOLDER/runs"; {WAITS}')
    assert await task.start(JOBS)
    assert not await task.start(JOBS)
    assert (await task.look()).current == "kms"
    (pods.folder / "go").touch()
    await until(task, "ended")
    assert (pods.folder / "runs").read_text() == "x\nx\n"


@pytest.mark.parametrize("in_the_way", ["tasks", "tasks/rebuild"])
async def test_a_folder_that_cannot_be_made_is_not_taken_for_one_that_is_there(
    pods, task, in_the_way: str
) -> None:
    (pods.folder / in_the_way).parent.mkdir(exist_ok=True)
    (pods.folder / in_the_way).touch()
    with pytest.raises(PermanentFailure, match=r"HS-CASS-013.*mkdir"):
        await task.start(JOBS)


@pytest.mark.parametrize("code", [137, 143])
async def test_a_start_whose_container_is_killed_may_come_at_the_next_try(pods, task, code: int) -> None:
    pods.program("bash", f"exit {code}")
    with pytest.raises(TemporaryFailure, match=rf"HS-CASS-029.*pod apigee/pod-0.*exit code {code}"):
        await task.start(JOBS)
    (pods.folder / "bin" / "bash").unlink()
    pods.program("nodetool", "true")
    assert await task.start(JOBS)
    await until(task, "ended")


@pytest.mark.parametrize("code", [1, 126, 127])
async def test_a_container_that_cannot_start_it_is_not_tried_again(pods, task, code: int) -> None:
    pods.program("bash", f"exit {code}")
    with pytest.raises(PermanentFailure, match="HS-CASS-013"):
        await task.start(JOBS)


async def test_the_first_failure_ends_it(pods, task) -> None:
    pods.program("nodetool", "echo 'Stream failed'; exit 2")
    await task.start(JOBS)
    state = await until(task, "ended")
    assert state.failed == "kms"
    assert dict(state.codes) == {"kms": 2, "kvm": None}
    assert state.log == "Stream failed"


async def test_a_process_that_was_killed_is_dead_not_running(pods, task) -> None:
    pods.program("nodetool", WAITS)
    await task.start(JOBS)
    number = int((pods.folder / "tasks" / "rebuild" / "process").read_text().split()[0])
    os.killpg(number, signal.SIGKILL)
    assert (await until(task, "dead")).current == "kms"


async def test_a_folder_that_is_being_made_is_not_taken_for_one_that_was_left(pods, task) -> None:
    folder = pods.folder / "tasks" / "rebuild"
    folder.mkdir(parents=True)
    assert (await task.look()).phase == "running"
    os.utime(folder, (0, 0))
    assert (await task.look()).phase == "dead"


async def test_a_look_says_of_which_commands_it_is(pods, task) -> None:
    pods.program("nodetool", "true")
    await task.start(JOBS)
    state = await until(task, "ended")
    assert state.is_of(JOBS)
    assert not state.is_of([Job(job.key, (*job.arguments, "more")) for job in JOBS])


async def test_a_look_says_how_long_ago_it_was_started(pods, task) -> None:
    """By the pod's own clock, whatever was written into the folder since."""
    pods.program("nodetool", "true")
    await task.start(JOBS)
    assert 0 <= (await until(task, "ended")).age < 600
    made = time.time() - 3600
    os.utime(pods.folder / "tasks" / "rebuild" / "jobs", (made, made))
    assert 3600 <= (await task.look()).age < 4200


async def test_of_what_is_not_there_no_age_is_known(task) -> None:
    assert (await task.look()).age == math.inf


async def test_the_password_file_is_private_and_gone_at_the_end(pods, task) -> None:
    pods.program("nodetool", WAITS)
    await task.start(JOBS)
    folder = pods.folder / "tasks" / "rebuild"
    assert (folder / "passwords").stat().st_mode & 0o777 == 0o600
    (pods.folder / "go").touch()
    await until(task, "ended")
    async with asyncio.timeout(60):
        while (folder / "passwords").exists():  # noqa: ASYNC110  # a process of the test's ends
            await asyncio.sleep(0.02)
    assert PASSWORD not in str(pods.argvs)


async def test_what_was_never_started_is_absent_and_so_is_what_was_cleared(pods, task) -> None:
    pods.program("nodetool", "true")
    assert (await task.look()).phase == "absent"
    await task.start(JOBS)
    await until(task, "ended")
    await task.clear()
    assert (await task.look()).phase == "absent"


@pytest.mark.parametrize("ending", ["exit 137", "echo running; exit 137", "echo 'half a'"])
async def test_a_look_that_was_ended_is_one_that_may_come(pods, task, ending: str) -> None:
    pods.program("bash", ending)
    with pytest.raises(TemporaryFailure) as failed:
        await task.look()
    assert (failed.value.code, failed.value.where) == ("HS-CASS-028", "apigee-test, pod apigee/pod-0")


async def test_what_cannot_be_read_is_no_answer(pods, task) -> None:
    pods.program("bash", "exit 137")
    for ask in (task.look(), task.logs(["kms"]), task.clear()):
        with pytest.raises(TemporaryFailure, match=r"HS-CASS-028.*exit code 137"):
            await ask


async def test_a_folder_that_is_not_there_is_of_no_jobs(task) -> None:
    assert not (await task.look()).is_of(JOBS)


async def test_what_runs_is_not_put_away(pods, task) -> None:
    pods.program("nodetool", WAITS)
    await task.start(JOBS)
    await task.clear()
    assert (await task.look()).phase == "running"
    (pods.folder / "go").touch()
    await until(task, "ended")


def test_a_look_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not a task's state"):
        parse_look("bash: command not found")


def test_logs_are_told_apart_by_key() -> None:
    assert parse_logs("==== log of a\none\ntwo\n==== log of b\n") == {"a": "one\ntwo", "b": ""}
