"""A problem of the person's files, with the place where it stands and the way out of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hybridspan.errors import InputError

ProblemSeverity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or unwise, in a file that the person wrote.

    `line` counts from 1; 0 means that the file as a whole is meant. `path` names the key, such as
    `spec.regions[1].network.subnet.prefix`.
    """

    code: str
    severity: ProblemSeverity
    file: Path
    line: int
    path: str
    message: str
    why: str = ""
    remedy: str = ""

    @property
    def place(self) -> str:
        """`file:line` in the form that editors and terminals make clickable."""
        return f"{self.file}:{self.line}" if self.line else str(self.file)

    @property
    def is_error(self) -> bool:
        return self.severity == "error"

    def to_document(self) -> dict[str, str | int]:
        """The problem as `validate --json` prints it."""
        return {
            "code": self.code,
            "severity": self.severity,
            "file": str(self.file),
            "line": self.line,
            "path": self.path,
            "message": self.message,
            "why": self.why,
            "remedy": self.remedy,
        }


def in_file_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sorted by file, line and code, each once."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: (str(p.file), p.line, p.code, p.message)))


class TopologyError(InputError):
    """A file that cannot be read as a topology; `problems` has every reason at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_file_order(problems)
        first = self.problems[0]
        count = len(self.problems)
        others = "" if count == 1 else f" ({count} problems)"
        super().__init__(
            first.code,
            f"the topology file cannot be used{others}",
            where=first.place,
            why="\n".join(f"{p.place}: {p.message}" for p in self.problems),
            hint=first.remedy
            if first.remedy and count == 1
            else "correct the lines named above; `hybridspan validate` has the remedy of each",
        )
