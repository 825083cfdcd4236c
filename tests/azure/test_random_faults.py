"""Faults at random, seeded: a run that meets only what passes ends applied by itself; one that meets what lasts stops with
that cause's name, and again as long as it is there; once it is gone, the run ends applied.

Three regions, two resource groups, two subscriptions. CI runs the first seeds; `just rehearse` runs two hundred.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hybridspan.engine.outcomes import RunOutcome
from hybridspan.errors import PermanentFailure
from hybridspan.observation.estate import Estate
from hybridspan.topology.model import Topology
from hybridspan_lab.arm.faults import REFUSALS
from tests.azure.clocks import Hurried
from tests.azure.conftest import StandIn
from tests.azure.regions import CENTRAL, EAST, SECOND_SUBSCRIPTION, Recorded, make_region, make_topology
from tests.azure.runs import at, closed, opened, planned, run

IN_CI, ALL = 4, 200
SEEDS = [*range(IN_CI), *(pytest.param(n, marks=pytest.mark.long) for n in range(IN_CI, ALL))]
WEST = make_region("westus2", "10.90.0.0/24", 3, group="west-rg", subscription=SECOND_SUBSCRIPTION)
PASSING = (
    "429",
    "500",
    "503",
    "409",
    "not-provisioned",
    "retryable",
    "busy",
    "slow",
    "reset",
    "lost-answer",
    "fails-at-end",
)
LASTING = {"forbidden": "HS-AZURE-002", "quota": "HS-AZURE-012"}
"""And what a run calls them."""
FOR_EVER = 10**6
TYPES = (
    "*",
    "microsoft.resources/resourcegroups",
    "microsoft.network/virtualnetworks",
    "microsoft.network/virtualnetworks/virtualnetworkpeerings",
    "microsoft.network/networksecuritygroups/securityrules",
    "microsoft.containerservice/managedclusters",
)


@pytest.fixture
def topology(stand_in: StandIn, tmp_path: Path) -> Topology:
    return at(stand_in, tmp_path, make_topology(EAST, CENTRAL, WEST))


@pytest.fixture
async def estate(topology: Topology, records: Recorded) -> AsyncIterator[Estate]:
    async with opened(topology, records, Hurried()) as estate:
        yield estate


def set_faults(stand_in: StandIn, chance: random.Random) -> None:
    """Some that pass, and sometimes one that lasts: it strikes until it is taken away."""
    for _ in range(chance.randint(2, 6)):
        kind = chance.choice(PASSING if chance.random() < 0.9 else tuple(LASTING))
        stand_in.fault(
            kind,
            method="PUT" if kind in LASTING else chance.choice(("PUT", "PUT", "GET")),
            type=chance.choice(TYPES),
            nth=chance.randint(1, 8),
            times=FOR_EVER if kind in LASTING else chance.randint(1, 2),
            seconds=chance.choice((0.05, 0.2)),
        )


def lasting(stand_in: StandIn, mark: int) -> set[str]:
    """Our codes for the lasting refusals since then; the one of a cluster's role is done without, and told."""
    refused = [
        e["code"]
        for e in stand_in.entries()[mark:]
        if e["method"] == "PUT" and "/roleassignments/" not in e["path"].lower()
    ]
    return {ours for kind, ours in LASTING.items() if REFUSALS[kind][1] in refused}


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_run_ends_applied_or_with_a_name(
    estate: Estate, stand_in: StandIn, records: Recorded, seed: int
) -> None:
    if seed % 3 == 0:
        await closed(estate)
    set_faults(stand_in, random.Random(seed))
    first, causes = await run_and_causes(estate, stand_in)
    if causes:
        again, still = await run_and_causes(estate, stand_in)
        assert not again.is_complete
        assert still == causes
    assert first.is_complete == (not causes)
    stand_in.arm.clear_faults()
    last = await run(estate)
    assert [s.reason for s in last.failures] == []
    assert last.is_complete
    assert all(s.decision.is_done for s in await planned(estate))
    assert len(stand_in.host.created) <= 3 + records.writes().count("PUT managedClusters HS-AZURE-007")


async def run_and_causes(estate: Estate, stand_in: StandIn) -> tuple[RunOutcome, set[str]]:
    """A run, and why it stopped: each failure is one that waiting does not cure, named as the stand-in meant it."""
    mark = len(stand_in.entries())
    outcome = await run(estate)
    for failure in outcome.failures:
        assert isinstance(failure.error, PermanentFailure), failure.reason
        assert failure.error.hint
        assert failure.error.where
    causes = {s.error.code for s in outcome.failures if s.error}
    assert causes == lasting(stand_in, mark)
    return outcome, causes
