"""A first region with kubenet: the second one is made like it, and what AKS itself puts into our network stays there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from hybridspan.observation.estate import Estate
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region
from tests.azure.conftest import StandIn
from tests.azure.regions import CENTRAL, EAST, Recorded, make_topology
from tests.azure.runs import at, opened, planned, run
from tests.azure.test_gateway import LIKE

KUBENET = replace(LIKE, network_plugin="kubenet")


def with_pods(region: Region, pods: str) -> Region:
    return replace(region, cluster=replace(region.cluster, pod_cidr=IPv4Network(pods)))


@pytest.fixture
async def estate(stand_in: StandIn, tmp_path: Path, records: Recorded) -> AsyncIterator[Estate]:
    regions = (with_pods(EAST, "10.244.0.0/16"), with_pods(CENTRAL, "10.245.0.0/16"))
    async with opened(at(stand_in, tmp_path, make_topology(*regions)), records, like=KUBENET) as estate:
        yield estate


def document(stand_in: StandIn, resource_id: str) -> Any:
    return stand_in.arm.store.get(resource_id)


async def test_a_second_region_is_made_with_kubenet_and_its_own_pod_range(
    estate: Estate, stand_in: StandIn
) -> None:
    outcome = await run(estate)
    assert [s.reason for s in outcome.failures] == []
    profile = document(stand_in, azure_ids.cluster_id(CENTRAL))["properties"]["networkProfile"]
    assert (profile["networkPlugin"], profile["podCidr"]) == ("kubenet", "10.245.0.0/16")
    assert "networkPluginMode" not in profile
    assert all(s.decision.is_done for s in await planned(estate))


async def test_the_route_table_that_aks_adds_stays_when_our_network_is_written_again(
    estate: Estate, stand_in: StandIn, records: Recorded
) -> None:
    await run(estate)
    table = document(stand_in, azure_ids.subnet_id(CENTRAL))["properties"]["routeTable"]
    network = document(stand_in, azure_ids.network_id(CENTRAL))
    network["properties"]["provisioningState"] = "Failed"
    stand_in.arm.store.put(azure_ids.network_id(CENTRAL).lower(), network)
    records.lines.clear()
    assert [s.reason for s in (await run(estate)).failures] == []
    assert records.writes() == ["PUT virtualNetworks Succeeded"]
    assert document(stand_in, azure_ids.subnet_id(CENTRAL))["properties"]["routeTable"] == table
