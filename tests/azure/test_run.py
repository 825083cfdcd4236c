"""Azure's part of a run: planned from facts, carried out by the engine, against the stand-in for Resource Manager."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import patch

import pytest

from hybridspan.azure.gateway import AzureGateway
from hybridspan.azure.rights import RULE_WRITE
from hybridspan.facts.azure import RegionAzureFacts
from hybridspan.observation.estate import Estate
from hybridspan.observation.findings import azure_rights
from hybridspan.topology.model import Topology
from tests.azure.conftest import StandIn
from tests.azure.regions import CENTRAL, EAST, WEST, Recorded, make_topology
from tests.azure.runs import at, closed, opened, planned, run, writes

ASSIGNMENT = re.compile(r"[0-9a-f-]{36}")
"""The name of a role assignment."""


@pytest.fixture
def topology(stand_in: StandIn, tmp_path: Path) -> Topology:
    return at(stand_in, tmp_path, make_topology(EAST, CENTRAL, WEST))


@pytest.fixture
async def estate(topology: Topology, records: Recorded) -> AsyncIterator[Estate]:
    async with opened(topology, records) as estate:
        yield estate


async def test_a_run_makes_what_two_new_regions_lack_and_a_second_one_nothing(
    estate: Estate, records: Recorded, stand_in: StandIn
) -> None:
    first = await run(estate)
    assert [s.reason for s in first.failures] == []
    assert first.is_complete
    assert len(stand_in.host.created) == 3
    made = len(writes(records))
    second = await run(estate)
    assert {s.state for s in second.steps} == {"unchanged"}
    assert len(writes(records)) == made
    assert all(s.decision.is_done for s in await planned(estate))


async def test_only_what_is_missing_is_written(estate: Estate, records: Recorded) -> None:
    await run(estate)
    made = [name for name in writes(records) if not ASSIGNMENT.fullmatch(name)]
    assert sorted(made) == sorted(
        [
            *("vnet-centralus", "vnet-westus2"),
            *("apigee-centralus", "apigee-westus2"),
            *("my-hybrid-rg-vnet1-peering", "my-hybrid-rg-vnet2-peering"),
            *("my-hybrid-rg-vnet1-vnet3-peering", "my-hybrid-rg-vnet3-vnet1-peering"),
            *("my-hybrid-rg-vnet2-vnet3-peering", "my-hybrid-rg-vnet3-vnet2-peering"),
        ]
    )


async def test_faults_at_every_kind_of_write_do_not_change_the_end(estate: Estate, stand_in: StandIn) -> None:
    for kind, nth in (("429", 2), ("retryable", 4), ("503", 5), ("fails-at-end", 3), ("reset", 6)):
        stand_in.fault(kind, method="PUT", nth=nth, seconds=0.1)
    outcome = await run(estate)
    assert [s.reason for s in outcome.failures] == []
    assert outcome.is_complete


async def test_a_closed_port_is_opened_in_the_subnets_own_group(
    estate: Estate, stand_in: StandIn, records: Recorded
) -> None:
    await closed(estate)
    outcome = await run(estate)
    assert [s.reason for s in outcome.failures] == []
    rules = [name for name in writes(records) if name.startswith("hybridspan-cassandra-7001")]
    assert sorted(rules) == [
        "hybridspan-cassandra-7001-from-10-90-0-0-26-to-120-38-1-0-26",
        "hybridspan-cassandra-7001-from-192-138-0-0-26-to-120-38-1-0-26",
    ]


async def test_the_right_to_write_a_rule_is_asked_for_where_the_run_will_write_one(estate: Estate) -> None:
    regions = estate.topology.regions
    await closed(estate)
    facts = {r.name: await estate.azure(r).network_with_groups(r) for r in regions}
    scopes = {scope for action, scope in await asked(estate, facts) if action == RULE_WRITE}
    assert [scope.rsplit("/", 2)[1:] for scope in scopes] == [["networkSecurityGroups", "own"]]


async def asked(estate: Estate, facts: dict[str, RegionAzureFacts]) -> set[tuple[str, str]]:
    """The actions, with their scopes, that a sign-in without any right is told it lacks."""
    with patch.object(AzureGateway, "permissions", return_value=()):
        found = await azure_rights(estate, facts)
    lacking = [f for f in found if f.severity == "refuse"]
    return {
        (a, f.where.split(", ", 1)[1])
        for f in lacking
        for a in f.message.removeprefix("missing: ").split(", ")
    }
