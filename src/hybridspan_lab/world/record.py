"""What a running lab writes down about itself, and how to tell from it whether it still runs."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from hybridspan_lab.arm.credentials import SUBSCRIPTION
from hybridspan_lab.helm.charts import REPOSITORY
from hybridspan_lab.network.mode import Mode
from hybridspan_lab.parts.cassandra import USUAL


@dataclass(frozen=True, slots=True)
class Record:
    """A lab's process and addresses."""

    pid: int
    """Of the outermost process, as the host sees it."""
    started: str
    """That process's start time in clock ticks since boot: tells it from a later one with the same pid."""
    namespace: str
    """The lab's pid namespace, such as `pid:[4026532567]`: every process of the lab is in it or below. Empty without one."""
    arm_port: int
    topology: str
    system_keyspaces: str
    since: float
    """Unix time in seconds."""
    network: Mode = "namespaces"
    registry_port: int = 0
    """Of the charts' registry; 0 where the lab has no charts."""
    cassandra: str = USUAL
    """The line of Cassandra's releases that its nodes run."""
    namespace_of_apigee: str = "apigee"
    """In the topology's first region."""
    subscription: str = SUBSCRIPTION
    """Of the topology's first region."""

    @property
    def arm(self) -> str:
        """URL of the Azure stand-in."""
        return f"https://localhost:{self.arm_port}"

    @property
    def registry(self) -> str:
        """Address of the charts' registry, empty where there is none."""
        return f"oci://{self.registry_host}/{REPOSITORY}" if self.registry_port else ""

    @property
    def registry_host(self) -> str:
        """Name and port, as a login is kept for."""
        return f"localhost:{self.registry_port}"

    @property
    def is_running(self) -> bool:
        """Whether that very process still exists."""
        return start_time(self.pid) == self.started

    def write(self, path: Path) -> None:
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self), indent=1))
        partial.replace(path)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The record, or None where no lab wrote one."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None


def start_time(pid: int) -> str:
    """Start of a process in clock ticks since boot, empty when there is none (a zombie counts as none)."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if after_name[0] in "ZX" else after_name[19]


def members(namespace: str) -> list[int]:
    """The processes, as seen from here, that are in that pid namespace."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            # A process may end while one looks, and another user's cannot be read.
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{entry}/ns/pid") == namespace and start_time(int(entry)):
                    found.append(int(entry))
    return found
