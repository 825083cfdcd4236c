from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.facts import azure_bodies as bodies
from hybridspan.plan.phases.clusters import decide_cluster, plan_clusters, plugin_of
from tests.azure.regions import CENTRAL, EAST, POOLS, make_topology, with_pools
from tests.plan_azure.facts import NOTHING, cluster, here, world

FIRST = cluster(EAST)
OVERLAY = replace(FIRST, network_plugin_mode="overlay")


def test_a_missing_cluster_is_made_like_the_first_one() -> None:
    decision = decide_cluster(CENTRAL, None, FIRST)
    assert decision.state == "needed"
    assert decision.reason.endswith("it gets apigee-eastus's network plugin, azure, and Kubernetes 1.33.5")


def test_without_a_first_cluster_nothing_is_made() -> None:
    assert decide_cluster(CENTRAL, None, None).state == "refused"


def test_a_cluster_as_declared_is_left_alone() -> None:
    decision = decide_cluster(CENTRAL, cluster(CENTRAL), FIRST)
    assert decision.is_done
    assert decision.reason == "AKS cluster apigee-centralus exists with network plugin azure"


def test_other_counts_are_noted_and_left_alone() -> None:
    pools = cluster(CENTRAL).node_pools
    grown = cluster(CENTRAL, node_pools=(pools[0], replace(pools[1], count=5)))
    decision = decide_cluster(CENTRAL, grown, FIRST)
    assert decision.is_done
    assert "pool apigeedata has 5 nodes, the file says 3, left alone" in decision.reason


def test_a_missing_pool_is_added() -> None:
    part = cluster(with_pools(CENTRAL, POOLS[0]))
    decision = decide_cluster(CENTRAL, part, FIRST)
    assert decision.reason == "AKS cluster apigee-centralus exists and has no node pool apigeedata"


def test_a_cluster_that_is_being_made_is_waited_for() -> None:
    decision = decide_cluster(CENTRAL, cluster(CENTRAL, provisioning_state="Creating"), FIRST)
    assert decision.reason == "AKS cluster apigee-centralus exists and is not ready: Creating"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network_plugin_mode": "overlay"}, "network plugin azure-overlay"),
        ({"network_plugin": "kubenet"}, "network plugin kubenet"),
        ({"power_state": "Stopped"}, "is stopped"),
    ],
)
def test_what_makes_going_on_wrong_is_refused(changes: dict[str, str], words: str) -> None:
    decision = decide_cluster(CENTRAL, cluster(CENTRAL, **changes), FIRST)
    assert decision.state == "refused"
    assert words in decision.reason
    assert decision.hint


def test_a_pool_in_another_network_is_refused() -> None:
    stray = tuple(
        replace(p, subnet_id="/subscriptions/x/elsewhere/subnets/y") for p in cluster(CENTRAL).node_pools
    )
    decision = decide_cluster(CENTRAL, cluster(CENTRAL, node_pools=stray), FIRST)
    assert decision.state == "refused"
    assert "elsewhere" in decision.reason


def test_a_declared_plugin_that_differs_from_the_first_ones_is_refused() -> None:
    other = replace(CENTRAL, cluster=replace(CENTRAL.cluster, network_plugin="azure"))
    assert decide_cluster(other, None, FIRST).state == "needed"
    assert decide_cluster(other, None, OVERLAY).state == "refused"


def test_plugins_have_the_topologys_names() -> None:
    own_subnet = tuple(replace(p, pod_subnet_id="/pods") for p in FIRST.node_pools)
    assert plugin_of(FIRST) == "azure"
    assert plugin_of(OVERLAY) == "azure-overlay"
    assert plugin_of(replace(FIRST, node_pools=own_subnet)) == "azure-pod-subnet"
    assert plugin_of(replace(FIRST, network_plugin="kubenet")) == "kubenet"


def test_the_commands_state_plugin_subnet_and_ranges() -> None:
    facts = world(eastus=here(EAST, aks=OVERLAY), centralus=here(CENTRAL))
    create, pool, credentials = plan_clusters(make_topology(), facts)[0].commands
    assert "az aks create --name apigee-centralus --location centralus" in create.text()
    assert "--network-plugin azure --network-plugin-mode overlay" in create.text()
    assert "--service-cidr 10.2.0.0/16 --dns-service-ip 10.2.0.10" in create.text()
    assert '--vnet-subnet-id "$SUBNET"' in create.text()
    assert "az aks nodepool add" in pool.text()
    assert "--zones 1 2 3 --labels apigee=data" in pool.text()
    assert credentials.text().startswith("az aks get-credentials")


def test_the_way_back_deletes_a_cluster_that_a_run_made_and_no_other() -> None:
    topology = make_topology()
    there = cluster(CENTRAL)
    for tag, expected in ((topology.name, ("az", "aks", "delete")), ("another", ())):
        seen = here(CENTRAL, aks=replace(there, tags=((bodies.TOPOLOGY_TAG, tag),)))
        step = plan_clusters(topology, world(eastus=here(EAST, aks=FIRST), centralus=seen))[0]
        assert (step.undo[0].argv[:3] if step.undo else ()) == expected
        assert step.undo_note.startswith("A run of hybridspan made it") == bool(expected)


def test_the_way_back_names_when_it_is_open() -> None:
    step = plan_clusters(make_topology(), world(eastus=here(EAST, aks=FIRST), centralus=NOTHING))[0]
    assert step.undo[0].argv[:3] == ("az", "aks", "delete")
    assert "decommissioned" in step.undo_note
    assert step.needs == ("network/centralus",)
