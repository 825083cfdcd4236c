"""Nodes that do not have one schema are looked at again for a while before a plan is refused for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hybridspan.cassandra.agreement import SETTLING_SECONDS, settled
from hybridspan.facts.cassandra import RingFacts
from tests.plan_cassandra.world import AFTER, ring

AGREED = ring(AFTER, "dc-1", "dc-2")
APART = replace(AGREED, schema_versions={"a": ("x",), "b": ("y",)})
DOWN = replace(AGREED, schema_versions={"a": ("x",), "UNREACHABLE": ("y",), "UNKNOWN": ("z",)})


class Region:
    """Answers one look after the other, the last one for ever; and is its own clock."""

    def __init__(self, *looks: RingFacts) -> None:
        self.looks, self.asked, self.time = list(looks), 0, 0.0

    async def ring_facts(self) -> RingFacts:
        self.asked += 1
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


async def after(seen: RingFacts, *looks: RingFacts) -> tuple[RingFacts, Region]:
    region: Any = Region(*looks)
    return await settled(region, seen, region), region


async def test_a_node_that_has_just_joined_is_given_time_to_fetch_the_schema() -> None:
    found, region = await after(APART, APART, APART, AGREED)
    assert (found, region.asked) == (AGREED, 3)


async def test_nodes_that_stay_apart_are_told_after_a_while() -> None:
    found, region = await after(APART, APART)
    assert found == APART
    assert region.time == pytest.approx(SETTLING_SECONDS, abs=1)


@pytest.mark.parametrize("seen", [AGREED, DOWN])
async def test_nobody_waits_for_a_ring_that_agrees_or_for_a_node_that_is_down(seen: RingFacts) -> None:
    found, region = await after(seen, APART)
    assert (found, region.asked) == (seen, 0)
