"""What the containers of a cluster use: processor time and memory of their own processes, measured when somebody asks.

A container is a pid namespace, so its processes are found by that, those that `exec` started among them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hybridspan_lab.kubelet.pod import Pod

TICKS: Final = os.sysconf("SC_CLK_TCK")
SHORTEST: Final = 1.0
LONGEST: Final = 60.0
"""Seconds between the two measurements of a rate: an older one is of no use to whoever asks now."""
Name = tuple[str, str]
"""Pod's uid and container."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Processors (1.0 is a whole one) and bytes, shared pages counted once."""

    cpu: float
    memory: int


@dataclass(frozen=True, slots=True)
class Measured:
    """Processor seconds by process, and memory, of each container at one moment."""

    moment: float = 0.0
    seconds: Mapping[Name, Mapping[int, float]] = field(default_factory=dict)
    memory: Mapping[Name, int] = field(default_factory=dict)


class Meter:
    """Measures the pods of one kubelet."""

    def __init__(self, pods: Mapping[str, Pod]) -> None:
        self._pods = pods
        self._last = Measured()
        self._told: dict[Name, Usage] = {}
        self._measuring = asyncio.Lock()

    async def usage(self) -> Mapping[Name, Usage]:
        """Of every running container; takes a second when nobody has asked for a while."""
        async with self._measuring:
            age = time.monotonic() - self._last.moment
            if age > LONGEST:
                self._last = await self._measure()
                await asyncio.sleep(SHORTEST)
            elif age < SHORTEST:
                return self._told
            now = await self._measure()
            self._told = {name: used(name, self._last, now) for name in now.memory}
            self._last = now
            return self._told

    async def _measure(self) -> Measured:
        first = {
            (uid, container.name): container.process.pid
            for uid, pod in self._pods.items()
            for container in (*pod.containers, *pod.ephemerals.containers)
            if container.process is not None and container.is_running
        }
        return await asyncio.to_thread(measured, first)


def measured(first: Mapping[Name, int]) -> Measured:
    """By each container's first process."""
    groups = by_namespace()
    members = {name: groups.get(namespace_of(pid), []) for name, pid in first.items()}
    return Measured(
        time.monotonic(),
        {name: {pid: processor_seconds(pid) for pid in pids} for name, pids in members.items()},
        {name: sum(map(proportional_memory, pids)) for name, pids in members.items()},
    )


def used(name: Name, before: Measured, now: Measured) -> Usage:
    """The rate between two measurements; a process that is new has used all its time since."""
    old = before.seconds.get(name, {})
    spent = sum(seconds - old.get(pid, 0.0) for pid, seconds in now.seconds[name].items())
    return Usage(max(spent, 0.0) / (now.moment - before.moment), now.memory[name])


def in_all(usages: Iterable[Usage]) -> Usage:
    several = list(usages)
    return Usage(sum(one.cpu for one in several), sum(one.memory for one in several))


def by_namespace() -> Mapping[int, list[int]]:
    """Processes by their pid namespace."""
    found: dict[int, list[int]] = defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            found[namespace_of(int(entry))].append(int(entry))
    return found


def namespace_of(pid: int) -> int:
    """0 for a process that has just ended."""
    with contextlib.suppress(OSError):
        return os.stat(f"/proc/{pid}/ns/pid").st_ino
    return 0


def processor_seconds(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    return 0.0


def proportional_memory(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
