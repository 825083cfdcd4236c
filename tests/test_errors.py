"""Which of several failures a person is told first."""

from __future__ import annotations

from hybridspan.errors import PermanentFailure, TemporaryFailure, first_failure

TEMPORARY = TemporaryFailure("HS-X-001", "busy")
PERMANENT = PermanentFailure("HS-X-002", "no")


def test_what_will_not_pass_is_told_before_what_may() -> None:
    group = BaseExceptionGroup("tasks", [ValueError("x"), TEMPORARY, ExceptionGroup("more", [PERMANENT])])
    assert first_failure(group) is PERMANENT


def test_words_are_told_before_a_defect() -> None:
    assert first_failure(ExceptionGroup("tasks", [ValueError("x"), TEMPORARY])) is TEMPORARY


def test_a_single_failure_is_itself() -> None:
    assert first_failure(TEMPORARY) is TEMPORARY
