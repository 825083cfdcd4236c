"""What the product asks of a place that keeps the record; SQLite beside the topology is the one implementation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Run:
    """One call of a command that may change something; `ended` is None while it runs or when it was killed."""

    id: int
    kind: str
    topology_digest: str
    started: float
    ended: float | None
    outcome: str
    message: str
    host: str
    pid: int
    version: str


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the record; `at` is Unix time in seconds."""

    run: int
    sequence: int
    at: float
    kind: str
    step: str
    document: Mapping[str, Any]


class Journal(Protocol):
    """The record of runs and of what cannot be observed. It records; it never decides what is done."""

    def begin(self, kind: str, topology_digest: str) -> int: ...

    def append(self, run: int, kind: str, step: str, document: Mapping[str, Any]) -> None: ...

    def finish(self, run: int, outcome: str, message: str) -> None: ...

    def runs(self) -> list[Run]: ...

    def events(self, run: int | None = None, kind: str | None = None) -> Iterator[Event]: ...

    def decide(self, key: str, value: Any) -> None: ...

    def decided(self, key: str) -> Any | None: ...

    def close(self) -> None: ...
