"""An estate that was made by hand, in a Resource Manager without real clusters: what is there afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hybridspan.errors import PermanentFailure
from hybridspan.topology.model import Topology
from hybridspan_lab.arm import NullHost
from hybridspan_lab.kubeapi import ApiError
from hybridspan_lab.world import estate
from hybridspan_lab.world.existing import ByHand
from hybridspan_lab.world.given import Given
from hybridspan_lab.world.places import Places
from tests.lab_arm.client import ArmClient, running
from tests.lab_arm.conftest import FAST
from tests.lab_world.topologies import changed

HUB = "/subscriptions/7c1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/hub-rg/providers"
NETWORK, CLUSTER = (
    f"{HUB}/Microsoft.Network/virtualNetworks/spoke",
    f"{HUB}/Microsoft.ContainerService/managedClusters/far",
)


@contextlib.asynccontextmanager
async def made(folder: Path, topology: Topology, host: NullHost, count: int = 1) -> AsyncIterator[ArmClient]:
    """A Resource Manager in which the estate was made."""
    state, given = folder / "arm", Given.of(topology)
    async with running(state, host, FAST, subscriptions=given.subscriptions) as arm:
        async with ByHand(arm.base, state / "ca.pem", arm.arm.credentials.owner.secret) as azure:
            await estate.create(azure, estate.alike(topology), count)
        yield arm


def elsewhere(folder: Path, connected: str) -> Topology:
    """The second region's network and cluster exist, in another subscription."""
    return changed(
        folder,
        ("name: my-hybrid-rg-vnet-ext01\n", f"id: {NETWORK}\n        connected: {connected}\n"),
        ("        name: apigee-centralus\n", f"        id: {CLUSTER}\n"),
    )


async def test_what_a_later_region_declares_by_its_id_exists_and_nothing_else_of_it(tmp_path: Path) -> None:
    topology, host = elsewhere(tmp_path, "peering"), NullHost()
    async with made(tmp_path, topology, host) as arm:
        network = await arm.get(NETWORK)
        assert network.properties["addressSpace"]["addressPrefixes"] == ["192.138.0.0/24"]
        assert network.properties["virtualNetworkPeerings"] == []
        assert (await arm.get(CLUSTER)).properties["provisioningState"] == "Succeeded"
    assert [cluster.name for cluster in host.created] == ["apigee-eastus", "far"]


async def test_a_network_that_a_hub_connects_is_peered_with_those_that_exist(tmp_path: Path) -> None:
    async with made(tmp_path, elsewhere(tmp_path, "otherwise"), NullHost()) as arm:
        (peering,) = (await arm.get(NETWORK)).properties["virtualNetworkPeerings"]
        assert peering["properties"]["peeringState"] == "Connected"


async def test_a_later_region_without_ids_does_not_exist(tmp_path: Path) -> None:
    async with made(tmp_path, changed(tmp_path), NullHost()) as arm:
        listed = (
            await arm.get(f"{arm.group('my-hybrid-rg')}/providers/Microsoft.Network/virtualNetworks")
        ).body
        assert [network["name"] for network in listed["value"]] == ["my-hybrid-rg-vnet"]


async def test_further_regions_have_the_first_one_s_plugin_unless_they_name_another(tmp_path: Path) -> None:
    first = "        name: apigee-eastus\n"
    topology, host = changed(tmp_path, (first, f"{first}        networkPlugin: kubenet\n")), NullHost()
    async with made(tmp_path, topology, host, count=2):
        assert [cluster.network_plugin for cluster in host.created] == ["kubenet", "kubenet"]


async def test_pods_get_the_subnet_that_the_file_gives_them_beside_that_of_the_nodes(tmp_path: Path) -> None:
    nodes = "prefix: 120.38.1.0/26}\n"
    topology, host = (
        changed(
            tmp_path,
            (nodes, f"{nodes}        podSubnet: {{prefix: 120.38.1.128/25}}\n"),
            ("        name: apigee-eastus\n", "        networkPlugin: azure-pod-subnet\n"),
        ),
        NullHost(),
    )
    async with made(tmp_path, topology, host) as arm:
        network = await arm.get(f"{arm.vnet('my-hybrid-rg-vnet', 'my-hybrid-rg')}")
        subnets = {s["name"]: s["properties"]["addressPrefix"] for s in network.properties["subnets"]}
    assert subnets == {
        "my-hybrid-rg-vnet-subnet": "120.38.1.0/26",
        "my-hybrid-rg-vnet-pods": "120.38.1.128/25",
    }
    (cluster,) = host.created
    assert (cluster.network_plugin, cluster.network_plugin_mode) == ("azure", None)
    assert cluster.subnet_prefix == "120.38.1.0/26"
    assert {pool.pod_subnet_prefix for pool in cluster.pools} == {"120.38.1.128/25"}


def test_a_lab_that_is_ended_while_it_is_made_is_no_defect(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.record.touch()
    with (
        pytest.raises(PermanentFailure, match="a cluster of the lab does not answer") as silent,
        estate.told_of_a_dead_lab(places),
    ):
        raise ApiError(0, "Unreachable", "GET /apis: Connection reset by peer")
    assert str(places.log) in silent.value.hint
    places.record.unlink()
    with (
        pytest.raises(PermanentFailure, match="HS-LAB-028 the lab was ended"),
        estate.told_of_a_dead_lab(places),
    ):
        raise ApiError(0, "Unreachable", "GET /apis: Connection reset by peer")
