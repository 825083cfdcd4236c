from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybridspan.facts import azure_bodies as bodies
from hybridspan.facts.azure import NodePoolFacts
from hybridspan.plan.phases.clusters import decide_cluster, plan_clusters, plugin_of
from hybridspan.topology.model import Region
from tests.azure.regions import CENTRAL, EAST, POOLS, make_topology, with_pools
from tests.plan_azure.facts import NOTHING, cluster, here, world
from tests.plan_azure.fake_az import run_with_az

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


NAME = make_topology().name
OURS = ((bodies.TOPOLOGY_TAG, NAME),)


def failed_pool(region: Region = CENTRAL, **changes: Any) -> tuple[NodePoolFacts, ...]:
    """The pools of the region's cluster, the last one grown by hand and then failed."""
    *others, last = cluster(region).node_pools
    return (*others, replace(last, **{"provisioning_state": "Failed", "count": 5, **changes}))


def test_a_failed_pool_of_ours_is_written_with_the_nodes_that_it_has() -> None:
    seen = cluster(CENTRAL, node_pools=failed_pool(), tags=OURS)
    decision = decide_cluster(CENTRAL, seen, FIRST, topology_name=NAME)
    assert decision.state == "needed"
    assert decision.reason == (
        "AKS cluster apigee-centralus exists and has node pool apigeedata in state Failed: it is written once more, with 5 nodes"
    )


def test_a_failed_cluster_of_ours_is_written_as_azure_has_it() -> None:
    seen = cluster(CENTRAL, provisioning_state="Failed", tags=OURS)
    decision = decide_cluster(CENTRAL, seen, FIRST, topology_name=NAME)
    assert decision.state == "needed"
    assert decision.reason.endswith(
        "is in state Failed: a run of hybridspan made it, and it is written once more as Azure has it"
    )


@pytest.mark.parametrize("tags", [(), ((bodies.TOPOLOGY_TAG, "another"),)])
@pytest.mark.parametrize("manage", [False, True])
def test_what_failed_of_somebody_elses_is_refused_with_its_owners_command(
    tags: tuple[tuple[str, str], ...], manage: bool
) -> None:
    region = replace(CENTRAL, cluster=replace(CENTRAL.cluster, manage=manage))
    place = f"--resource-group {CENTRAL.resource_group} --subscription {CENTRAL.subscription}"
    whole = decide_cluster(
        region, cluster(CENTRAL, provisioning_state="Failed", tags=tags), FIRST, topology_name=NAME
    )
    pool = decide_cluster(
        region, cluster(CENTRAL, node_pools=failed_pool(), tags=tags), FIRST, topology_name=NAME
    )
    assert (whole.state, pool.state) == ("refused", "refused")
    assert whole.hint.endswith(f"az aks update {place} --name apigee-centralus --yes")
    assert "node pool apigeedata of apigee-centralus is in state Failed" in pool.reason
    assert pool.hint.endswith(
        f"az aks nodepool update {place} --cluster-name apigee-centralus --name apigeedata --mode User"
    )


def test_a_failed_pool_of_ours_in_somebody_elses_cluster_is_written_once_more() -> None:
    seen = cluster(CENTRAL, node_pools=failed_pool(tags=OURS))
    decision = decide_cluster(CENTRAL, seen, FIRST, topology_name=NAME)
    assert decision.state == "needed"
    assert decision.reason.endswith(
        "has node pool apigeedata in state Failed: it is written once more, with 5 nodes"
    )
    facts = world(eastus=here(EAST, aks=FIRST), centralus=here(CENTRAL, aks=seen))
    told = [c.text() for c in plan_clusters(make_topology(), facts)[0].commands]
    assert [t.split(" --")[0] for t in told if " update " in t] == ["az aks nodepool update"]


def test_our_tag_on_one_pool_speaks_for_no_other() -> None:
    *others, last = failed_pool(tags=OURS)
    seen = cluster(CENTRAL, node_pools=(replace(others[0], provisioning_state="Failed"), last))
    decision = decide_cluster(CENTRAL, seen, FIRST, topology_name=NAME)
    assert decision.state == "refused"
    assert decision.reason.startswith("node pool apigeerun of apigee-centralus is in state Failed")


def test_what_is_declared_of_a_pool_carries_its_own_tags() -> None:
    for there in (None, cluster(with_pools(CENTRAL, POOLS[0]))):
        facts = world(eastus=here(EAST, aks=FIRST), centralus=here(CENTRAL, aks=there))
        properties = plan_clusters(make_topology(), facts)[0].resources[0].body["properties"]
        pools = properties.get("agentPoolProfiles") or [properties]
        assert {pool["tags"][bodies.TOPOLOGY_TAG] for pool in pools} == {NAME}


def test_what_is_being_written_by_somebody_is_waited_for_before_it_is_judged() -> None:
    seen = cluster(CENTRAL, node_pools=failed_pool(), provisioning_state="Updating")
    decision = decide_cluster(CENTRAL, seen, FIRST, topology_name=NAME)
    assert decision.reason == "AKS cluster apigee-centralus exists and is not ready: Updating"


def test_a_failed_pool_that_the_file_does_not_name_is_told_and_left_alone() -> None:
    further = replace(cluster(CENTRAL).node_pools[0], name="theirs", provisioning_state="Failed")
    seen = cluster(CENTRAL, node_pools=(*cluster(CENTRAL).node_pools, further))
    decision = decide_cluster(CENTRAL, seen, FIRST, topology_name=NAME)
    assert decision.is_done
    assert decision.reason.endswith(
        "pool theirs, which the file does not name, is in state Failed, left alone"
    )


def test_all_that_will_be_written_is_told() -> None:
    larger = with_pools(CENTRAL, replace(POOLS[0], count=2), POOLS[1], replace(POOLS[1], name="more"))
    managed = replace(larger, cluster=replace(larger.cluster, manage=True))
    seen = cluster(CENTRAL, node_pools=failed_pool(count=1), tags=OURS)
    decision = decide_cluster(managed, seen, FIRST, topology_name=NAME)
    assert decision.reason.partition(" exists and ")[2] == (
        "has node pool apigeedata in state Failed: it is written once more, with 3 nodes; it has no node pool more; "
        "it is managed by the file: apigeerun to 2 nodes, with the file's labels"
    )


def test_the_commands_write_again_what_failed_of_ours_and_nothing_of_others() -> None:
    for tags in (OURS, ()):
        seen = cluster(CENTRAL, node_pools=failed_pool(), provisioning_state="Failed", tags=tags)
        facts = world(eastus=here(EAST, aks=FIRST), centralus=here(CENTRAL, aks=seen))
        told = [c.text() for c in plan_clusters(make_topology(), facts)[0].commands]
        again = [t.split(" --")[0] for t in told if t.startswith(("az aks update", "az aks nodepool update"))]
        assert again == (["az aks update", "az aks nodepool update"] if tags else [])


def test_the_commands_of_a_managed_pool_keep_its_labels_and_scale_only_upwards() -> None:
    labelled = with_pools(CENTRAL, POOLS[0], replace(POOLS[1], count=2, labels=(("tier", "data"),)))
    managed = replace(labelled, cluster=replace(labelled.cluster, manage=True))
    facts = world(eastus=here(EAST, aks=FIRST), centralus=here(CENTRAL, aks=cluster(CENTRAL)))
    told = [c.text() for c in plan_clusters(make_topology(EAST, managed), facts)[0].commands]
    assert not any("nodepool scale" in text for text in told)
    assert any(text.endswith("--name apigeedata --labels apigee=data tier=data") for text in told)


@pytest.mark.parametrize(("count", "scaled"), [(2, True), (3, False), (5, False)])
def test_a_pool_that_has_grown_since_the_script_was_written_is_not_scaled_again(
    tmp_path: Path, count: int, scaled: bool
) -> None:
    """As it is at a second start: az refuses the number of nodes that a pool has."""
    managed = replace(CENTRAL, cluster=replace(CENTRAL.cluster, manage=True))
    *others, last = cluster(CENTRAL).node_pools
    small = cluster(CENTRAL, node_pools=(*others, replace(last, count=2)))
    facts = world(eastus=here(EAST, aks=FIRST), centralus=here(CENTRAL, aks=small))
    step = plan_clusters(make_topology(EAST, managed), facts)[0]
    says = f"""case "$*" in
      *"nodepool show"*"--query count"*) echo {count};;
      *"nodepool scale"*) (( {count} != 3 )) || exit 1;;
    esac"""
    ran = run_with_az(tmp_path, step.commands, says)
    assert (ran.code, bool(ran.called("aks nodepool scale"))) == (0, scaled)


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
    assert credentials.gist.startswith("az aks get-credentials")


@pytest.mark.parametrize(
    ("given", "file"),
    [
        (None, "/home/me/.kube/config"),
        ("", "/home/me/.kube/config"),
        ("/one", "/one"),
        ("/one:/two", "/one"),
        # As `export KUBECONFIG=$KUBECONFIG:/two` makes it of nothing.
        (":/two", "/two"),
    ],
)
def test_the_context_that_is_fetched_is_the_one_that_all_else_uses(
    tmp_path: Path, given: str | None, file: str
) -> None:
    region = replace(CENTRAL, cluster=replace(CENTRAL.cluster, context="prod-cu"))
    topology = make_topology(EAST, region)
    facts = world(eastus=here(EAST, aks=FIRST), centralus=here(region))
    fetched = plan_clusters(topology, facts)[0].commands[-1]
    ran = run_with_az(tmp_path, [fetched], environment={} if given is None else {"KUBECONFIG": given})
    words = ran.calls[0].split()
    assert words[words.index("--context") + 1] == "prod-cu"
    assert words[words.index("--file") + 1] == file


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
