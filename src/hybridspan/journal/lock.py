"""One writer at a time for a topology: an advisory lock on a file, released by the kernel however its holder ends."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hybridspan.errors import LockHeld


@contextmanager
def exclusive(path: Path, purpose: str) -> Iterator[None]:
    """Hold the lock of a topology; raises LockHeld with who holds it, since when and for what."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, path)
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": int(time.time()),
            "purpose": purpose,
        }
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LockHeld(
            "HS-JOURNAL-003",
            "another run holds the lock of this topology",
            where=str(path),
            why=_describe(os.pread(descriptor, 4096, 0)),
            hint="wait for it, or end it; what it has done is seen by the next run",
        ) from error


def _describe(content: bytes) -> str:
    try:
        holder = json.loads(content)
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(holder["since"]))
        return f"{holder['purpose']} by process {holder['pid']} on {holder['host']} since {since}"
    except (ValueError, KeyError, TypeError):
        return "its holder has not said who it is"
