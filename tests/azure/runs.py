"""Azure's part of a run in small: planned from facts, carried out by the engine, against the stand-in for Resource Manager."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from hybridspan.azure.cloud import AzureCloud
from hybridspan.clock import Clock
from hybridspan.engine.outcomes import RunOutcome
from hybridspan.engine.runner import Runner
from hybridspan.facts.azure import ClusterFacts
from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.observation.estate import Estate
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
from tests.azure.regions import EAST, Recorded
from tests.azure.test_gateway import LIKE

PHASES = (plan_groups, plan_networks, plan_peerings, plan_clusters, plan_ports)
STEPS = {n: s for room in (groups, networks, peerings, clusters, ports) for n, s in room.STEPS.items()}


class Heard:
    """A listener that keeps the kinds of what it hears."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    def event(self, kind: str, step: PlannedStep, document: Mapping[str, Any]) -> None:
        self.kinds.append(kind)


def at(stand_in: StandIn, folder: Path, declared: Topology) -> Topology:
    """The topology with its Azure behind that address."""
    return replace(declared, azure_endpoint=stand_in.url, path=folder / "hybrid.yaml")


@asynccontextmanager
async def opened(
    topology: Topology, records: Recorded, clock: Clock | None = None, *, like: ClusterFacts = LIKE
) -> AsyncIterator[Estate]:
    """The estate with its first region, as if made by hand; nothing of that is in the records."""
    await asyncio.to_thread(AzureCloud.discover, topology.azure_endpoint)
    async with Estate(topology, record=records, **({"clock": clock} if clock else {})) as estate:
        first, gateway = topology.first, estate.azure(topology.first)
        await gateway.ensure_group(first, "by-hand")
        await gateway.ensure_network(first, "by-hand")
        await gateway.ensure_cluster(first, like, "by-hand")
        records.lines.clear()
        yield estate


async def planned(estate: Estate) -> tuple[PlannedStep, ...]:
    regions = estate.topology.regions
    seen = await asyncio.gather(*(estate.azure(r).region_facts(r) for r in regions))
    facts = {str(r.name): RegionFacts(f, None, None, ()) for r, f in zip(regions, seen, strict=True)}
    return in_order(
        [step for phase in PHASES for step in phase(estate.topology, WorldFacts(0.0, facts, None))]
    )


async def run(estate: Estate) -> RunOutcome:
    async def yes(_: PlannedStep) -> bool:
        return True

    steps = [STEPS[p.phase](p, estate) for p in await planned(estate)]  # type: ignore[call-arg]
    return await Runner(steps, Heard(), estate.clock, yes).run()


def writes(records: Recorded) -> list[str]:
    """The names of what has been written."""
    return [d["id"].rsplit("/", 1)[-1] for kind, d in records.lines if kind == "arm"]


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
