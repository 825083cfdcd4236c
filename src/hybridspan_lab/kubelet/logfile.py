"""A container's log: one file per run of the container, each line with its time and its stream."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

StreamName = Literal["stdout", "stderr"]


def now() -> str:
    """The time as the container runtime interface writes it."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class LogFile:
    """A log being written. Whole lines are kept in the file; the rest of a line waits for its end."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.is_closed = False
        self._file: IO[bytes] = path.open("ab", buffering=0)
        self._rest: dict[StreamName, bytes] = {"stdout": b"", "stderr": b""}
        self._grown = asyncio.Event()

    def write(self, stream: StreamName, data: bytes) -> None:
        *lines, self._rest[stream] = (self._rest[stream] + data).split(b"\n")
        if lines:
            head = f"{now()} {stream} F ".encode()
            self._file.write(b"".join(head + line + b"\n" for line in lines))
            self._wake()

    def close(self) -> None:
        """Ends the log; an unfinished line is written as a partial one."""
        for stream, rest in self._rest.items():
            if rest:
                self._file.write(f"{now()} {stream} P ".encode() + rest + b"\n")
        self.is_closed = True
        self._file.close()
        self._wake()

    @property
    def growth(self) -> asyncio.Event:
        """Set at the next growth after this moment."""
        return self._grown

    def _wake(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()


@dataclass(frozen=True, slots=True)
class LogRequest:
    """What a reader of a log asked for."""

    tail: int | None = None
    since: str = ""
    timestamps: bool = False
    limit_bytes: int | None = None


def recorded_lines(path: Path, request: LogRequest) -> tuple[list[bytes], int]:
    """The wanted lines that the file has now, and the size that was read."""
    data = path.read_bytes() if path.exists() else b""
    entries = [line for line in data.split(b"\n") if line]
    # Without the Z, so that a whole second comes before its parts.
    since = request.since.removesuffix("Z").encode()
    chosen = [entry for entry in entries if entry.partition(b" ")[0] >= since]
    if request.tail is not None:
        chosen = chosen[-request.tail :] if request.tail else []
    return [rendered(entry, timestamps=request.timestamps) for entry in chosen], len(data)


def rendered(entry: bytes, *, timestamps: bool) -> bytes:
    time, _, kind, text = entry.split(b" ", 3)
    end = b"\n" if kind == b"F" else b""
    return (time + b" " if timestamps else b"") + text + end


async def followed_lines(log: LogFile, offset: int, *, timestamps: bool) -> AsyncIterator[bytes]:
    """Lines written after `offset`, until the log is closed."""
    with log.path.open("rb") as file:
        file.seek(offset)
        while True:
            # Taken before reading, so that nothing written meanwhile is missed.
            closed, growth = log.is_closed, log.growth
            for entry in whole_entries(file):
                yield rendered(entry, timestamps=timestamps)
            if closed:
                return
            await growth.wait()


def whole_entries(file: IO[bytes]) -> Iterator[bytes]:
    # Each write to the file is of whole lines, so no read ends within one.
    for line in file.read().split(b"\n"):
        if line:
            yield line
