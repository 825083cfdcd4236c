"""Every code that the product can raise is documented, and nothing else is."""

from __future__ import annotations

import re
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
