"""Whoever watches goes on watching when a look fails."""

from __future__ import annotations

import pytest

from hybridspan.cli.status import going_on
from hybridspan.errors import TemporaryFailure

DEAD = TemporaryFailure("HS-AZURE-008", "Azure does not answer", hint="wait")


@pytest.mark.parametrize("error", [DEAD, ExceptionGroup("regions", [DEAD])])
def test_a_look_that_failed_is_told(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    with going_on():
        raise error
    said = capsys.readouterr().err
    assert "HS-AZURE-008" in said
    assert "wait" in said


def test_a_defect_is_not_watched_over() -> None:
    with pytest.raises(ZeroDivisionError), going_on():
        raise ZeroDivisionError


def test_ctrl_c_ends_it() -> None:
    with pytest.raises(KeyboardInterrupt), going_on():
        raise KeyboardInterrupt
