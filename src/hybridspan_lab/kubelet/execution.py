"""Commands in running containers and attachment to a container's own streams."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from hybridspan_lab.kubelet.container import Container
from hybridspan_lab.kubelet.logfile import StreamName
from hybridspan_lab.kubelet.sessions import RESIZE, STATUS, STDERR, STDIN, STDOUT, Session
from hybridspan_lab.kubelet.terminal import Terminal
from hybridspan_lab.sandbox.process import Contained, StartFailed, start

CHANNELS: dict[StreamName, int] = {"stdout": STDOUT, "stderr": STDERR}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the client asked for."""

    command: Sequence[str]
    stdin: bool
    tty: bool


def outcome(code: int) -> bytes:
    """The status that ends a session."""
    if code == 0:
        return json.dumps({"metadata": {}, "status": "Success"}).encode()
    causes = [{"reason": "ExitCode", "message": str(code)}]
    return failure(f"command terminated with exit code {code}", "NonZeroExitCode", causes)


def failure(message: str, reason: str = "InternalError", causes: Sequence[dict[str, str]] = ()) -> bytes:
    details = {"details": {"causes": list(causes)}} if causes else {}
    status = {"metadata": {}, "status": "Failure", "reason": reason, "message": message, **details}
    return json.dumps(status).encode()


async def run_command(session: Session, container: Container, wish: Wish) -> None:
    """Runs a command until it ends or the client goes; in the latter case it is killed."""
    try:
        command = await Command.start(container, wish)
    except StartFailed as error:
        await tell(session, failure(f"command in container failed to start: {error}"))
        return
    listening = asyncio.ensure_future(command.listen(session))
    ending = asyncio.ensure_future(command.report(session))
    try:
        await asyncio.wait((listening, ending), return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            with contextlib.suppress(ConnectionError):
                await session.send(STATUS, outcome(ending.result()))
    finally:
        # Also when the server cancels this because the client's connection is lost.
        if not ending.done() or ending.exception() is not None:
            command.process.kill()
        ending.cancel()
        listening.cancel()
        command.close()
        with contextlib.suppress(ConnectionError):
            await session.finish()


async def tell(session: Session, status: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        await session.send(STATUS, status)
        await session.finish()


class Command:
    """One command in a container, with pipes or a terminal."""

    def __init__(self, process: Contained, terminal: Terminal | None) -> None:
        self.process = process
        self._terminal = terminal

    @classmethod
    async def start(cls, container: Container, wish: Wish) -> Command:
        """Raises StartFailed."""
        inside, launch = container.process, container.launch
        if inside is None or launch is None or not container.is_running:
            raise StartFailed("the container is not running")
        place, words = launch.inside(inside.pid), launch.words(wish.command)
        if wish.tty:
            with Terminal.open() as (terminal, fd):
                env = {"TERM": "xterm", **launch.env}
                process = await start(
                    place, words, env, cwd=launch.cwd, stdin=fd, stdout=fd, stderr=fd, tty=True
                )
                return cls(process, terminal)
        pipe = asyncio.subprocess.PIPE
        stdin = pipe if wish.stdin else asyncio.subprocess.DEVNULL
        process = await start(place, words, launch.env, cwd=launch.cwd, stdin=stdin, stdout=pipe, stderr=pipe)
        return cls(process, None)

    async def listen(self, session: Session) -> None:
        """Hands on what the client sends; returns when the client has gone."""
        while (message := await session.receive()) is not None:
            channel, data = message
            if channel == STDIN:
                await self._input(data)
            elif channel == RESIZE and data and self._terminal is not None:
                self._terminal.resize(*size_of(data))

    async def report(self, session: Session) -> int:
        """Sends all output; returns the exit code."""
        if self._terminal is not None:
            async for data in self._terminal.output():
                await session.send(STDOUT, data)
        else:
            launcher = self.process.launcher
            await asyncio.gather(
                pump(launcher.stdout, session, STDOUT), pump(launcher.stderr, session, STDERR)
            )
        return await self.process.wait()

    def close(self) -> None:
        if self._terminal is not None:
            self._terminal.close()
        elif self.process.launcher.stdin is not None:
            self.process.launcher.stdin.close()

    async def _input(self, data: bytes) -> None:
        stdin = self.process.launcher.stdin
        if self._terminal is not None:
            self._terminal.write(data)
        elif stdin is not None and data:
            with contextlib.suppress(ConnectionError):
                stdin.write(data)
                await stdin.drain()
        elif stdin is not None:
            stdin.close()


async def pump(source: asyncio.StreamReader | None, session: Session, channel: int) -> None:
    while source is not None and (data := await source.read(32768)):
        await session.send(channel, data)


async def attach(session: Session, container: Container) -> None:
    """Connects the client with a container's own streams until the container ends or the client goes."""
    output: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()

    def view(stream: StreamName, data: bytes) -> None:
        output.put_nowait((CHANNELS[stream], data))

    container.viewers.add(view)
    tasks = [
        asyncio.ensure_future(forward(output, session)),
        asyncio.ensure_future(listen(session, container)),
        asyncio.ensure_future(container.finished.wait()),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        with contextlib.suppress(ConnectionError):
            while not output.empty():
                await session.send(*output.get_nowait())
            if container.finished.is_set():
                await session.send(STATUS, outcome(0))
    finally:
        container.viewers.discard(view)
        container.feed_end()
        for task in tasks:
            task.cancel()
        with contextlib.suppress(ConnectionError):
            await session.finish()


async def forward(output: asyncio.Queue[tuple[int, bytes]], session: Session) -> None:
    while True:
        channel, data = await output.get()
        await session.send(channel, data)


async def listen(session: Session, container: Container) -> None:
    while (message := await session.receive()) is not None:
        channel, data = message
        if channel == STDIN and data:
            await container.feed(data)
        elif channel == STDIN:
            container.feed_end()
        elif channel == RESIZE and data:
            container.resize(*size_of(data))


def size_of(data: bytes) -> tuple[int, int]:
    """Columns and rows of a resize message."""
    size = json.loads(data)
    return int(size["Width"]), int(size["Height"])
