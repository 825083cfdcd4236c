"""Starts programs in containers and says how they are."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

LAUNCH: Final = str(Path(__file__).with_name("launch.py"))
Stream = int | IO[bytes] | None


class StartFailed(Exception):
    """The program could not be started; the text is for the container's status."""


@dataclass(slots=True)
class Contained:
    """A running program: `launcher` is the process that waits for it, `pid` the container's first process."""

    launcher: asyncio.subprocess.Process
    pid: int

    async def wait(self) -> int:
        """The program's exit code, 128 and the signal's number when a signal ended it."""
        code = await self.launcher.wait()
        return code if code >= 0 else 128 - code

    def terminate(self, number: int = signal.SIGTERM) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends the program and everything that it started."""
        if self.launcher.returncode is not None:
            return
        for pid in (self.pid, self.launcher.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


async def start(
    spec: dict[str, Any],
    argv: Sequence[str],
    env: dict[str, str],
    *,
    cwd: str = "/",
    stdin: Stream = asyncio.subprocess.DEVNULL,
    stdout: Stream = asyncio.subprocess.DEVNULL,
    stderr: Stream = asyncio.subprocess.DEVNULL,
    tty: bool = False,
) -> Contained:
    """Starts `argv` in a new container (a Sandbox's document) or in a running one (`{"enter": pid}`).

    Raises StartFailed when the program does not exist or the container could not be made.
    """
    document = {**spec, "argv": list(argv), "env": env, "cwd": cwd, "tty": tty}
    spec_fd = os.memfd_create("container")
    receive, send = os.pipe()
    try:
        os.write(spec_fd, json.dumps(document).encode())
        os.lseek(spec_fd, 0, os.SEEK_SET)
        launcher = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", LAUNCH, str(spec_fd), str(send),
            stdin=stdin, stdout=stdout, stderr=stderr, pass_fds=(spec_fd, send),
            env={"PATH": "/usr/bin:/bin"}, cwd="/", start_new_session=True,
        )  # fmt: skip
    finally:
        os.close(spec_fd)
        os.close(send)
    try:
        pid, problem = await _report(receive)
    except BaseException:  # nobody would know of the program
        with contextlib.suppress(ProcessLookupError):
            os.kill(launcher.pid, signal.SIGKILL)
        raise
    if problem:
        await launcher.wait()
        raise StartFailed(problem)
    return Contained(launcher, pid)


async def _report(fd: int) -> tuple[int, str]:
    """Pid and problem; the descriptor reaches its end when the program's exec has succeeded."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb")
    )
    try:
        lines = (await reader.read()).decode().splitlines()
    finally:
        transport.close()
    told: dict[str, Any] = {}
    for line in lines:
        told.update(json.loads(line))
    problem = told.get("error", "" if "pid" in told else "the container ended before its program started")
    return int(told.get("pid", 0)), str(problem)
