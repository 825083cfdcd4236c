"""One step a lane, and nobody waits for a lane that it does not need."""

from __future__ import annotations

import asyncio
from itertools import combinations

import pytest

from hybridspan.engine.lanes import Lanes


async def test_steps_that_share_a_lane_never_overlap() -> None:
    lanes, inside = Lanes(), set[str]()

    async def step(pair: tuple[str, str]) -> None:
        async with lanes.held(pair):
            assert not inside & set(pair)
            inside.update(pair)
            await asyncio.sleep(0)
            inside.difference_update(pair)

    async with asyncio.TaskGroup() as group:
        for pair in combinations("abcdefgh", 2):
            group.create_task(step(pair))


async def test_a_busy_lane_stops_only_those_that_need_it() -> None:
    lanes, done = Lanes(), asyncio.Event()

    async def both() -> None:
        async with lanes.held(["a", "b"]):
            done.set()

    async with lanes.held(["a"]):
        waiting = asyncio.create_task(both())
        await asyncio.sleep(0)
        async with asyncio.timeout(60), lanes.held(["b"]):
            assert not done.is_set()
    await waiting
    assert done.is_set()


@pytest.mark.parametrize("its_turn_has_come", [False, True])
async def test_who_gives_up_waiting_holds_nothing(its_turn_has_come: bool) -> None:
    lanes = Lanes()
    async with lanes.held(["a"]):
        waiting = asyncio.create_task(_hold(lanes))
        await asyncio.sleep(0)
        if not its_turn_has_come:
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
    # Given the lane as the block ended, it has not run since.
    waiting.cancel()
    async with asyncio.timeout(60), lanes.held(["a"]):
        pass
    assert waiting.cancelled()


async def _hold(lanes: Lanes) -> None:
    async with lanes.held(["a"]):
        await asyncio.Event().wait()
