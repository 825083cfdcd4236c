"""Long nodetool commands that run on in the pod, whatever becomes of the stream that started them.

A task is a folder in the pod's own temporary storage: the list of jobs, one log and one exit code each, and the process
that works through them. Starting is making that folder, which only one can do; looking is reading it. When the container
restarts, the folder goes with the process, so a folder never claims that something runs that does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from hybridspan.cassandra import task_scripts
from hybridspan.cassandra.credentials import Login
from hybridspan.cassandra.ports import CONTAINER, PodAccess, Recorder
from hybridspan.cassandra.unanswered import unanswered
from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure

ROOT: Final = "/tmp/hybridspan"
_BY_SIGNAL: Final = 128
"""Higher exit codes are those of a command that a signal ended: 137 where its container was killed, or its memory ran out."""
TaskPhase = Literal["absent", "running", "ended", "dead"]


@dataclass(frozen=True, slots=True)
class Job:
    """One nodetool command of a task; the key is a file name."""

    key: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskState:
    """`dead`: the process is gone without having finished. `codes` has None for jobs that have not ended."""

    phase: TaskPhase
    codes: Mapping[str, int | None]
    log: str
    """The last lines of the job that began last, without a stack trace."""
    jobs: tuple[Job, ...] = ()
    """All of its commands."""
    age: float = math.inf
    """Seconds since it was started, both by the pod's clock; infinite where that is not known."""

    def is_of(self, jobs: Sequence[Job]) -> bool:
        """Whether this is the state of just these commands: the same keys may stand for others."""
        return written(self.jobs) == written(jobs)

    @property
    def current(self) -> str | None:
        """The first job that has not ended, or None."""
        return next((key for key, code in self.codes.items() if code is None), None)

    @property
    def failed(self) -> str | None:
        """The job that ended with another code than 0, or None."""
        return next((key for key, code in self.codes.items() if code), None)

    @property
    def succeeded(self) -> tuple[str, ...]:
        return tuple(key for key, code in self.codes.items() if code == 0)


class DetachedTask:
    """One task's folder in one pod."""

    def __init__(
        self, pods: PodAccess, namespace: str, pod: str, name: str, login: Login, record: Recorder
    ) -> None:
        self.pod = pod
        self.directory = f"{ROOT}/{name}"
        self._pods = pods
        self._namespace = namespace
        self._login = login
        self._record = record

    async def start(self, jobs: Sequence[Job]) -> bool:
        """Start the jobs, one after the other until one fails; False where the folder exists: nothing is started then.

        PermanentFailure where the container cannot; TemporaryFailure where it was killed meanwhile, and whether they run is not known.
        """
        stdin = f"{self._login.password.reveal()}\n{written(jobs)}".encode()
        code, output = await self._bash(task_scripts.START, self._login.user, task_scripts.WORK, stdin=stdin)
        for job in jobs if code == 0 else ():
            self._record(
                "nodetool", {"pod": self.pod, "command": ["nodetool", *job.arguments], "task": self.directory}
            )
        if code not in (0, 75):
            raise self._unstarted(code, output.strip() or f"exit code {code}")
        return code == 0

    async def look(self) -> TaskState:
        """Where it stands; TemporaryFailure where the look itself fails, as when the pod has no memory left for it."""
        output = await self._read(task_scripts.LOOK)
        try:
            return parse_look(output)
        except ValueError as error:
            raise self._unread(str(error)) from error

    async def logs(self, keys: Sequence[str], *, of: Sequence[Job] | None = None) -> Mapping[str, str]:
        """All that the jobs have printed, by key; TemporaryFailure as for `look`.

        With `of` nothing, where the folder is not of just these commands (any more).
        """
        output = await self._read(task_scripts.LOGS, *keys) if keys else ""
        is_other = of is not None and output.partition(task_scripts.MARK)[0] != written(of)
        return {} if is_other else parse_logs(output)

    async def tell(self, key: str, mark: str, words: str, *, is_good: bool) -> None:
        """End the job that runs, with these words below what it has printed; as succeeded where that is good.

        For what is over and only nodetool does not know. What has ended by itself meanwhile stays as it is, and so does a job
        that has not printed the mark: it is another one.
        """
        await self._bash(task_scripts.TELL, key, mark, words, "1" if is_good else "0")

    async def clear(self) -> None:
        """Take the folder away, unless it runs: it is another run's then. TemporaryFailure where that fails."""
        await self._read(task_scripts.CLEAR)

    async def _read(self, script: str, *arguments: str) -> str:
        code, output = await self._bash(script, *arguments)
        if code:  # what was printed by then may be the half of it
            raise self._unread(
                f"exit code {code}: {output.strip()}" if output.strip() else f"exit code {code}"
            )
        return output

    def _unstarted(self, code: int, why: str) -> HybridspanError:
        if code > _BY_SIGNAL:
            message = "a long nodetool command was ended from outside while it was started"
            return unanswered("HS-CASS-029", message, self._pods, self._namespace, self.pod, why)
        return PermanentFailure(
            "HS-CASS-013",
            "a long nodetool command could not be started in the pod",
            where=f"{self._pods.name}, pod {self._namespace}/{self.pod}",
            why=why,
            hint=f"the container needs bash and a writable {ROOT}",
        )

    def _unread(self, why: str) -> TemporaryFailure:
        message = "a long nodetool command cannot be looked at now"
        return unanswered("HS-CASS-028", message, self._pods, self._namespace, self.pod, why)

    async def _bash(self, script: str, *arguments: str, stdin: bytes | None = None) -> tuple[int, str]:
        argv = ["bash", "-c", script, "hybridspan", self.directory, *arguments]
        ended = await self._pods.exec(
            self._namespace, self.pod, argv, container=CONTAINER, stdin=stdin, timeout=30.0
        )
        return ended.code, ended.stdout if ended.code == 0 else f"{ended.stdout}{ended.stderr}"


def written(jobs: Sequence[Job]) -> str:
    """The list of jobs as the folder keeps it."""
    return "".join(f"{job.key}\n{' '.join(job.arguments)}\n" for job in jobs)


def parse_look(text: str) -> TaskState:
    """The state that the look script printed."""
    lines = text.splitlines()
    phase, _, age = (lines[0] if lines else "").strip().partition(" ")
    if phase not in ("absent", "running", "ended", "dead"):
        raise ValueError(f"not a task's state: {text[:200]!r}")
    codes: dict[str, int | None] = {}
    jobs: list[Job] = []
    log = ""
    for position, line in enumerate(lines[1:], start=2):
        key, code, arguments = (*line.split(" ", 2), "", "")[:3]
        if key == "==":
            log = "\n".join(lines[position:])
            break
        codes[key] = None if code == "-" else int(code)
        jobs.append(Job(key, tuple(arguments.split())))
    seconds = float(age) if age else math.inf
    return TaskState(phase, codes, log, tuple(jobs), seconds)  # type: ignore[arg-type]  # checked above


def parse_logs(text: str) -> Mapping[str, str]:
    """The logs that the script printed, by key."""
    logs: dict[str, list[str]] = {}
    key = ""
    for line in text.splitlines():
        if line.startswith(task_scripts.MARK):
            key = line.removeprefix(task_scripts.MARK)
            logs[key] = []
        elif key:
            logs[key].append(line)
    return {name: "\n".join(lines) for name, lines in logs.items()}
