"""Faults at random, seeded: every run ends applied, or stopped with a named cause; once that is gone, it ends applied."""

from __future__ import annotations

import os
import random

import pytest

from hybridspan.observation.estate import Estate
from hybridspan.topology.model import Topology
from tests.azure.conftest import StandIn
from tests.azure.regions import Recorded
from tests.azure.test_run import estate, planned, run, topology  # noqa: F401 - fixtures

SEEDS = range(int(os.environ.get("HYBRIDSPAN_FAULT_SEEDS", "3")))
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
    "fails-at-end",
)
LASTING = ("forbidden", "quota")
TYPES = (
    "*",
    "microsoft.network/virtualnetworks",
    "microsoft.network/virtualnetworks/virtualnetworkpeerings",
    "microsoft.containerservice/managedclusters",
)


def set_faults(stand_in: StandIn, chance: random.Random) -> None:
    for _ in range(chance.randint(2, 6)):
        kind = chance.choice(PASSING if chance.random() < 0.9 else LASTING)
        stand_in.fault(
            kind,
            method="PUT" if kind in LASTING else chance.choice(("PUT", "PUT", "GET")),
            type=chance.choice(TYPES),
            nth=chance.randint(1, 8),
            times=chance.randint(1, 2),
            seconds=chance.choice((0.05, 0.2)),
        )


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_run_ends_applied_or_with_a_name(
    estate: Estate,  # noqa: F811
    topology: Topology,  # noqa: F811
    stand_in: StandIn,
    records: Recorded,
    seed: int,
) -> None:
    set_faults(stand_in, random.Random(seed))
    first = await run(estate)
    for failure in first.failures:
        assert failure.error is not None
        assert failure.error.code.startswith("HS-AZURE-"), failure.reason
        assert failure.error.hint
    stand_in.arm.faults.clear()
    second = await run(estate)
    assert [s.reason for s in second.failures] == []
    assert second.is_complete
    assert all(s.decision.is_done for s in await planned(estate))
    assert len(stand_in.host.created) <= 3 + len(first.failures) + records.writes().count(
        "PUT managedClusters HS-AZURE-007"
    )
