"""The Cassandra releases that the lab can run, each with its jars pinned by a lock file.

4.0 is the usual one: it can compare replicas. 3.11 is what every release of apigeectl ships; it was written for Java 8 and runs on
Java 11 all the same, but for what frees memory maps early: it says so once in its log, and leaves that to the garbage collector.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

VARIABLE: Final = "HYBRIDSPAN_LAB_CASSANDRA"
"""Tells all processes of a lab which line its nodes run."""


@dataclass(frozen=True, slots=True)
class CassandraRelease:
    """One release, in its line."""

    line: str
    version: str

    @property
    def lock(self) -> str:
        return f"cassandra-{self.version}.lock"

    @property
    def part(self) -> str:
        """Its folder in the cache."""
        return f"cassandra-{self.version}"

    @property
    def is_before_4(self) -> bool:
        return self.line.startswith("3.")


RELEASES: Final = {
    line: CassandraRelease(line, version) for line, version in (("4.0", "4.0.18"), ("3.11", "3.11.17"))
}
USUAL: Final = "4.0"


def wanted() -> CassandraRelease:
    """The one that this lab runs; KeyError for a line that the lab does not have."""
    return RELEASES[os.environ.get(VARIABLE) or USUAL]
