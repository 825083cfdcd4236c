"""What docs/helm.md says of how each failure was seen is so: the code stands in a test of that kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "helm.md"
CONTROL_PLANE = (*(TESTS / "lab_helm").glob("*.py"), TESTS / "kubernetes" / "test_real_helm.py")
REHEARSALS = tuple((TESTS / "rehearsal").glob("test_5*_helm*.py"))


def texts() -> dict[str, str]:
    """By kind of test, everything that its files say."""
    others = {*TESTS.rglob("*.py")} - {*CONTROL_PLANE, *(TESTS / "rehearsal").glob("*.py"), Path(__file__)}
    kinds = {"rehearsal": REHEARSALS, "control plane": CONTROL_PLANE, "unit test": sorted(others)}
    return {kind: "\n".join(path.read_text() for path in paths) for kind, paths in kinds.items()}


def claims() -> Iterator[tuple[str, str]]:
    """Each code of the table with the kind of test that is said to have seen it."""
    for row in re.findall(r"^\| (?!what happened)(.+) \|$", PAGE.read_text(), re.MULTILINE):
        *_, said, seen = row.split(" | ")
        general = re.match(r"[a-z ]+(?=;|$)", seen)
        special = dict(re.findall(r"(\d{3}): ([a-z ]+)", seen))
        for code in re.findall(r"\*\*(?:HS-APIGEE-)?(\d{3})\*\*", said):
            yield f"HS-APIGEE-{code}", special.get(code) or (general[0] if general else "nothing")


def test_each_code_was_seen_where_the_page_says_so() -> None:
    found, seen = list(claims()), texts()
    assert len(found) > 12
    assert [(code, kind) for code, kind in found if code not in seen.get(kind, "")] == []


def test_what_only_unit_tests_know_is_not_said_by_a_running_part() -> None:
    """Once it is, the page may say more."""
    seen = texts()
    running = seen["rehearsal"] + seen["control plane"]
    assert [code for code, kind in claims() if kind == "unit test" and code in running] == []
