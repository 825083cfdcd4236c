"""Processes that carry a mark in their environment: how the fall-back finds what belongs together without namespaces."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

WORLD_VARIABLE: Final = "HYBRIDSPAN_LAB_WORLD"
"""The home of the lab that a process belongs to."""


def marked(name: str, value: str) -> list[int]:
    """The processes that began with this variable."""
    wanted = os.fsencode(f"{name}={value}")
    return [pid for pid, variables in environments() if wanted in variables]


def environments() -> Iterator[tuple[int, list[bytes]]]:
    """Every process that can be read, this one left out, with the variables that it began with."""
    own = os.getpid()
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != own:
            # A process may end while one looks, and another user's cannot be read.
            with contextlib.suppress(OSError):
                yield int(entry), Path(f"/proc/{entry}/environ").read_bytes().split(b"\0")


def end_marked(name: str, value: str) -> None:
    """Kills them, and what they started meanwhile."""
    while found := marked(name, value):
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if all(is_ending(pid) for pid in found):
            return


def is_ending(pid: int) -> bool:
    """Whether a process that was killed needs nothing more than to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True
