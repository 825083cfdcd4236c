"""Comparisons that a busy node gave up: asked again, by themselves, and told of with the node's own reason."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.cassandra.credentials import Login
from hybridspan.cassandra.detached import DetachedTask, Job, TaskState
from hybridspan.cassandra.repairing import watched
from hybridspan.clock import Clock, SystemClock
from hybridspan.errors import TemporaryFailure
from hybridspan.secrets import Secret
from hybridspan.verification import previewing
from hybridspan.verification.previewing import AT_ONE_MOMENT, Previewer, folder_of
from tests.cassandra.pods import PASSWORD, LocalPods
from tests.engine.conftest import TurnedClock

JOBS = [Job(name, ("repair", "--preview", "--full", name)) for name in ("kms", "kvm", "perses")]
REASON = "error: Repair job has failed with the error message: Did not get replies from all endpoints."
FRAMES = "\n".join(f"\tat java.base/java.lang.Thread.run(Frame{n})" for n in range(20))
GIVES_UP = f"cat <<'END'\n{REASON}\n-- StackTrace --\njava.lang.RuntimeException\n{FRAMES}\nEND\nexit 2"


class Heard(list[str]):
    def __call__(self, words: str, fraction: float | None, more: Mapping[str, Any]) -> None:
        self.append(words)


@pytest.fixture
def pods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalPods:
    monkeypatch.setattr(previewing, "PAUSES", (0.01, 0.02))
    return LocalPods(tmp_path)


def region(pods: LocalPods, asked: list[tuple[str, ...]] | None = None) -> Any:
    """Two pods, of which the second's nodetool does not answer."""

    async def task(pod: str, name: str) -> DetachedTask:
        return DetachedTask(pods, "apigee", pod, name, Login("jmxuser", Secret(PASSWORD)), lambda *_: None)

    async def found() -> list[Any]:
        return [SimpleNamespace(name="pod-0"), SimpleNamespace(name="pod-1")]

    async def nodetool(pod: str, *arguments: str) -> str:
        assert asked is not None, "nothing is to be cleared"
        asked.append((pod, *arguments))
        if pod == "pod-1":
            raise TemporaryFailure("HS-CASS-010", "nodetool does not answer", hint="wait")
        return ""

    return SimpleNamespace(task=task, pods=found, nodetool=nodetool, region=SimpleNamespace(name="eastus"))


def previewer(heard: Heard, *regions: Any, clock: Clock | None = None) -> Previewer:
    async def everywhere() -> Any:
        return regions

    return Previewer(clock or SystemClock(), heard, everywhere)


async def test_only_what_failed_and_what_came_after_it_is_asked_again(pods: LocalPods) -> None:
    pods.program(
        "nodetool",
        f'echo "${{@: -1}}" >>"$TEST_FOLDER/runs"\n'
        f'if [ "${{@: -1}}" = kvm ] && ! [ -e "$TEST_FOLDER/failed" ]; then touch "$TEST_FOLDER/failed"; {GIVES_UP}\nfi\n'
        'echo "compared ${@: -1}"',
    )
    heard = Heard()
    logs = await previewer(heard).run(region(pods), "pod-0", "verify", JOBS)
    assert logs == {name: f"compared {name}\n" for name in ("kms", "kvm", "perses")}
    assert (pods.folder / "runs").read_text().split() == ["kms", "kvm", "kvm", "perses"]
    assert any(f"comparing kvm through pod-0 again in 0 s: {REASON}" in words for words in heard), heard
    assert list((pods.folder / "tasks").iterdir()) == []


async def test_one_that_fails_every_time_ends_with_the_nodes_own_reason(pods: LocalPods) -> None:
    pods.program("nodetool", f'echo x >>"$TEST_FOLDER/runs"\n{GIVES_UP}')
    with pytest.raises(
        TemporaryFailure, match="the comparison of kms did not come to its end in 3 tries"
    ) as error:
        await previewer(Heard()).run(region(pods), "pod-0", "verify", JOBS)
    assert (error.value.code, error.value.where, error.value.why) == (
        "HS-VERIFY-001",
        "eastus, pod pod-0",
        REASON,
    )
    assert (pods.folder / "runs").read_text() == "x\n" * 3


async def test_runs_that_ask_different_ranges_at_the_same_time_read_only_their_own(pods: LocalPods) -> None:
    pods.program("nodetool", 'echo "compared ${@: -1}"')

    async def run(start: str) -> Mapping[str, str]:
        job = Job("range0", ("repair", "--preview", "--full", "-st", start))
        return await previewer(Heard()).run(region(pods), "pod-0", "verify-ranges", [job])

    logs = await asyncio.gather(*map(run, "123"))
    assert [log["range0"].strip() for log in logs] == ["compared 1", "compared 2", "compared 3"]


class PutAway(DetachedTask):
    """A task whose folder another run puts away just before its logs are read."""

    async def logs(self, keys: Sequence[str], *, of: Sequence[Job] | None = None) -> Mapping[str, str]:
        await self.clear()
        return await super().logs(keys, of=of)


async def test_a_folder_that_another_run_put_away_is_no_verdict_and_is_called_that(pods: LocalPods) -> None:
    pods.program("nodetool", 'echo "compared ${@: -1}"')
    heard, kinds, login = Heard(), [PutAway, DetachedTask], Login("jmxuser", Secret(PASSWORD))

    async def task(pod: str, name: str) -> DetachedTask:
        return kinds.pop(0)(pods, "apigee", pod, name, login, lambda *_: None)

    here: Any = SimpleNamespace(task=task, region=SimpleNamespace(name="eastus"))
    assert await previewer(heard).run(here, "pod-0", "verify", JOBS[:1]) == {"kms": "compared kms\n"}
    (again,) = [words for words in heard if "again in" in words]
    assert "another run may have put it away, or the container restarted" in again


def test_only_equal_commands_share_a_folder() -> None:
    (kms, kvm, _) = JOBS
    assert folder_of("verify", [kms]) == folder_of("verify", [Job(kms.key, kms.arguments)])
    assert folder_of("verify", [kms]) != folder_of("verify", [kvm])
    assert folder_of("verify", [kms]) != folder_of("verify", [Job(kms.key, kvm.arguments)])


PARENT = "f2475a60-cdb2-11f1-8e64-6f2e27b2bcae"


def begins(parallelism: str) -> str:
    words = f"({PARENT}), repairing keyspace kms with repair options (parallelism: {parallelism}, primary range: false)"
    return f"echo '[2026-11-30 02:59:03,751] Starting repair command #34 {words}'"


def fails_once(parallelism: str) -> str:
    failing = f'{begins(parallelism)}; touch "$TEST_FOLDER/failed"; {GIVES_UP}'
    return f'[ -e "$TEST_FOLDER/failed" ] || {{ {failing}\n}}\necho compared'


async def test_the_snapshots_of_one_that_failed_are_cleared_on_every_node_that_can_be_asked(
    pods: LocalPods,
) -> None:
    pods.program("nodetool", fails_once("sequential"))
    heard, asked = Heard(), list[tuple[str, ...]]()
    here = region(pods, asked)
    await previewer(heard, here, here).run(here, "pod-0", "verify", JOBS[:1])
    cleared = [(pod, "clearsnapshot", "-t", PARENT) for pod in ("pod-0", "pod-1")]
    assert sorted(asked) == sorted(2 * 2 * cleared), (
        "two regions; once more at the end, because pod-1 did not answer"
    )
    told = f"the snapshot {PARENT} may stay until the node restarts: eastus, pod-1: HS-CASS-010"
    assert any(words.startswith(told) for words in heard), heard


ONCE = [Job("kms", (*AT_ONE_MOMENT, "kms"))]
ONE_THAT_HANGS = (
    '[ -e "$TEST_FOLDER/began" ] || { %s; touch "$TEST_FOLDER/began"; sleep 600; }; echo compared'
)


class Restarting(Heard):
    """Ends the container, with all that runs and lies in it, when two looks have seen its first comparison run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.looks = folder, 0

    def __call__(self, words: str, fraction: float | None, more: Mapping[str, Any]) -> None:
        super().__call__(words, fraction, more)
        self.looks += (self.folder / "began").exists() and self.looks < 2
        for process in self.folder.glob("tasks/*/process") if self.looks == 2 else ():
            self.looks = 3
            os.killpg(int(process.read_text().split()[0]), signal.SIGKILL)
            shutil.rmtree(self.folder / "tasks")


async def test_the_snapshots_of_one_whose_container_restarted_are_cleared(pods: LocalPods) -> None:
    pods.program("nodetool", ONE_THAT_HANGS % begins("sequential"))
    heard, asked = Restarting(pods.folder), list[tuple[str, ...]]()
    here = region(pods, asked)
    logs = await previewer(heard, here).run(here, "pod-0", "verify", ONCE)
    assert logs == {"kms": "compared\n"}
    assert ("pod-0", "clearsnapshot", "-t", PARENT) in asked


async def test_of_a_snapshot_whose_name_nobody_has_seen_it_is_told_how_to_find_it(pods: LocalPods) -> None:
    pods.program("nodetool", ONE_THAT_HANGS % ":")
    heard = Restarting(pods.folder)
    await previewer(heard).run(region(pods), "pod-0", "verify", ONCE)
    (told,) = [words for words in heard if words.startswith("the snapshot whose name is not known")]
    assert "nodetool listsnapshots shows it, nodetool clearsnapshot -t clears it" in told
    assert "the container restarted" in told


class Away(DetachedTask):
    """A task that cannot be looked at any more once its comparison has been seen."""

    is_seen = False

    async def look(self) -> TaskState:
        if self.is_seen:
            raise TemporaryFailure("HS-KUBE-006", "the API server does not answer", hint="wait")
        state = await super().look()
        self.is_seen = PARENT in state.log
        return state


async def test_the_snapshots_of_one_that_cannot_be_looked_at_any_more_are_told(pods: LocalPods) -> None:
    """It may go on: nothing of it is cleared."""
    pods.program("nodetool", f"{begins('sequential')}; exec sleep 600")
    heard, here = Heard(), region(pods)
    away = Away(
        pods,
        "apigee",
        "pod-0",
        folder_of("verify", ONCE),
        Login("jmxuser", Secret(PASSWORD)),
        lambda *_: None,
    )

    async def task(_pod: str, _name: str) -> DetachedTask:
        return away

    here.task = task
    with pytest.raises(TemporaryFailure, match="the API server does not answer"):
        await previewer(heard, here, clock=TurnedClock()).run(here, "pod-0", "verify", ONCE)
    os.killpg(int(next(pods.folder.glob("tasks/*/process")).read_text().split()[0]), signal.SIGKILL)
    assert any(words.startswith(f"the snapshot {PARENT} may stay until") for words in heard), heard


async def test_one_that_takes_no_snapshots_leaves_none(pods: LocalPods) -> None:
    pods.program("nodetool", fails_once("parallel"))
    here = region(pods)
    await previewer(Heard(), here).run(here, "pod-0", "verify", JOBS[:1])


async def test_what_an_interrupted_run_left_is_cleared_by_the_next(pods: LocalPods) -> None:
    pods.program("nodetool", fails_once("sequential"))
    asked: list[tuple[str, ...]] = []
    here = region(pods, asked)
    task = await here.task("pod-0", folder_of("verify", JOBS[:1]))
    await task.start(JOBS[:1])
    await watched(task, SystemClock(), lambda _: None)
    await previewer(Heard(), here).run(here, "pod-0", "verify", JOBS[:1])
    assert ("pod-0", "clearsnapshot", "-t", PARENT) in asked
