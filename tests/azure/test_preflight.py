from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from hybridspan.azure.preflight import findings
from hybridspan.facts.azure import RegionAzureFacts
from hybridspan.facts.world import Finding
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region, Subnet
from tests.azure.regions import (
    CENTRAL,
    EAST,
    POOLS,
    SECOND_SUBSCRIPTION,
    make_region,
    make_topology,
    with_pools,
)
from tests.plan_azure.facts import NOTHING, cluster, here, peering

READY = here(EAST, aks=cluster(EAST))


def found(
    east: RegionAzureFacts = READY, central: RegionAzureFacts = NOTHING, region: Region = CENTRAL
) -> list[Finding]:
    return findings(make_topology(EAST, region), {"eastus": east, region.name: central})


def of(check: str, results: list[Finding]) -> list[str]:
    return [f.severity for f in results if f.check == check]


def test_nothing_refuses_the_documented_example() -> None:
    assert [f for f in found() if f.severity == "refuse"] == []


def test_without_a_first_cluster_there_is_nothing_to_span_from() -> None:
    assert of("azure-first-region", found(here(EAST))) == ["refuse"]


def test_a_first_cluster_in_another_network_is_refused() -> None:
    stray = tuple(replace(p, subnet_id="/elsewhere/subnets/x") for p in cluster(EAST).node_pools)
    assert of("azure-first-region", found(here(EAST, aks=cluster(EAST, node_pools=stray)))) == ["refuse"]


def test_live_ranges_that_overlap_are_refused() -> None:
    twin = make_region("centralus", "120.38.0.0/16", 2)
    assert of("azure-ranges", found(region=twin)) == ["refuse"]
    assert of("azure-ranges", found()) == []


def test_a_subnet_too_small_for_nodes_and_pods_names_what_fits() -> None:
    crowded = with_pools(CENTRAL, replace(POOLS[0], max_pods=30), replace(POOLS[1], max_pods=30))
    refusal = next(f for f in found(region=crowded) if f.check == "azure-addresses")
    assert refusal.severity == "refuse"
    assert (
        refusal.message == "192.138.0.0/26 has 59 usable addresses, and the cluster's nodes and pods take 124"
    )
    assert refusal.hint.endswith("maxPods of at most 13")


def test_a_subnet_without_room_for_an_upgrade_is_a_warning() -> None:
    assert of("azure-addresses", found()) == ["warn"]
    subnet = replace(CENTRAL.network.subnet, prefix=IPv4Network("192.138.0.0/24"))
    roomy = replace(CENTRAL, network=replace(CENTRAL.network, subnet=subnet))
    assert of("azure-addresses", found(region=roomy)) == ["pass"]


def test_a_stopped_cluster_is_refused_and_a_failed_one_warned_of() -> None:
    assert "refuse" in of("azure-power", found(here(EAST, aks=cluster(EAST, power_state="Stopped"))))
    assert "warn" in of("azure-power", found(here(EAST, aks=cluster(EAST, provisioning_state="Failed"))))


@pytest.mark.parametrize(
    ("state", "verb"),
    [({"power_state": "Stopped"}, "start"), ({"provisioning_state": "Failed"}, "update")],
)
def test_a_cluster_that_lies_elsewhere_is_started_or_written_where_it_lies(
    state: dict[str, str], verb: str
) -> None:
    owner = make_region("centralus", "192.138.0.0/24", 2, group="aks-rg", subscription=SECOND_SUBSCRIPTION)
    named = replace(CENTRAL, cluster=replace(CENTRAL.cluster, id=azure_ids.cluster_id(owner)))
    results = found(central=here(CENTRAL, aks=cluster(owner, **state)), region=named)
    told = next(f for f in results if f.check == "azure-power" and f.severity != "pass")
    where = f"--resource-group aks-rg --subscription {SECOND_SUBSCRIPTION} --name apigee-centralus"
    assert told.hint.startswith(f"az aks {verb} {where}")


def test_a_disconnected_peering_is_a_warning() -> None:
    torn = here(EAST, peering(CENTRAL, "Disconnected"), aks=cluster(EAST))
    assert of("azure-peering", found(torn)) == ["warn"]


def test_pods_that_no_peering_reaches_lead_to_the_hosts_network() -> None:
    overlay = here(EAST, aks=cluster(EAST, network_plugin_mode="overlay"))
    told = next(f for f in found(overlay) if f.check == "azure-routable")
    assert "hostNetwork: true, in all regions, the existing one first" in told.message
    assert of("azure-routable", found()) == ["pass"]


def test_an_overlay_takes_addresses_for_nodes_only() -> None:
    overlay = here(EAST, aks=cluster(EAST, network_plugin_mode="overlay"))
    crowded = with_pools(CENTRAL, replace(POOLS[0], max_pods=110))
    assert "refuse" not in of("azure-addresses", found(overlay, region=crowded))


def test_a_subnet_for_pods_is_counted_by_itself_and_the_nodes_subnet_without_pods() -> None:
    nodes = replace(CENTRAL.network.subnet, prefix=IPv4Network("192.138.1.0/28"))
    pods = Subnet("pods", IPv4Network("192.138.0.0/26"))
    region = replace(CENTRAL, network=replace(CENTRAL.network, subnet=nodes, pod_subnet=pods))
    pools = tuple(replace(p, pod_subnet_id="/subnets/pods") for p in cluster(EAST).node_pools)
    told = [
        f
        for f in found(here(EAST, aks=cluster(EAST, node_pools=pools)), region=region)
        if f.check == "azure-addresses"
    ]
    assert [f.message.split(" usable")[0] for f in told] == ["4 of 11", "192.138.0.0/26 has 59"]
    assert [f.severity for f in told] == ["pass", "refuse"]
    assert told[1].where == "centralus, subnet pods"


def test_private_and_entra_only_clusters_are_named() -> None:
    shut = here(EAST, aks=cluster(EAST, is_private=True, needs_entra_login=True))
    assert of("azure-access", found(shut)) == ["warn", "warn"]
