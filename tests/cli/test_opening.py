"""A look at the world while something restarts: asked again, but not for ever."""

from __future__ import annotations

import pytest

from hybridspan.cli import opening
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.observation import gather as gathering
from tests.engine.conftest import TurnedClock

RESTARTING = TemporaryFailure("HS-KUBE-008", "the container cannot run a command now", where="centralus")


class Estate:
    def __init__(self) -> None:
        self.clock = TurnedClock()


def gathering_that_fails(monkeypatch: pytest.MonkeyPatch, times: int, error: Exception) -> list[int]:
    looks: list[int] = []

    async def gather(estate, *, preflight=False):
        looks.append(1)
        if len(looks) <= times:
            raise ExceptionGroup("regions", [error])
        return "facts"

    monkeypatch.setattr(gathering, "gather", gather)
    return looks


async def test_what_restarts_is_asked_again_and_the_person_is_told(monkeypatch, capsys) -> None:
    looks = gathering_that_fails(monkeypatch, 3, RESTARTING)
    assert await opening.looked(Estate()) == "facts"
    assert len(looks) == 4
    assert "the container cannot run a command now [centralus]: asked again in" in capsys.readouterr().err


async def test_what_does_not_come_back_is_a_failure_with_the_same_words(monkeypatch) -> None:
    gathering_that_fails(monkeypatch, 10**6, RESTARTING)
    with pytest.raises(PermanentFailure, match="cannot run a command now"):
        await opening.looked(Estate())


async def test_what_will_not_pass_is_not_asked_twice(monkeypatch) -> None:
    looks = gathering_that_fails(monkeypatch, 1, PermanentFailure("HS-X-001", "no"))
    with pytest.raises(PermanentFailure):
        await opening.looked(Estate())
    assert len(looks) == 1
