"""Every code that the product can raise is documented, and nothing else is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CODE = re.compile(r"HS-[A-Z]+-\d{3}")


def in_code() -> set[str]:
    texts = (path.read_text() for path in (ROOT / "src").rglob("*.py"))
    return {code for text in texts for code in CODE.findall(text)}


def in_docs() -> list[str]:
    pages = sorted((ROOT / "docs" / "errors").glob("*.md"))
    return [
        code
        for page in pages
        for code in re.findall(rf"^## ({CODE.pattern})", page.read_text(), re.MULTILINE)
    ]


def test_every_code_is_documented() -> None:
    assert sorted(in_code() - set(in_docs())) == []


def test_no_documented_code_is_unused() -> None:
    assert sorted(set(in_docs()) - in_code()) == []


def test_each_code_is_documented_once() -> None:
    documented = in_docs()
    assert sorted(code for code in set(documented) if documented.count(code) > 1) == []


FAMILIES = ("PermanentFailure", "TemporaryFailure", "InputError", "LockHeld", "PlanStale")


def raised() -> Iterator[tuple[str, set[str | None]]]:
    """Each failure that the product makes, with the names of its parts."""
    for path in (ROOT / "src" / "hybridspan").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FAMILIES:
                yield f"{path.name}:{node.lineno}", {keyword.arg for keyword in node.keywords}


def test_every_failure_of_the_product_says_what_a_person_does_next() -> None:
    made = list(raised())
    assert len(made) > 100
    assert [where for where, parts in made if "hint" not in parts and None not in parts] == []
