"""What docs/helm.md says that hybridspan says: rehearsals hold each quotation of its table against what was really said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "helm.md"
CODE = re.compile(r"`[^`]*`")


def rows() -> Iterator[tuple[str, str, str]]:
    """What happened, what hybridspan says, seen in."""
    for row in re.findall(r"^\| (?!what happened|step |---)(.+) \|$", PAGE.read_text(), re.MULTILINE):
        if len(cells := row.split(" | ")) == 3 and "seen in" in heading_of(row):
            yield cells[0], cells[1], cells[2]


def heading_of(row: str) -> str:
    """The heading of the table that the row stands in."""
    before = PAGE.read_text().partition(row)[0]
    return re.findall(r"^\| .+ \|\n\|---.+$", before, re.MULTILINE)[-1]


def quotations(said: str) -> list[str]:
    """What stands in quotation marks; code spans hold marks of their own."""
    return re.findall(r'"([^"]+)"', CODE.sub("", said))


def as_written(happened: str, number: int, told: str) -> bool:
    """Whether `told` holds the numbered quotation of the row that begins so; `…` stands for what differs each time."""
    (said,) = (said for begins, said, _ in rows() if CODE.sub("", begins).strip().startswith(happened))
    parts = [re.escape(part) for part in quotations(said)[number - 1].split("…")]
    return re.search(".*".join(parts), " ".join(told.split()), re.DOTALL) is not None
