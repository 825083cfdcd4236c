"""Requests keep to what Azure allows, and to what it says is left."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hybridspan.azure.gateway import AzureGateway
from hybridspan.azure.pace import Pace, kind_of
from tests.azure.conftest import StandIn
from tests.azure.regions import EAST, SUBSCRIPTION


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_full_bucket_lets_everybody_pass_and_an_empty_one_by_the_second() -> None:
    pace = Pace(Time())
    assert {pace.turn("writes") for _ in range(200)} == {0.0}
    assert [pace.turn("writes") for _ in range(3)] == pytest.approx([0.1, 0.2, 0.3])
    assert pace.turn("reads") == 0.0


def test_a_bucket_fills_up_again_but_not_further_than_its_size() -> None:
    time = Time()
    pace = Pace(time)
    for _ in range(250):
        pace.turn("reads")
    time.now = 1.0
    assert [pace.turn("reads") for _ in range(25)] == [0.0] * 25
    assert pace.turn("reads") == pytest.approx(0.04)
    time.now = 1000.0
    assert sum(pace.turn("reads") > 0 for _ in range(251)) == 1


def test_what_azure_says_is_left_counts_where_it_is_less() -> None:
    pace = Pace(Time())
    pace.learn("writes", {"x-ms-ratelimit-remaining-subscription-writes": "0"})
    assert pace.turn("writes") == pytest.approx(0.1)
    pace.learn("writes", {"x-ms-ratelimit-remaining-subscription-writes": "199"})
    assert pace.turn("writes") == pytest.approx(0.2)


def test_each_method_has_its_bucket() -> None:
    assert [kind_of(m) for m in ("GET", "HEAD", "PUT", "POST", "DELETE")] == [
        "reads",
        "reads",
        "writes",
        "writes",
        "deletes",
    ]


async def test_a_request_that_is_given_up_before_its_turn_is_never_sent(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    clients = gateway._clients_of(SUBSCRIPTION)
    await asyncio.to_thread(lambda: clients.resources)
    pace, begun = clients._pace, threading.Event()
    pace.turn = lambda _: begun.set() or 30.0  # type: ignore[method-assign]
    waiting = asyncio.create_task(gateway.group_exists(EAST))
    assert await asyncio.to_thread(begun.wait, 60)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(60):
        await asyncio.to_thread(gateway._calls._threads.shutdown, wait=True)
    assert [path for path in stand_in.requests("GET") if "resourcegroups" in path] == []
