"""The step that tries connections, with regions that answer as they are told: what is missing is told, never skipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from hybridspan.errors import PermanentFailure
from hybridspan.facts.cassandra import RingFacts
from hybridspan.plan.phases.reachability import Member, plan_reachability
from hybridspan.steps.reachability import ReachabilityStep
from tests.engine.conftest import TurnedClock
from tests.plan_cassandra.world import AFTER, ring, two_regions, world

WHOLE = ring(AFTER, "dc-1", "dc-2")


@dataclass
class Answering:
    """A region's Cassandra: its running pods, the ring's members, and addresses that nobody reaches."""

    running: Sequence[Member]
    closed: frozenset[str] = frozenset()

    async def pods(self) -> Sequence[Any]:
        return [Pod(m.pod, m.address) for m in self.running]

    async def members(self) -> RingFacts:
        return WHOLE

    async def unreachable_from(self, pod: str, addresses: Sequence[str], port: int) -> tuple[str, ...]:
        return tuple(address for address in addresses if address in self.closed)


@dataclass(frozen=True)
class Pod:
    name: str
    address: str


@dataclass
class Places:
    """What the step asks of an estate."""

    cassandras: Mapping[str, Answering]
    topology: Any = field(default_factory=two_regions)
    clock: TurnedClock = field(default_factory=TurnedClock)

    async def cassandra(self, region: Any) -> Answering:
        return self.cassandras[region.name]


def places(running: int = 3, closed: frozenset[str] = frozenset()) -> Places:
    def members(region: str, datacenter: str) -> list[Member]:
        return [Member(region, f"pod-{i}", n.address) for i, n in enumerate(WHOLE.of(datacenter))]

    central = members("centralus", "dc-2")[:running]
    return Places(
        {"eastus": Answering(members("eastus", "dc-1"), closed), "centralus": Answering(central, closed)}
    )


def step(estate: Places) -> ReachabilityStep:
    (planned,) = plan_reachability(estate.topology, world(estate.topology, WHOLE))
    return ReachabilityStep(planned, estate)  # type: ignore[arg-type]


def quiet(_text: str, _fraction: float | None, _details: Mapping[str, Any]) -> None:
    """Progress that nobody watches."""


async def test_all_nodes_that_reach_one_another_are_done() -> None:
    decision = await step(places()).check()
    assert decision.is_done
    assert "all 30 connections" in decision.reason


async def test_two_of_three_nodes_that_reach_one_another_are_not_done() -> None:
    with pytest.raises(PermanentFailure) as caught:
        await step(places(running=2)).act(quiet)
    assert (caught.value.code, caught.value.where) == ("HS-CASS-023", "centralus")
    assert "2 of 3 Cassandra nodes run in centralus" in caught.value.why


async def test_a_closed_connection_is_named_with_its_two_regions() -> None:
    away = WHOLE.of("dc-2")[0].address
    with pytest.raises(PermanentFailure) as caught:
        await step(places(closed=frozenset({away}))).act(quiet)
    assert caught.value.code == "HS-CASS-022"
    assert "centralus and eastus" in caught.value.where
