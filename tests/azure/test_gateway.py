"""The gateway with the real SDKs over TLS against the stand-in for Resource Manager."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hybridspan.azure.gateway import AzureGateway
from hybridspan.azure.preflight import findings
from hybridspan.facts.azure import ClusterFacts, NetworkFacts, PeeringFacts
from hybridspan.observation.estate import Memory
from tests.azure.clocks import Hurried
from tests.azure.conftest import StandIn
from tests.azure.regions import CENTRAL, EAST, POOLS, Recorded, make_topology, with_pools
from tests.plan_azure.facts import NOTHING

LIKE = ClusterFacts(
    id="/x",
    name="apigee-eastus",
    location="eastus",
    kubernetes_version="1.33.5",
    network_plugin="azure",
    network_plugin_mode=None,
    service_cidr=None,
    pod_cidr=None,
    node_pools=(),
    provisioning_state="Succeeded",
    power_state="Running",
    node_resource_group="",
)
NETWORK = "microsoft.network/virtualnetworks"
PEERING = f"{NETWORK}/virtualnetworkpeerings"
CLUSTER = "microsoft.containerservice/managedclusters"


async def make_networks(gateway: AzureGateway) -> None:
    for region in (EAST, CENTRAL):
        await gateway.ensure_group(region, "two-regions")
        await gateway.ensure_network(region, "two-regions")


async def peer(gateway: AzureGateway) -> bool:
    return await gateway.ensure_peering(EAST, "to-central", CENTRAL, "to-east", Memory())


async def network_of(gateway: AzureGateway, region: object) -> NetworkFacts:
    network = (await gateway.region_facts(region)).network  # type: ignore[arg-type]
    assert network is not None
    return network


async def both_sides(gateway: AzureGateway) -> list[PeeringFacts]:
    east, central = await network_of(gateway, EAST), await network_of(gateway, CENTRAL)
    found = [east.peering_to(central.id), central.peering_to(east.id)]
    return [p for p in found if p is not None]


async def test_what_does_not_exist_is_none(gateway: AzureGateway) -> None:
    facts = await gateway.region_facts(EAST)
    assert (facts.resource_group_exists, facts.network, facts.cluster) == (False, None, None)


async def test_a_network_is_made_whole_and_then_left_alone(
    gateway: AzureGateway, stand_in: StandIn, records: Recorded
) -> None:
    await make_networks(gateway)
    network = await network_of(gateway, EAST)
    assert [str(p) for p in network.address_prefixes] == ["120.38.1.0/24"]
    assert network.subnet("VNET-eastus-subnet") is not None
    assert dict(network.tags)["hybridspan-topology"] == "two-regions"
    assert not await gateway.ensure_network(EAST, "two-regions")
    assert records.writes() == [
        "PUT resourceGroups Succeeded",
        "PUT virtualNetworks Succeeded",
        "PUT virtualNetworks Succeeded",
    ]


async def test_peering_ends_connected_and_in_step_on_both_sides(
    gateway: AzureGateway, records: Recorded
) -> None:
    await make_networks(gateway)
    assert await peer(gateway)
    assert [p.carries_traffic for p in await both_sides(gateway)] == [True, True]
    assert not await peer(gateway)
    assert records.writes().count("PUT virtualNetworkPeerings Succeeded") == 2


async def test_a_disconnected_peering_is_made_again_on_both_sides(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    await make_networks(gateway)
    await peer(gateway)
    await delete_side(gateway)
    assert [p.state for p in await both_sides(gateway)] == ["Disconnected"]
    assert await peer(gateway)
    assert [p.carries_traffic for p in await both_sides(gateway)] == [True, True]


@pytest.mark.parametrize("trouble", ["none", "503", "fails-at-end"])
async def test_a_torn_pair_comes_back_with_its_options_whatever_happens_on_the_way(
    gateway: AzureGateway, stand_in: StandIn, trouble: str
) -> None:
    await make_networks(gateway)
    await peer(gateway)
    chosen = {"allowForwardedTraffic": True, "doNotVerifyRemoteGateways": True, "peerCompleteVnets": True}
    for key, document in list(
        stand_in.arm.store.of_type("Microsoft.Network/virtualNetworks/virtualNetworkPeerings")
    ):
        document["properties"] |= chosen
        document["properties"]["peeringState"] = "Disconnected"
        stand_in.arm.store.put(key, document)
    if trouble != "none":
        stand_in.fault(trouble, method="PUT", type=PEERING, times=2)
        stand_in.fault("503", method="DELETE", type=PEERING, nth=2)
    assert await peer(gateway)
    assert [p.carries_traffic for p in await both_sides(gateway)] == [True, True]
    made = [
        d for _, d in stand_in.arm.store.of_type("Microsoft.Network/virtualNetworks/virtualNetworkPeerings")
    ]
    assert [{name: d["properties"][name] for name in chosen} for d in made] == [chosen, chosen]


async def test_a_pair_that_stays_initiated_on_both_sides_is_written_once_more(
    gateway: AzureGateway, stand_in: StandIn, records: Recorded
) -> None:
    await make_networks(gateway)
    await peer(gateway)
    hurried = AzureGateway(gateway.cloud, gateway.subscription, records, clock=Hurried())
    for key, document in list(stand_in.arm.store.of_type(PEERING)):
        document["properties"]["peeringState"] = "Initiated"
        stand_in.arm.store.put(key, document)
    records.lines.clear()
    assert await peer(hurried)
    assert [p.carries_traffic for p in await both_sides(gateway)] == [True, True]
    assert set(records.writes()) == {"PUT virtualNetworkPeerings Succeeded"}
    await hurried.close()


async def delete_side(gateway: AzureGateway) -> None:
    """What somebody else does to a peering."""
    operations = gateway._clients_of(EAST.subscription).network.virtual_network_peerings
    names = (EAST.resource_group, EAST.network.name, "to-central")
    poller = await asyncio.to_thread(operations.begin_delete, *names, polling_interval=0.05)
    await asyncio.to_thread(poller.wait)


async def test_a_cluster_is_made_with_the_first_ones_plugin(gateway: AzureGateway, stand_in: StandIn) -> None:
    await make_networks(gateway)
    said: list[str] = []
    assert await gateway.ensure_cluster(
        CENTRAL, LIKE, "two-regions", lambda text, _fraction, _details: said.append(text)
    )
    cluster = (await gateway.region_facts(CENTRAL)).cluster
    assert cluster is not None
    assert (cluster.network_plugin, cluster.network_plugin_mode) == ("azure", None)
    assert cluster.oidc_issuer.startswith("https://centralus.oic.prod-aks.azure.com/")
    assert sorted((p.name, p.count, p.max_pods) for p in cluster.node_pools) == [
        ("apigeedata", 3, 13),
        ("apigeerun", 1, 13),
    ]
    assert not await gateway.ensure_cluster(CENTRAL, LIKE, "two-regions")
    assert len(stand_in.host.created) == 1
    assert any(text.startswith("apigee-centralus: ") for text in said)


async def test_a_missing_pool_is_added_by_its_own_path(gateway: AzureGateway, stand_in: StandIn) -> None:
    await make_networks(gateway)
    await gateway.ensure_cluster(with_pools(CENTRAL, POOLS[0]), LIKE, "two-regions")
    assert await gateway.ensure_cluster(CENTRAL, LIKE, "two-regions")
    cluster = (await gateway.region_facts(CENTRAL)).cluster
    assert cluster is not None
    assert {p.name for p in cluster.node_pools} == {"apigeerun", "apigeedata"}
    assert len(stand_in.host.created) == 1


async def test_credentials_are_a_kubeconfig_or_nothing(gateway: AzureGateway) -> None:
    await make_networks(gateway)
    assert await gateway.credentials(CENTRAL) is None
    await gateway.ensure_cluster(CENTRAL, LIKE, "two-regions")
    found = await gateway.credentials(CENTRAL)
    assert found is not None
    assert b"clusterUser_apigee-centralus" in found


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_true():  # noqa: ASYNC110 - what happens in the stand-in sets no event
            await asyncio.sleep(0.01)


async def test_a_cluster_whose_maker_was_killed_is_waited_for_and_not_made_again(
    gateway: AzureGateway, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, looked = stand_in.host.create, asyncio.Event()

    async def created(*asked: Any) -> None:
        await looked.wait()
        await create(*asked)

    def looks() -> int:
        return sum("/managedclusters/" in path for path in stand_in.requests("GET"))

    monkeypatch.setattr(stand_in.host, "create", created)
    await make_networks(gateway)
    stand_in.host.seconds = 3.0  # long enough that the second run finds it under way
    making = asyncio.create_task(gateway.ensure_cluster(CENTRAL, LIKE, "two-regions"))
    await until(lambda: any("managedclusters" in path for path in stand_in.requests()))
    making.cancel()
    before = looks()
    again = asyncio.create_task(gateway.ensure_cluster(CENTRAL, LIKE, "two-regions"))
    await until(lambda: looks() > before)
    looked.set()
    assert not await again
    assert len(stand_in.host.created) == 1
    assert sum("managedclusters" in path for path in stand_in.requests()) == 1
    assert sum("roleassignments" in path for path in stand_in.requests()) == 1


async def test_a_cluster_that_was_done_before_anybody_looked_again_has_no_role_and_that_is_told(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    """Its maker was killed, and AKS went on by itself."""
    await make_networks(gateway)
    await gateway.ensure_cluster(CENTRAL, LIKE, "two-regions")
    assert (await gateway.region_facts(CENTRAL)).unassigned == ()
    given = next(k for k in stand_in.arm.store.all if "/subnets/" in k and "/roleassignments/" in k)
    stand_in.arm.store.remove(given)
    facts = await gateway.region_facts(CENTRAL)
    assert [subnet.rsplit("/", 1)[1] for subnet in facts.unassigned] == ["vnet-centralus-subnet"]
    topology = make_topology(EAST, CENTRAL)
    told = [f for f in findings(topology, {"eastus": NOTHING, "centralus": facts}) if f.check == "azure-role"]
    assert [f.severity for f in told] == ["warn"]
    assert facts.cluster is not None
    assert f"--assignee-object-id {facts.cluster.principal_id} --scope {facts.unassigned[0]}" in told[0].hint


async def test_who_may_not_ask_for_roles_is_not_warned_of_them(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    await make_networks(gateway)
    await gateway.ensure_cluster(CENTRAL, LIKE, "two-regions")
    stand_in.arm.store.remove(
        next(k for k in stand_in.arm.store.all if "/subnets/" in k and "/roleassignments/" in k)
    )
    stand_in.fault("forbidden", method="GET", type="microsoft.authorization/roleassignments")
    assert (await gateway.region_facts(CENTRAL)).unassigned == ()


async def test_a_new_clusters_identity_may_use_its_subnet(gateway: AzureGateway, stand_in: StandIn) -> None:
    await make_networks(gateway)
    await gateway.ensure_cluster(CENTRAL, LIKE, "two-regions")
    granted = [path for path in stand_in.requests() if "roleassignments" in path]
    assert len(granted) == 1
    assert "/virtualnetworks/vnet-centralus/subnets/vnet-centralus-subnet/providers/" in granted[0]


async def test_who_may_not_give_rights_gets_the_cluster_all_the_same(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    await make_networks(gateway)
    stand_in.fault("forbidden", method="PUT", type="microsoft.authorization/roleassignments")
    said: list[str] = []
    await gateway.ensure_cluster(CENTRAL, LIKE, "two-regions", lambda text, _f, _d: said.append(text))
    assert any("internal load balancers" in text and "AuthorizationFailed" in text for text in said)


async def test_the_minutes_of_a_cluster_are_told_in_akss_own_words(gateway: AzureGateway) -> None:
    await make_networks(gateway)
    told: list[str] = []
    await gateway.ensure_cluster(
        CENTRAL, LIKE, "two-regions", lambda text, _fraction, _details: told.append(text)
    )
    assert [text for text in told if text.startswith("apigee-centralus: ")]
