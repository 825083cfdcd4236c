"""What is there already: by id, connected otherwise, managed where the file says so, and never touched where it does not."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from hybridspan.azure.gateway import AzureGateway
from hybridspan.errors import PermanentFailure
from hybridspan.observation.estate import Memory
from hybridspan.plan.phases.clusters import decide_cluster, plugin_of
from hybridspan.plan.phases.networks import decide_network
from hybridspan.plan.phases.peerings import decide_peering
from hybridspan.plan.phases.ports import decide_ports
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region, Subnet
from tests.azure.conftest import StandIn
from tests.azure.regions import (
    CENTRAL,
    EAST,
    POOLS,
    SECOND_SUBSCRIPTION,
    Recorded,
    make_region,
    make_topology,
    with_pools,
)
from tests.azure.test_gateway import LIKE, both_sides, make_networks, network_of, peer

MORE = IPv4Network("10.77.0.0/24")


def with_range(region: Region, *, manage: bool) -> Region:
    prefixes = (*region.network.address_prefixes, MORE)
    return replace(region, network=replace(region.network, address_prefixes=prefixes, manage=manage))


def elsewhere() -> Region:
    """CENTRAL as the file would name it: by the id of a network in another group and subscription."""
    made = make_region("centralus", "192.138.0.0/24", 2, group="net-rg", subscription=SECOND_SUBSCRIPTION)
    return replace(CENTRAL, network=replace(made.network, id=azure_ids.network_id(made)))


async def test_a_network_elsewhere_is_peered_by_its_id(gateway: AzureGateway, records: Recorded) -> None:
    owner = make_region("centralus", "192.138.0.0/24", 2, group="net-rg", subscription=SECOND_SUBSCRIPTION)
    for region in (EAST, owner):
        await gateway.ensure_group(region, "two-regions")
        await gateway.ensure_network(region, "two-regions")
    named = elsewhere()
    assert not await gateway.ensure_network(named, "two-regions")
    assert await gateway.ensure_peering(EAST, "to-central", named, "to-east", Memory())
    found = (await network_of(gateway, named)).peerings
    assert [p.carries_traffic for p in found] == [True]


def test_a_network_that_the_file_names_by_id_is_never_made() -> None:
    decision = decide_network(make_topology(EAST, elsewhere()), elsewhere(), None)
    assert decision.state == "refused"
    assert "/resourceGroups/net-rg/" in decision.reason


async def test_a_further_range_is_refused_unless_the_file_manages_it(gateway: AzureGateway) -> None:
    await make_networks(gateway)
    facts = await network_of(gateway, EAST)
    assert decide_network(make_topology(), with_range(EAST, manage=False), facts).state == "refused"
    assert not await gateway.ensure_network(with_range(EAST, manage=False), "two-regions")
    assert (await network_of(gateway, EAST)).etag == facts.etag


async def test_a_managed_range_is_added_and_nothing_is_lost(gateway: AzureGateway, stand_in: StandIn) -> None:
    await make_networks(gateway)
    await peer(gateway)
    managed = with_range(EAST, manage=True)
    before = await network_of(gateway, EAST)
    assert decide_network(make_topology(), managed, before).state == "needed"
    assert await gateway.ensure_network(managed, "two-regions")
    after = await network_of(gateway, EAST)
    assert MORE in after.address_prefixes
    assert [s.name for s in after.subnets] == [s.name for s in before.subnets]
    assert [p.name for p in after.peerings] == [p.name for p in before.peerings]
    assert decide_network(make_topology(), managed, after).is_done
    assert await peer(gateway)  # the new range is synchronised on both sides
    assert [p.carries_traffic for p in await both_sides(gateway)] == [True, True]


async def test_a_pod_subnet_is_made_with_the_network_or_afterwards(gateway: AzureGateway) -> None:
    whole = replace(CENTRAL.network, pod_subnet=Subnet("pods", IPv4Network("192.138.0.128/25")))
    await gateway.ensure_group(EAST, "two-regions")
    await gateway.ensure_network(CENTRAL, "two-regions")
    assert await gateway.ensure_network(replace(CENTRAL, network=whole), "two-regions")
    assert (await network_of(gateway, CENTRAL)).subnet("pods") is not None
    pods = Subnet("pods", IPv4Network("120.38.1.128/25"))
    east = replace(EAST, network=replace(EAST.network, pod_subnet=pods))
    await gateway.ensure_network(east, "two-regions")
    assert [s.name for s in (await network_of(gateway, east)).subnets] == ["vnet-eastus-subnet", "pods"]


async def test_connected_otherwise_is_neither_peered_nor_opened(gateway: AzureGateway) -> None:
    await make_networks(gateway)
    spoke = replace(CENTRAL, network=replace(CENTRAL.network, connected="otherwise"))
    first, second = await gateway.region_facts(EAST), await gateway.region_facts(CENTRAL)
    peering = decide_peering((EAST, spoke), first.network, second.network)
    ports = decide_ports(make_topology(EAST, spoke), (EAST, spoke), first, second)
    assert peering.is_done
    assert ports.is_done
    assert "connected otherwise" in peering.reason
    assert "only reachability is verified" in ports.reason


async def test_a_closed_peering_is_opened_only_where_both_networks_are_managed(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    await make_networks(gateway)
    await peer(gateway)
    stand_in_document = next(k for k in _keys(stand_in) if k.endswith("/virtualnetworkpeerings/to-central"))
    document = stand_in.arm.store.get(stand_in_document)
    document["properties"]["allowVirtualNetworkAccess"] = False
    stand_in.arm.store.put(stand_in_document, document)
    first, second = await network_of(gateway, EAST), await network_of(gateway, CENTRAL)
    refused = decide_peering((EAST, CENTRAL), first, second)
    assert refused.state == "refused"
    with pytest.raises(PermanentFailure) as caught:
        await peer(gateway)
    command = f"az network vnet peering update --ids {document['id']} --set allowVirtualNetworkAccess=true"
    assert caught.value.code == "HS-AZURE-022"
    for hint in (caught.value.hint, refused.hint):
        assert hint.endswith(command)
    managed = tuple(replace(r, network=replace(r.network, manage=True)) for r in (EAST, CENTRAL))
    assert decide_peering((managed[0], managed[1]), first, second).state == "needed"
    assert await gateway.ensure_peering(managed[0], "to-central", managed[1], "to-east", Memory())
    assert [p.allow_access for p in await both_sides(gateway)] == [True, True]


def _keys(stand_in: StandIn) -> list[str]:
    return [key for key, _ in stand_in.arm.store.all.items()]


async def test_pods_of_a_new_cluster_get_their_own_subnet(gateway: AzureGateway) -> None:
    pods = Subnet("pods", IPv4Network("192.138.0.128/25"))
    region = replace(CENTRAL, network=replace(CENTRAL.network, pod_subnet=pods))
    await gateway.ensure_group(region, "two-regions")
    await gateway.ensure_network(region, "two-regions")
    await gateway.ensure_cluster(region, LIKE, "two-regions")
    made = (await gateway.region_facts(region)).cluster
    assert made is not None
    assert {(p.pod_subnet_id or "").rsplit("/", 1)[1] for p in made.node_pools} == {"pods"}
    assert plugin_of(made) == "azure-pod-subnet"


async def test_pools_grow_only_where_the_file_manages_the_cluster(
    gateway: AzureGateway, records: Recorded
) -> None:
    subnet = replace(CENTRAL.network.subnet, prefix=IPv4Network("192.138.0.0/24"))
    roomy = replace(CENTRAL, network=replace(CENTRAL.network, subnet=subnet))
    await gateway.ensure_group(roomy, "two-regions")
    await gateway.ensure_network(roomy, "two-regions")
    await gateway.ensure_cluster(roomy, LIKE, "two-regions")
    larger = with_pools(roomy, POOLS[0], replace(POOLS[1], count=4, labels=(("tier", "data"),)))
    assert not await gateway.ensure_cluster(larger, LIKE, "two-regions")
    managed = replace(larger, cluster=replace(larger.cluster, manage=True))
    assert await gateway.ensure_cluster(managed, LIKE, "two-regions")
    made = (await gateway.region_facts(CENTRAL)).cluster
    assert made is not None
    assert (made.node_pools[1].count, dict(made.node_pools[1].labels)) == (
        4,
        {"apigee": "data", "tier": "data"},
    )
    assert decide_cluster(managed, made, LIKE).is_done
    assert not await gateway.ensure_cluster(managed, LIKE, "two-regions")


async def test_a_managed_cluster_never_loses_a_node(gateway: AzureGateway) -> None:
    await make_networks(gateway)
    await gateway.ensure_cluster(CENTRAL, LIKE, "two-regions")
    fewer = with_pools(CENTRAL, POOLS[0], replace(POOLS[1], count=1))
    managed = replace(fewer, cluster=replace(fewer.cluster, manage=True))
    assert not await gateway.ensure_cluster(managed, LIKE, "two-regions")
    made = (await gateway.region_facts(CENTRAL)).cluster
    assert decide_cluster(managed, made, LIKE).is_done
