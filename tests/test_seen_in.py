"""What docs/helm.md says of how each failure was seen is so: the code and the words stand in a test of that kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.failure_table import CODE, as_written, quotations, rows

TESTS = Path(__file__).parent
CONTROL_PLANE = (*(TESTS / "lab_helm").glob("*.py"), TESTS / "kubernetes" / "test_real_helm.py")
REHEARSALS = tuple((TESTS / "rehearsal").glob("test_5*_helm*.py"))
CHECKED = re.compile(r'as_written\(\s*"([^"]+)",\s*(\d)')


def texts() -> dict[str, str]:
    """By kind of test, everything that its files say."""
    others = {*TESTS.rglob("*.py")} - {*CONTROL_PLANE, *(TESTS / "rehearsal").glob("*.py"), Path(__file__)}
    kinds = {"rehearsal": REHEARSALS, "control plane": CONTROL_PLANE, "unit test": sorted(others)}
    return {kind: "\n".join(path.read_text() for path in paths) for kind, paths in kinds.items()}


def claims() -> Iterator[tuple[str, str]]:
    """Each code of the table with the kind of test that is said to have seen it."""
    for _, said, seen in rows():
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


def test_each_quotation_of_the_page_is_held_against_what_a_rehearsal_really_says() -> None:
    """A rehearsal fails when the product says it otherwise, this test when the page quotes what no rehearsal looks at."""
    checked = set(CHECKED.findall(texts()["rehearsal"]))
    quoted = {
        (CODE.sub("", happened).strip(), str(number))
        for happened, said, _ in rows()
        for number, _ in enumerate(quotations(said), 1)
    }
    assert len(quoted) > 8
    left = {q for q in quoted if not any(q[0].startswith(c[0]) and q[1] == c[1] for c in checked)}
    assert left == set()


def test_words_that_differ_from_the_page_are_told_apart() -> None:
    (first,) = (said for happened, said, _ in rows() if "has no endpoints" in happened)
    words = quotations(first)[0]
    assert as_written("the webhook has no endpoints", 1, f"needed: {words} (operator)")
    assert not as_written("the webhook has no endpoints", 1, words.replace("scaled", "reduced"))
