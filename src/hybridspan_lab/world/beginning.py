"""One `up` at a time for a home: the lock that is held while a lab is being started there."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hybridspan.errors import InputError
from hybridspan_lab.parts import cache


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Holds the home's lock, which is in the cache, since the home comes and goes; the file goes with its holder.

    Raises InputError HS-LAB-026 where somebody else holds it.
    """
    path = _path(home)
    # Asked before anything was ever fetched, too.
    path.parent.mkdir(parents=True, exist_ok=True)
    with _held(path, home):
        try:
            yield
        finally:
            # Before the lock is given back: whoever opened this file already sees that its name is gone.
            path.unlink(missing_ok=True)


def _path(home: Path) -> Path:
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return cache.folder() / f"lab-{name}.lock"


def _held(path: Path, home: Path) -> IO[str]:
    """The file, locked, and still the one of that name: its last holder removes it."""
    while True:
        lock = path.open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_named(lock, path):
                return lock
        except BlockingIOError as error:
            lock.close()
            raise InputError(
                "HS-LAB-026",
                "a lab is being started there",
                where=str(home),
                hint="wait until it is up, or give this one a home of its own with HYBRIDSPAN_LAB_HOME",
            ) from error
        lock.close()


def _is_named(lock: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock.fileno()), path.stat())
    except FileNotFoundError:
        return False
