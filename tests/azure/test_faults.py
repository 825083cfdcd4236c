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
from hybridspan.facts import azure_bodies as bodies
from hybridspan.observation.estate import Memory
from hybridspan.plan.phases.clusters import decide_cluster
from hybridspan.topology import azure_ids
from hybridspan.topology.model import NodePool, Region, Subnet
from tests.azure.conftest import StandIn
from tests.azure.regions import (
    CENTRAL,
    EAST,
    POOLS,
    SECOND_SUBSCRIPTION,
    SUBSCRIPTION,
    Recorded,
    make_region,
    with_pools,
)
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


def change(stand_in: StandIn, resource_id: str, **properties: Any) -> None:
    """What has happened to a resource meanwhile."""
    document = stand_in.arm.store.get(resource_id.lower())
    document["properties"].update(properties)
    stand_in.arm.store.put(resource_id.lower(), document)


POOL = f"{azure_ids.cluster_id(CENTRAL)}/agentPools/apigeedata"
SUBNET = replace(CENTRAL.network.subnet, prefix=IPv4Network("192.138.0.0/24"))
ROOMY = replace(CENTRAL, network=replace(CENTRAL.network, subnet=SUBNET))
OURS = bodies.tags("two-regions", CENTRAL)
GROWN: dict[str, Any] = {"count": 4, "nodeLabels": {"apigee": "data", "team": "theirs"}}


async def make_cluster(gateway: AzureGateway, topology_name: str = "two-regions") -> None:
    await gateway.ensure_group(ROOMY, "two-regions")
    await gateway.ensure_network(ROOMY, "two-regions")
    await gateway.ensure_cluster(ROOMY, LIKE, topology_name)


async def pools_of(gateway: AzureGateway) -> list[tuple[int, dict[str, str], str]]:
    cluster = (await gateway.region_facts(CENTRAL)).cluster
    assert cluster is not None
    return [(p.count, dict(p.labels), p.provisioning_state) for p in cluster.node_pools]


async def test_a_failed_pool_that_has_grown_keeps_its_nodes_and_labels(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    await make_cluster(gateway)
    change(stand_in, POOL, **GROWN, provisioningState="Failed")
    assert await gateway.ensure_cluster(ROOMY, LIKE, "two-regions")
    assert (await pools_of(gateway))[1] == (4, GROWN["nodeLabels"], "Succeeded")
    sent = [e for e in stand_in.entries() if e["method"] == "PUT" and "/agentpools/" in e["path"].lower()]
    assert len(sent) == 1


async def test_a_failed_pool_is_written_on_the_condition_that_nobody_else_does(
    gateway: AzureGateway, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_cluster(gateway)
    change(stand_in, POOL, provisioningState="Failed")
    look = gateway._clusters._pool

    async def outrun(region: Region, pool: NodePool) -> Any:
        document = await look(region, pool)
        change(stand_in, POOL, **GROWN, eTag="theirs")
        monkeypatch.setattr(gateway._clusters, "_pool", look)
        return document

    monkeypatch.setattr(gateway._clusters, "_pool", outrun)
    assert await gateway.ensure_cluster(ROOMY, LIKE, "two-regions")
    assert "PreconditionFailed" in {e["code"] for e in stand_in.entries()}
    assert (await pools_of(gateway))[1] == (4, GROWN["nodeLabels"], "Succeeded")


async def test_a_cluster_of_ours_that_fails_later_is_written_as_it_has_become(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    await make_cluster(gateway)
    change(stand_in, POOL, **GROWN)
    change(stand_in, azure_ids.cluster_id(CENTRAL), provisioningState="Failed", disableLocalAccounts=True)
    key = azure_ids.cluster_id(CENTRAL).lower()
    stand_in.arm.store.put(key, {**stand_in.arm.store.get(key), "tags": {**OURS, "owner": "somebody"}})
    assert await gateway.ensure_cluster(ROOMY, LIKE, "two-regions")
    assert (await pools_of(gateway))[1] == (4, GROWN["nodeLabels"], "Succeeded")
    after = stand_in.arm.store.get(key)
    assert (after["properties"]["provisioningState"], after["tags"]["owner"]) == ("Succeeded", "somebody")
    assert after["properties"]["disableLocalAccounts"]


async def test_a_failed_cluster_that_never_had_a_pool_is_made_as_the_file_says(
    gateway: AzureGateway, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_cluster(gateway)
    change(stand_in, azure_ids.cluster_id(CENTRAL), provisioningState="Failed")
    for key, _ in list(stand_in.arm.store.children(f"{azure_ids.cluster_id(CENTRAL)}/agentPools".lower())):
        stand_in.arm.store.remove(key)
    sent: list[dict[str, Any]] = []

    async def put(_region: Region, body: dict[str, Any], *_: Any) -> None:
        sent.append(body)
        raise PermanentFailure("HS-AZURE-015", "enough", where="here")

    monkeypatch.setattr(gateway._clusters, "_put", put)
    await refused(gateway.ensure_cluster(ROOMY, LIKE, "two-regions"), "HS-AZURE-015")
    assert [p["name"] for p in sent[0]["properties"]["agentPoolProfiles"]] == [p.name for p in POOLS]


async def test_a_failed_cluster_of_ours_is_written_on_the_condition_that_nobody_else_does(
    gateway: AzureGateway, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_cluster(gateway)
    change(stand_in, azure_ids.cluster_id(CENTRAL), provisioningState="Failed")
    look, looks = gateway._clusters.document, []

    async def outrun(region: Region) -> Any:
        looks.append(document := await look(region))
        if len(looks) == 2:  # the one before the write
            key = azure_ids.cluster_id(region).lower()
            stand_in.arm.store.put(key, {**stand_in.arm.store.get(key), "eTag": "theirs"})
        return document

    monkeypatch.setattr(gateway._clusters, "document", outrun)
    assert await gateway.ensure_cluster(ROOMY, LIKE, "two-regions")
    assert "PreconditionFailed" in {e["code"] for e in stand_in.entries()}
    made = await gateway.cluster_facts(CENTRAL)
    assert made is not None
    assert made.provisioning_state == "Succeeded"


@pytest.mark.parametrize("manage", [False, True])
async def test_a_failed_pool_of_somebody_elses_cluster_is_named_and_left_alone(
    gateway: AzureGateway, stand_in: StandIn, manage: bool
) -> None:
    await make_cluster(gateway, "another")
    change(stand_in, POOL, **GROWN, provisioningState="Failed")
    writes = stand_in.requests()
    region = replace(ROOMY, cluster=replace(ROOMY.cluster, manage=manage))
    failure = await refused(gateway.ensure_cluster(region, LIKE, "two-regions"), "HS-AZURE-017")
    assert failure.where.lower() == POOL.lower()
    assert "az aks nodepool update --resource-group my-hybrid-rg" in failure.hint
    assert stand_in.requests() == writes


async def test_a_pool_that_we_begin_in_somebody_elses_cluster_is_tried_again(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    await make_networks(gateway)
    await gateway.ensure_cluster(with_pools(CENTRAL, POOLS[0]), LIKE, "another")
    stand_in.fault("fails-at-end", operation="pool.put")
    assert await gateway.ensure_cluster(CENTRAL, LIKE, "two-regions")
    assert (await pools_of(gateway))[1] == (3, {"apigee": "data"}, "Succeeded")


async def test_a_pool_that_a_run_before_began_in_somebody_elses_cluster_is_written_once_more(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    await make_networks(gateway)
    await gateway.ensure_cluster(with_pools(CENTRAL, POOLS[0]), LIKE, "another")
    stand_in.fault("fails-at-end", operation="pool.put", code="ErrCode_InsufficientVCPUQuota")
    await refused(gateway.ensure_cluster(CENTRAL, LIKE, "two-regions"), "HS-AZURE-012")
    failed = await gateway.cluster_facts(CENTRAL)
    assert decide_cluster(CENTRAL, failed, LIKE, topology_name="two-regions").state == "needed"
    assert decide_cluster(CENTRAL, failed, LIKE, topology_name="a third").state == "refused"
    await refused(gateway.ensure_cluster(CENTRAL, LIKE, "a third"), "HS-AZURE-017")
    assert await gateway.ensure_cluster(CENTRAL, LIKE, "two-regions")
    made = await gateway.cluster_facts(CENTRAL)
    assert made is not None
    assert [bodies.is_marked("two-regions", p.tags) for p in made.node_pools] == [False, True]
    assert (await pools_of(gateway))[1] == (3, {"apigee": "data"}, "Succeeded")


async def test_a_pool_without_a_tag_in_a_cluster_of_ours_is_not_written_for_that(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    await make_cluster(gateway)
    change(stand_in, POOL, tags=None)
    assert not await gateway.ensure_cluster(ROOMY, LIKE, "two-regions")
    decision = decide_cluster(ROOMY, await gateway.cluster_facts(ROOMY), LIKE, topology_name="two-regions")
    assert decision.is_done


async def test_a_pool_of_others_that_the_file_lets_grow_keeps_their_tags(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    await make_cluster(gateway, "another")
    change(stand_in, POOL, tags={"team": "theirs"})
    larger = with_pools(ROOMY, POOLS[0], replace(POOLS[1], count=4))
    managed = replace(larger, cluster=replace(larger.cluster, manage=True))
    assert await gateway.ensure_cluster(managed, LIKE, "two-regions")
    made = await gateway.cluster_facts(ROOMY)
    assert made is not None
    assert [(p.count, p.tags) for p in made.node_pools if p.name == "apigeedata"] == [
        (4, (("team", "theirs"),))
    ]


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
