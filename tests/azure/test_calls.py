"""How patient we are with Azure, on a clock that is turned."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hybridspan.azure.calls import ArmCalls
from hybridspan.errors import TemporaryFailure
from tests.engine.conftest import TurnedClock

HOUR = 3600.0


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def calls(clock: TurnedClock) -> Iterator[ArmCalls]:
    opened = ArmCalls(lambda *_: None, clock)
    yield opened
    opened.close()


class Creation:
    """Tries that take so long each and fail, then one that does not."""

    def __init__(self, clock: TurnedClock, *seconds: float) -> None:
        self._clock = clock
        self._seconds = list(seconds)
        self.tries = 0

    async def __call__(self) -> str:
        self.tries += 1
        if not self._seconds:
            return "Succeeded"
        await self._clock.sleep(self._seconds.pop(0))
        raise TemporaryFailure("HS-AZURE-007", "Azure failed to answer")


async def test_a_creation_that_fails_after_an_hour_is_tried_again(
    calls: ArmCalls, clock: TurnedClock
) -> None:
    creation = Creation(clock, HOUR, *[0.0] * 5)
    assert await calls.persist(creation) == "Succeeded"
    assert creation.tries == 7


async def test_what_fails_all_the_time_is_tried_for_four_minutes_and_told_so(
    calls: ArmCalls, clock: TurnedClock
) -> None:
    with pytest.raises(TemporaryFailure) as caught:
        await calls.persist(Creation(clock, *[0.0] * 999))
    assert (caught.value.tries, caught.value.waited) == (28, 235.5)


async def test_a_creation_that_fails_each_time_after_an_hour_is_tried_three_times(
    calls: ArmCalls, clock: TurnedClock
) -> None:
    creation = Creation(clock, *[HOUR] * 9)
    with pytest.raises(TemporaryFailure) as caught:
        await calls.persist(creation)
    assert creation.tries == 3
    assert caught.value.waited > 2 * HOUR, "so that the engine does not try it three times more"


async def test_a_read_that_hangs_is_no_work(calls: ArmCalls, clock: TurnedClock) -> None:
    read = Creation(clock, *[105.0] * 9)
    with pytest.raises(TemporaryFailure):
        await calls.persist(read, patience=60.0, long_tries=1)
    assert read.tries == 1
