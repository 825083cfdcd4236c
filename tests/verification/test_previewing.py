"""Comparisons that a busy node gave up: asked again, by themselves, and told of with the node's own reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.cassandra.credentials import Login
from hybridspan.cassandra.detached import DetachedTask, Job
from hybridspan.clock import SystemClock
from hybridspan.errors import TemporaryFailure
from hybridspan.secrets import Secret
from hybridspan.verification import previewing
from hybridspan.verification.previewing import Previewer
from tests.cassandra.pods import PASSWORD, LocalPods

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


def region(pods: LocalPods) -> Any:
    async def task(pod: str, name: str) -> DetachedTask:
        return DetachedTask(pods, "apigee", pod, name, Login("jmxuser", Secret(PASSWORD)), lambda *_: None)

    return SimpleNamespace(task=task, region=SimpleNamespace(name="eastus"))


async def test_only_what_failed_and_what_came_after_it_is_asked_again(pods: LocalPods) -> None:
    pods.program(
        "nodetool",
        f'echo "${{@: -1}}" >>"$TEST_FOLDER/runs"\n'
        f'if [ "${{@: -1}}" = kvm ] && ! [ -e "$TEST_FOLDER/failed" ]; then touch "$TEST_FOLDER/failed"; {GIVES_UP}\nfi\n'
        'echo "compared ${@: -1}"',
    )
    heard = Heard()
    logs = await Previewer(SystemClock(), heard).run(region(pods), "pod-0", "verify", JOBS)
    assert logs == {name: f"compared {name}\n" for name in ("kms", "kvm", "perses")}
    assert (pods.folder / "runs").read_text().split() == ["kms", "kvm", "kvm", "perses"]
    assert any(f"comparing kvm through pod-0 again in 0 s: {REASON}" in words for words in heard), heard
    assert not (pods.folder / "tasks" / "verify").exists()


async def test_one_that_fails_every_time_ends_with_the_nodes_own_reason(pods: LocalPods) -> None:
    pods.program("nodetool", f'echo x >>"$TEST_FOLDER/runs"\n{GIVES_UP}')
    with pytest.raises(
        TemporaryFailure, match="the comparison of kms did not come to its end in 3 tries"
    ) as error:
        await Previewer(SystemClock(), Heard()).run(region(pods), "pod-0", "verify", JOBS)
    assert (error.value.code, error.value.where, error.value.why) == (
        "HS-VERIFY-001",
        "eastus, pod pod-0",
        REASON,
    )
    assert (pods.folder / "runs").read_text() == "x\n" * 3
