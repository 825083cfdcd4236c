"""One container of a pod: its process, its output, its standard input, and its state as the API shows it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hybridspan_lab.kubeapi import Document
from hybridspan_lab.kubelet.logfile import LogFile, StreamName
from hybridspan_lab.kubelet.terminal import Terminal
from hybridspan_lab.sandbox.marked import end_marked
from hybridspan_lab.sandbox.plain import POD_VARIABLE, PlainRoot
from hybridspan_lab.sandbox.process import Contained, start

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 20.0
STEADY_SECONDS: Final = 60.0
Viewer = Callable[[StreamName, bytes], None]


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything that is needed to start a container once."""

    sandbox: dict[str, Any]
    argv: Sequence[str]
    env: dict[str, str]
    cwd: str
    image: str
    plain: PlainRoot | None = None
    """The container's folder where there are no namespaces."""

    def inside(self, pid: int) -> dict[str, Any]:
        """Where one more program of the running container is started."""
        return {"plain": True} if self.plain else {"enter": pid}

    def words(self, command: Sequence[str]) -> list[str]:
        """A command as it is started: paths of the container mean its folder where nothing is mounted."""
        return [self.plain.rewritten(word) for word in command] if self.plain else list(command)


class Container:
    """One container. `on_change` is called whenever its status has changed."""

    def __init__(self, spec: Document, logs: Path, on_change: Callable[[], None]) -> None:
        self.spec = spec
        self.name = str(spec["name"])
        self.logs = logs
        self.state: Document = {"waiting": {"reason": "PodInitializing"}}
        self.last_state: Document = {}
        self.restarts = 0
        self.is_ready = False
        self.is_started = False
        self.launch: Launch | None = None
        self.process: Contained | None = None
        self.log: LogFile | None = None
        self.viewers: set[Viewer] = set()
        self.finished = asyncio.Event()
        self.started = asyncio.Event()
        self._stdin: asyncio.StreamWriter | None = None
        self._terminal: Terminal | None = None
        self._on_change = on_change
        self._pause = FIRST_PAUSE
        self._began = 0.0
        self._patience: asyncio.Timeout | None = None

    @property
    def is_running(self) -> bool:
        return "running" in self.state

    @property
    def terminated(self) -> Document | None:
        found: Document | None = self.state.get("terminated")
        return found

    @property
    def container_id(self) -> str:
        return f"lab://{self.spec['name']}-{self.restarts}-{self.process.pid}" if self.process else ""

    def log_path(self, restart: int) -> Path:
        return self.logs / f"{restart}.log"

    def wait_for(self, reason: str, message: str = "") -> None:
        """Shows why the container does not run."""
        waiting = {"reason": reason, "message": message} if message else {"reason": reason}
        if self.terminated is not None:
            self.last_state = self.state
        self.state = {"waiting": waiting}
        self.is_ready = self.is_started = False
        self._on_change()

    async def begin(self, launch: Launch) -> None:
        """Starts the process; raises StartFailed."""
        self.launch = launch
        self.finished = asyncio.Event()
        self.log = LogFile(self.log_path(self.restarts))
        self._began = time.monotonic()
        self.process = await self._start(launch)
        if self.terminated is not None:
            self.last_state = self.state
        self.state = {"running": {"startedAt": timestamp()}}
        self._on_change()

    async def run_to_end(self) -> int:
        """Waits for the process, its output read to the end; returns its exit code."""
        if self.process is None:
            raise RuntimeError("the container was not started")
        async with asyncio.TaskGroup() as readers:
            readers.create_task(self._read_output(self.process))
            code = await self.process.wait()
            if self.launch is not None and self.launch.plain is not None:
                # No pid namespace ends what the program has left behind; and it would keep the output open.
                end_marked(POD_VARIABLE, self.launch.env[POD_VARIABLE])
        self.end(code)
        return code

    def end(self, code: int, reason: str = "", message: str = "") -> None:
        """Records how the container ended."""
        began = (self.state.get("running") or {}).get("startedAt", timestamp())
        ended: Document = {
            "exitCode": code,
            "reason": reason or ("Completed" if code == 0 else "Error"),
            "startedAt": began,
            "finishedAt": timestamp(),
            "containerID": self.container_id,
        }
        if message:
            ended["message"] = message
        self.state = {"terminated": ended}
        self.is_ready = self.is_started = False
        self._release()
        self.finished.set()
        self._on_change()

    def next_pause(self) -> float:
        """Seconds until the next start: doubled with each crash, from the beginning after a steady minute."""
        if time.monotonic() - self._began > STEADY_SECONDS:
            self._pause = FIRST_PAUSE
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        return pause

    async def stop(self, grace: float) -> None:
        """SIGTERM, then SIGKILL after `grace` seconds; returns when the container has ended."""
        if self.process is None or not self.is_running:
            return
        finished = self.finished
        self.process.terminate()
        try:
            async with asyncio.timeout(grace) as self._patience:
                await finished.wait()
        except TimeoutError:
            self.process.kill()
            await finished.wait()
        finally:
            self._patience = None

    def hasten(self, grace: float) -> None:
        """Somebody has less patience than the one who told it to stop: a grace can only become shorter."""
        soon = asyncio.get_running_loop().time() + grace
        if self._patience is not None and (self._patience.when() or soon) > soon:
            self._patience.reschedule(soon)

    async def feed(self, data: bytes) -> None:
        """Writes to the container's standard input, if it has one."""
        if self._terminal is not None:
            self._terminal.write(data)
        elif self._stdin is not None:
            with contextlib.suppress(ConnectionError):
                self._stdin.write(data)
                await self._stdin.drain()

    def feed_end(self) -> None:
        """The attached person has gone; with `stdinOnce` the program is told so."""
        if self.spec.get("stdinOnce") and self._stdin is not None:
            self._stdin.close()

    def resize(self, columns: int, rows: int) -> None:
        if self._terminal is not None:
            self._terminal.resize(columns, rows)

    async def _start(self, launch: Launch) -> Contained:
        if self.spec.get("tty"):
            with Terminal.open() as (terminal, fd):
                self._terminal = terminal
                return await start(
                    launch.sandbox, launch.argv, {"TERM": "xterm", **launch.env}, cwd=launch.cwd,
                    stdin=fd, stdout=fd, stderr=fd, tty=True,
                )  # fmt: skip
        pipe, wants_input = asyncio.subprocess.PIPE, bool(self.spec.get("stdin"))
        process = await start(
            launch.sandbox, launch.argv, launch.env, cwd=launch.cwd,
            stdin=pipe if wants_input else asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe,
        )  # fmt: skip
        self._stdin = process.launcher.stdin
        return process

    async def _read_output(self, process: Contained) -> None:
        if self._terminal is not None:
            async for data in self._terminal.output():
                self._emit("stdout", data)
            return
        async with asyncio.TaskGroup() as readers:
            readers.create_task(self._pump(process.launcher.stdout, "stdout"))
            readers.create_task(self._pump(process.launcher.stderr, "stderr"))

    async def _pump(self, source: asyncio.StreamReader | None, name: StreamName) -> None:
        while source is not None and (data := await source.read(65536)):
            self._emit(name, data)

    def _emit(self, stream: StreamName, data: bytes) -> None:
        if self.log is not None:
            self.log.write(stream, data)
        for viewer in tuple(self.viewers):
            viewer(stream, data)

    def _release(self) -> None:
        if self.log is not None and not self.log.is_closed:
            self.log.close()
        if self._terminal is not None:
            self._terminal.close()
        if self._stdin is not None:
            self._stdin.close()
        self._terminal = self._stdin = None


def timestamp() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def discard_logs(logs: Path, keep: int) -> None:
    """Removes logs of runs before the last two: `kubectl logs --previous` reaches no further."""
    for path in logs.glob("*.log"):
        if path.stem.isdigit() and int(path.stem) < keep:
            with contextlib.suppress(OSError):
                os.unlink(path)
