"""Azure's part of a run: planned from facts, carried out by the engine, against the stand-in for Resource Manager."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from hybridspan.azure.gateway import AzureGateway
from hybridspan.azure.rights import RULE_WRITE
from hybridspan.engine.outcomes import RunOutcome
from hybridspan.engine.runner import Runner
from hybridspan.facts.azure import RegionAzureFacts
from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.observation.estate import Estate
from hybridspan.observation.gather import _rights
from hybridspan.plan.model import PlannedStep
from hybridspan.plan.order import in_order
from hybridspan.plan.phases.clusters import plan_clusters
from hybridspan.plan.phases.groups import plan_groups
from hybridspan.plan.phases.networks import plan_networks
from hybridspan.plan.phases.peerings import plan_peerings
from hybridspan.plan.phases.ports import plan_ports
from hybridspan.steps import clusters, groups, networks, peerings, ports
from hybridspan.topology.model import Topology
from tests.azure.conftest import StandIn
from tests.azure.regions import CENTRAL, EAST, WEST, Recorded, make_topology
from tests.azure.test_gateway import LIKE

PHASES = (plan_groups, plan_networks, plan_peerings, plan_clusters, plan_ports)
STEPS = {n: s for room in (groups, networks, peerings, clusters, ports) for n, s in room.STEPS.items()}

ASSIGNMENT = re.compile(r"[0-9a-f-]{36}")
"""The name of a role assignment."""


class Heard:
    """A listener that keeps the kinds of what it hears."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    def event(self, kind: str, step: PlannedStep, document: Mapping[str, Any]) -> None:
        self.kinds.append(kind)


@pytest.fixture
def topology(stand_in: StandIn, tmp_path: Path) -> Topology:
    declared = make_topology(EAST, CENTRAL, WEST)
    return replace(declared, azure_endpoint=stand_in.url, path=tmp_path / "hybrid.yaml")


@pytest.fixture
async def estate(topology: Topology, records: Recorded) -> AsyncIterator[Estate]:
    from hybridspan.azure.cloud import AzureCloud

    await asyncio.to_thread(AzureCloud.discover, topology.azure_endpoint)
    async with Estate(topology, record=records) as opened:
        await existing(opened)
        records.lines.clear()
        yield opened


async def existing(estate: Estate) -> None:
    """The first region, as if made by hand."""
    gateway = estate.azure(EAST)
    await gateway.ensure_group(EAST, "by-hand")
    await gateway.ensure_network(EAST, "by-hand")
    await gateway.ensure_cluster(EAST, LIKE, "by-hand")


async def planned(estate: Estate) -> tuple[PlannedStep, ...]:
    regions = estate.topology.regions
    seen = await asyncio.gather(*(estate.azure(r).region_facts(r) for r in regions))
    facts = {r.name: RegionFacts(f, None, None, ()) for r, f in zip(regions, seen, strict=True)}
    world = WorldFacts(0.0, facts, None)
    return in_order([step for phase in PHASES for step in phase(estate.topology, world)])


async def run(estate: Estate) -> RunOutcome:
    async def yes(_: PlannedStep) -> bool:
        return True

    steps = [STEPS[p.phase](p, estate) for p in await planned(estate)]  # type: ignore[call-arg]
    return await Runner(steps, Heard(), estate.clock, yes).run()


def writes(records: Recorded) -> list[str]:
    return [d["id"].rsplit("/", 1)[-1] for kind, d in records.lines if kind == "arm"]


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
        "hybridspan-cassandra-7001-from-10-90-0-0-26",
        "hybridspan-cassandra-7001-from-192-138-0-0-26",
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
        found = await _rights(estate, facts)
    lacking = [f for f in found if f.severity == "refuse"]
    return {
        (a, f.where.split(", ", 1)[1])
        for f in lacking
        for a in f.message.removeprefix("missing: ").split(", ")
    }


async def closed(estate: Estate) -> None:
    """A security group that denies everything from outside, at the first region's subnet."""
    client = estate.azure(EAST)._clients_of(EAST.subscription).network
    rule = {
        "name": "deny-all",
        "properties": {
            "priority": 4000,
            "direction": "Inbound",
            "access": "Deny",
            "protocol": "*",
            "sourceAddressPrefix": "*",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": "*",
        },
    }
    body = {"location": "eastus", "properties": {"securityRules": [rule]}}
    groups = client.network_security_groups
    poller = await asyncio.to_thread(
        groups.begin_create_or_update, EAST.resource_group, "own", body, polling_interval=0.05
    )
    group = await asyncio.to_thread(poller.result)
    subnet = {
        "properties": {
            "addressPrefix": str(EAST.network.subnet.prefix),
            "networkSecurityGroup": {"id": group["id"]},
        }
    }
    names = (EAST.resource_group, EAST.network.name, EAST.network.subnet.name)
    poller = await asyncio.to_thread(
        client.subnets.begin_create_or_update, *names, subnet, polling_interval=0.05
    )
    await asyncio.to_thread(poller.result)
