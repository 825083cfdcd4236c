"""The page about the rooms says what is built, and what the contracts check."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def rows(heading: str) -> str:
    """The first column of a section's table."""
    section = PAGE.partition(heading)[2].partition("\n## ")[0]
    return "\n".join(line.split("|")[1] for line in section.splitlines() if line.startswith("|"))


def packages(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob("*/__init__.py")}


def test_the_layers_of_the_page_are_those_that_are_checked() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    checked = contracts["importlinter:contract:layers"]["layers"].split("\n")[1:]
    told = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)[0].splitlines()
    assert told == checked


def test_every_room_of_the_product_has_a_row() -> None:
    told = rows("# The rooms of the code")
    assert {name for name in packages(ROOT / "src/hybridspan") if f"`{name}/`" not in told} == set()


def test_every_room_of_the_lab_has_a_row() -> None:
    told = rows("## The lab's rooms")
    assert {name for name in packages(ROOT / "src/hybridspan_lab") if f"`{name}/`" not in told} == set()
