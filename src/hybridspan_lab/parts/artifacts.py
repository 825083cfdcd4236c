"""The lock files: which Maven artifacts the lab uses, each pinned by its SHA-256 and its size.

One artifact a line: `group:artifact:version sha256 bytes`. Where they come from is not said here: jgo knows the
public repository, and HYBRIDSPAN_MAVEN_REPOSITORY names another.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Artifact:
    """One jar, as a lock file pins it."""

    group: str
    name: str
    version: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        return f"{self.name}-{self.version}.jar"

    @property
    def path(self) -> str:
        """Where a Maven repository keeps it, relative to the repository's URL."""
        return f"{self.group.replace('.', '/')}/{self.name}/{self.version}/{self.file_name}"

    def is_whole(self, file: Path) -> bool:
        """Whether the file has this artifact's bytes; reads all of it."""
        if not file.is_file() or file.stat().st_size != self.size:
            return False
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == self.sha256


def read_lock(name: str) -> tuple[Artifact, ...]:
    """The artifacts of a lock file of this package, such as `cassandra-4.0.18.lock`."""
    text = (resources.files(__package__) / name).read_text()
    return tuple(_artifact(line) for line in text.splitlines() if line and not line.startswith("#"))


def _artifact(line: str) -> Artifact:
    coordinates, sha256, size = line.split()
    group, name, version = coordinates.split(":")
    return Artifact(group, name, version, sha256, int(size))
