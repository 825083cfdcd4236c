"""Patience is for failures: however long the work before them took, they are met with further tries."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hybridspan.engine.retry import persist
from hybridspan.errors import PermanentFailure, TemporaryFailure

from .conftest import TurnedClock

HOUR = 3600.0
PATIENCE = 150.0


class Work:
    """A call whose tries take so long each, and fail all but for those that take no time at all."""

    def __init__(self, clock: TurnedClock, *seconds: float, tells: Sequence[float] = ()) -> None:
        self._clock = clock
        self._seconds = list(seconds)
        self._tells = list(tells)
        self.reached = 0.0
        self.tries = 0

    async def __call__(self) -> str:
        self.tries += 1
        if not self._seconds:
            return "done"
        await self._clock.sleep(self._seconds.pop(0))
        self.reached = self._tells.pop(0) if self._tells else self.reached
        raise TemporaryFailure("HS-X-2", "busy")


async def persisted(clock: TurnedClock, work: Work) -> str:
    return await persist(
        work, clock=clock, patience=PATIENCE, on_retry=lambda *_: None, reached=lambda: work.reached
    )


async def test_work_of_hours_that_fails_once_is_tried_again(clock: TurnedClock) -> None:
    work = Work(clock, 2 * HOUR)
    assert await persisted(clock, work) == "done"
    assert work.tries == 2


async def test_patience_counts_from_the_first_failure_of_a_row(clock: TurnedClock) -> None:
    work = Work(clock, 2 * HOUR, *[0.0] * 99)
    with pytest.raises(PermanentFailure) as caught:
        await persisted(clock, work)
    assert caught.value.why == "tried 14 times in 7336 s without success"
    assert work.tries == 14


async def test_long_work_after_a_row_of_failures_begins_a_new_one(clock: TurnedClock) -> None:
    assert await persisted(clock, Work(clock, *[0.0] * 10, HOUR, *[0.0] * 10)) == "done"


async def test_what_fails_anew_after_each_long_work_is_tried_three_times(clock: TurnedClock) -> None:
    work = Work(clock, *[HOUR] * 99)
    with pytest.raises(PermanentFailure, match="busy") as caught:
        await persisted(clock, work)
    assert caught.value.why == "tried 3 times in 10801 s without success"


async def test_tries_that_bring_the_work_further_are_as_many_as_it_takes(clock: TurnedClock) -> None:
    steps = [number / 10 for number in range(1, 10)]
    assert await persisted(clock, Work(clock, *[HOUR] * 9, tells=steps)) == "done"


async def test_short_tries_that_bring_the_work_further_begin_the_row_anew(clock: TurnedClock) -> None:
    steps = [number / 10 for number in range(1, 10)]
    assert await persisted(clock, Work(clock, *[60.0] * 9, tells=steps)) == "done"


async def test_what_creeps_forward_comes_to_its_end(clock: TurnedClock) -> None:
    work = Work(clock, *[HOUR] * 9999, tells=[number / 9999 for number in range(9999)])
    with pytest.raises(PermanentFailure):
        await persisted(clock, work)
    assert work.tries <= 3 * 100


async def test_a_try_that_only_waited_is_no_work(clock: TurnedClock) -> None:
    """Azure's adapter is patient itself; the engine does not begin anew what was tried in vain all the time."""

    async def call() -> None:
        await clock.sleep(236)
        failure = TemporaryFailure("HS-X-2", "busy")
        failure.tries, failure.waited = 27, 236.0
        raise failure

    with pytest.raises(PermanentFailure) as caught:
        await persist(call, clock=clock, patience=PATIENCE, on_retry=lambda *_: None)
    assert caught.value.why == "tried 27 times in 236 s without success"
