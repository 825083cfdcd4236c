"""Every refusal that Azure is known for, and what the gateway makes of it: real SDKs, real TLS, faults on purpose."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest

from hybridspan.azure.cloud import AzureCloud
from hybridspan.azure.gateway import AzureGateway
from hybridspan.errors import HybridspanError, PermanentFailure
from hybridspan.observation.estate import Memory
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Subnet
from tests.azure.conftest import StandIn
from tests.azure.regions import CENTRAL, EAST, SECOND_SUBSCRIPTION, SUBSCRIPTION, Recorded, make_region
from tests.azure.test_gateway import CLUSTER, LIKE, NETWORK, both_sides, make_networks, peer


@pytest.mark.parametrize("kind", ["429", "500", "503", "reset"])
async def test_a_look_that_fails_for_a_moment_is_taken_again(
    gateway: AzureGateway, stand_in: StandIn, kind: str
) -> None:
    stand_in.fault(kind, method="GET", type=NETWORK, times=2, seconds=0.1)
    assert (await gateway.region_facts(EAST)).network is None


async def test_an_operation_that_fails_at_its_end_is_begun_again(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    stand_in.fault("fails-at-end", method="PUT", type=NETWORK)
    await make_networks(gateway)
    facts = await gateway.region_facts(EAST)
    assert facts.network is not None
    assert facts.network.provisioning_state == "Succeeded"


async def test_a_cluster_of_ours_that_failed_is_written_again(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    await make_networks(gateway)
    stand_in.fault("fails-at-end", method="PUT", type=CLUSTER)
    await gateway.ensure_cluster(CENTRAL, LIKE, "two-regions")
    cluster = (await gateway.region_facts(CENTRAL)).cluster
    assert cluster is not None
    assert cluster.provisioning_state == "Succeeded"


async def test_a_failed_cluster_of_somebody_else_is_named_and_left_alone(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    await make_networks(gateway)
    stand_in.fault("fails-at-end", method="PUT", type=CLUSTER, times=5, code="SkuNotAvailable")
    await refused(gateway.ensure_cluster(CENTRAL, LIKE, "another"), "HS-AZURE-012")
    failure = await refused(gateway.ensure_cluster(CENTRAL, LIKE, "two-regions"), "HS-AZURE-017")
    assert CENTRAL.cluster.name in failure.where


def set_state(stand_in: StandIn, resource_id: str, state: str) -> None:
    document = stand_in.arm.store.get(resource_id)
    document["properties"]["provisioningState"] = state
    stand_in.arm.store.put(resource_id.lower(), document)


async def with_a_further_subnet(gateway: AzureGateway, stand_in: StandIn) -> str:
    """The first region's network, made by somebody else, with a subnet that Azure could not finish and no file names."""
    pods = replace(EAST.network, pod_subnet=Subnet("theirs", IPv4Network("120.38.1.128/26")))
    await gateway.ensure_group(EAST, "somebody")
    await gateway.ensure_network(replace(EAST, network=pods), "somebody")
    theirs = f"{azure_ids.network_id(EAST)}/subnets/theirs"
    set_state(stand_in, theirs, "Failed")
    return theirs


async def test_a_failed_subnet_that_the_file_does_not_name_is_its_owners_business(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    theirs = await with_a_further_subnet(gateway, stand_in)
    assert not await gateway.ensure_network(EAST, "two-regions")
    assert stand_in.arm.store.get(theirs)["properties"]["provisioningState"] == "Failed"


async def test_a_failed_subnet_of_somebody_elses_network_is_named_with_its_state(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    await with_a_further_subnet(gateway, stand_in)
    name = EAST.network.subnet.name
    set_state(stand_in, f"{azure_ids.network_id(EAST)}/subnets/{name}", "Failed")
    failure = await refused(gateway.ensure_network(EAST, "two-regions"), "HS-AZURE-017")
    assert failure.message == f"the subnet {name} is in state Failed, and hybridspan did not make its network"
    assert failure.where.endswith(f"/subnets/{name}")


async def test_a_failed_subnet_of_our_own_network_is_written_again(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    theirs = await with_a_further_subnet(gateway, stand_in)
    assert await gateway.ensure_network(EAST, "somebody")
    assert stand_in.arm.store.get(theirs)["properties"]["provisioningState"] == "Succeeded"


async def refused(call: Any, code: str) -> PermanentFailure:
    with pytest.raises(PermanentFailure) as caught:
        await call
    assert caught.value.code == code
    return caught.value


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("forbidden", "HS-AZURE-002", "AuthorizationFailed"),
        ("quota", "HS-AZURE-012", "ErrCode_InsufficientVCPUQuota"),
    ],
)
async def test_what_does_not_pass_by_itself_is_named(
    gateway: AzureGateway, stand_in: StandIn, kind: str, code: str, words: str
) -> None:
    stand_in.fault(kind, method="PUT", type=NETWORK)
    await gateway.ensure_group(EAST, "two-regions")
    failure = await refused(gateway.ensure_network(EAST, "two-regions"), code)
    assert words in failure.why
    assert "request " in failure.why
    assert failure.where.endswith("/virtualNetworks/vnet-eastus")
    assert failure.hint


async def test_a_refusal_is_recorded_with_its_code(
    gateway: AzureGateway, stand_in: StandIn, records: Recorded
) -> None:
    stand_in.fault("forbidden", method="PUT", type=NETWORK)
    await gateway.ensure_group(EAST, "two-regions")
    await refused(gateway.ensure_network(EAST, "two-regions"), "HS-AZURE-002")
    assert records.writes()[-1] == "PUT virtualNetworks HS-AZURE-002"


async def test_overlapping_networks_are_refused_by_name(gateway: AzureGateway) -> None:
    twin = make_region("centralus", "120.38.1.0/24", 2)
    await gateway.ensure_group(EAST, "two-regions")
    for region in (EAST, twin):
        await gateway.ensure_network(region, "two-regions")
    failure = await refused(gateway.ensure_peering(EAST, "a", twin, "b", Memory()), "HS-AZURE-009")
    assert "120.38.1.0/24" in failure.why


async def test_two_subscriptions_and_two_groups_are_peered(gateway: AzureGateway) -> None:
    far = make_region("westus2", "10.90.0.0/24", 3, group="other-rg", subscription=SECOND_SUBSCRIPTION)
    for region in (EAST, far):
        await gateway.ensure_group(region, "two-regions")
        await gateway.ensure_network(region, "two-regions")
    await gateway.ensure_peering(EAST, "to-west", far, "to-east", Memory())
    network = (await gateway.region_facts(far)).network
    assert network is not None
    assert [p.carries_traffic for p in network.peerings] == [True]


async def test_changed_ranges_are_synchronised(gateway: AzureGateway, stand_in: StandIn) -> None:
    await make_networks(gateway)
    await peer(gateway)
    await add_range(gateway, "10.77.0.0/24")
    assert not any(p.carries_traffic for p in await both_sides(gateway))
    assert await peer(gateway)
    assert [p.carries_traffic for p in await both_sides(gateway)] == [True, True]


async def add_range(gateway: AzureGateway, prefix: str) -> None:
    """What somebody else does to a network."""
    operations = gateway._clients_of(EAST.subscription).network.virtual_networks
    names = (EAST.resource_group, EAST.network.name)
    document = (await asyncio.to_thread(operations.get, *names)).as_dict()
    document["properties"]["addressSpace"]["addressPrefixes"].append(prefix)
    poller = await asyncio.to_thread(
        operations.begin_create_or_update, *names, document, polling_interval=0.05
    )
    await asyncio.to_thread(poller.wait)


async def test_a_wrong_secret_is_said_in_azures_words(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    cloud = await asyncio.to_thread(AzureCloud.discover, stand_in.url)
    gateway = AzureGateway(cloud, SUBSCRIPTION, Recorded())
    try:
        failure = await refused(gateway.region_facts(EAST), "HS-AZURE-001")
    finally:
        await gateway.close()
    assert "AADSTS7000215" in failure.why
    assert "wrong" not in str(failure).replace("wrong secret", "")


async def test_an_unknown_subscription_is_not_taken_for_an_absent_network(gateway: AzureGateway) -> None:
    nowhere = make_region("eastus", "10.1.0.0/16", subscription="00000000-0000-4000-8000-000000000009")
    with pytest.raises(HybridspanError) as caught:
        await gateway.region_facts(nowhere)
    assert caught.value.code in ("HS-AZURE-013", "HS-AZURE-002")


async def test_an_endpoint_that_is_none_is_named() -> None:
    failure = None
    try:
        await asyncio.to_thread(AzureCloud.discover, "https://localhost:9")
    except PermanentFailure as error:
        failure = error
    assert failure is not None
    assert failure.code == "HS-AZURE-016"
