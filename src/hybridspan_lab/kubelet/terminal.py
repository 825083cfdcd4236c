"""A pseudo terminal between a person's kubectl and a program."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from collections.abc import AsyncIterator, Iterator
from typing import Self


class Terminal:
    """The kubelet's side of a pseudo terminal."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._output: asyncio.Queue[bytes] = asyncio.Queue()
        self._is_open = True
        os.set_blocking(fd, False)
        asyncio.get_running_loop().add_reader(fd, self._readable)

    @classmethod
    @contextlib.contextmanager
    def open(cls) -> Iterator[tuple[Self, int]]:
        """A terminal, and the program's side of it, which the caller's context closes."""
        ours, theirs = os.openpty()
        try:
            yield cls(ours), theirs
        finally:
            os.close(theirs)

    def write(self, data: bytes) -> None:
        """What the person types. A program that does not read loses what its terminal cannot hold."""
        if self._is_open:
            with contextlib.suppress(OSError):
                os.write(self._fd, data)

    def resize(self, columns: int, rows: int) -> None:
        if self._is_open:
            fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def output(self) -> AsyncIterator[bytes]:
        """What the program shows, until its last process has let go of the terminal."""
        while data := await self._output.get():
            yield data

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._output.put_nowait(b"")

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # EIO: no process has the other side open
        if not data:
            asyncio.get_running_loop().remove_reader(self._fd)
        self._output.put_nowait(data)
