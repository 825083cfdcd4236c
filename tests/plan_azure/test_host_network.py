"""Which network plugin decides hostNetwork: concluded from the existing cluster, planned there first, and told why."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybridspan.apigee.document import EditableText
from hybridspan.apigee.overrides_edits import with_host_network
from hybridspan.facts.apigee import ApigeeFacts, DatastoreFacts
from hybridspan.facts.azure import ClusterFacts
from hybridspan.facts.cassandra import RingFacts, RingNode
from hybridspan.facts.kubernetes import ClusterObjects, NodeObjectFacts, PodFacts
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.plan.build import build
from hybridspan.plan.model import Plan
from hybridspan.plan.phases.host_network import decide_host_network
from hybridspan.topology.model import Topology
from tests.azure.regions import CENTRAL, EAST, make_topology
from tests.plan_azure.facts import NOTHING, cluster, here

OVERLAY = cluster(EAST, network_plugin_mode="overlay")
MACHINES = tuple(NodeObjectFacts(f"node-{n}", True, f"120.38.1.{n}", {}) for n in (4, 5, 6))
STORE = DatastoreFacts(
    "default", "running", "dc-1", "ra-1", "apigeecluster", None, 3, 3, False, "1.11.2", False
)
ON_NODES = replace(STORE, host_network=True)


def overrides(host_network: bool) -> OverridesFacts:
    return OverridesFacts("overrides.yaml", True, host_network=host_network)


def objects(*addresses: str, ready: bool = True) -> ClusterObjects:
    pods = tuple(
        PodFacts(
            f"apigee-cassandra-default-{n}",
            "apigee",
            f"u{n}",
            machine.name,
            address,
            "Running",
            ready,
            0,
            (),
            "",
        )
        for n, (machine, address) in enumerate(zip(MACHINES, addresses, strict=True))
    )
    return ClusterObjects("v1.33.5", MACHINES, frozenset(), None, None, (), (), pods)


def ring(*addresses: str, state: str = "N") -> RingFacts:
    nodes = tuple(RingNode(a, f"id-{a}", "dc-1", "ra-1", "U", state, 1, 256) for a in addresses)  # type: ignore[arg-type]
    return RingFacts(addresses[0], nodes, {"v": addresses})


POD_ADDRESSES = ("10.244.0.7", "10.244.1.7", "10.244.2.7")
NODE_ADDRESSES = tuple(m.address for m in MACHINES)


def decided(own: bool, store: DatastoreFacts, addresses: tuple[str, ...], members: tuple[str, ...]) -> Any:
    return decide_host_network(EAST, OVERLAY, overrides(own), store, objects(*addresses), ring(*members))


def test_pods_that_no_peering_reaches_mean_the_hosts_network() -> None:
    decision = decided(False, STORE, POD_ADDRESSES, POD_ADDRESSES)
    assert decision.state == "needed"
    assert "apigee-eastus has network plugin azure-overlay: no peering reaches its pods" in decision.reason
    assert "without hostNetwork no node of another region could join" in decision.reason
    assert decision.reason.endswith("becomes true in all regions, here first")


def test_what_the_file_says_and_the_datastore_has_not_is_still_to_do() -> None:
    assert decided(True, STORE, POD_ADDRESSES, POD_ADDRESSES).state == "needed"


def test_a_rolling_change_is_waited_for_pod_by_pod_and_in_the_ring() -> None:
    half = (NODE_ADDRESSES[0], *POD_ADDRESSES[1:])
    assert "default-1 still has 10.244.1.7" in decided(True, ON_NODES, half, half).reason
    late = decided(True, ON_NODES, NODE_ADDRESSES, (*NODE_ADDRESSES[:2], POD_ADDRESSES[2]))
    assert late.reason.endswith("the ring still has 10.244.2.7")


def test_a_changed_region_is_done() -> None:
    assert decided(True, ON_NODES, NODE_ADDRESSES, NODE_ADDRESSES).is_done


def test_a_file_that_would_take_it_back_is_refused() -> None:
    assert decided(False, ON_NODES, NODE_ADDRESSES, NODE_ADDRESSES).state == "refused"


def plan(
    aks: ClusterFacts, *, regions: Topology | None = None, store: DatastoreFacts = STORE, **live: Any
) -> Plan:
    topology = regions or make_topology(EAST, CENTRAL)
    apigee = ApigeeFacts("1.11.2", True, store, (), **live)
    own = overrides(store.host_network)
    first = RegionFacts(here(EAST, aks=aks), objects(*POD_ADDRESSES), apigee, (), own)
    facts = {"eastus": first, "centralus": RegionFacts(NOTHING, None, None, (), overrides(False))}
    return build(
        topology, WorldFacts(0.0, {r.name: facts[r.name] for r in topology.regions}, ring(*POD_ADDRESSES))
    )


def test_the_existing_region_changes_before_anything_of_another_is_installed() -> None:
    made = plan(OVERLAY)
    step = made.step("host-network/eastus")
    assert "restarts one after the other" in step.irreversible
    assert "the same change the other way takes it back" in step.irreversible
    assert "ring" in step.lanes
    assert step.undo
    assert step.id in made.step("overrides/centralus").needs
    order = [s.id for s in made.steps]
    for later in ("overrides/centralus", "seed/centralus", "datastore/centralus"):
        assert order.index(step.id) < order.index(later)  # type: ignore[arg-type]


def test_pods_that_a_peering_reaches_need_no_such_step() -> None:
    with pytest.raises(KeyError):
        plan(cluster(EAST)).step("host-network/eastus")


def test_one_region_alone_stays_as_it_is() -> None:
    with pytest.raises(KeyError):
        plan(OVERLAY, regions=make_topology(EAST)).step("host-network/eastus")


WITH_HELM = replace(make_topology(EAST, CENTRAL), installer="helm", hybrid_version="1.16.0")
TRACKED = {"datastore": "hybrid-east"}


def test_a_datastore_of_argo_cds_is_changed_by_argo_cd_alone() -> None:
    step = plan(OVERLAY, regions=WITH_HELM, tracked=TRACKED).step("host-network/eastus")
    assert step.decision.state == "refused"
    assert "of Argo CD's application hybrid-east, which hybridspan does not change" in step.decision.reason
    assert "write cassandra.hostNetwork: true into the values" in step.decision.hint
    assert (step.commands, step.undo) == ((), ())


def test_what_argo_cd_is_changing_is_waited_for_and_not_installed_once_more() -> None:
    step = plan(OVERLAY, regions=WITH_HELM, store=ON_NODES, tracked=TRACKED).step("host-network/eastus")
    assert step.decision.state == "needed"
    assert "the change is not over" in step.decision.reason
    assert not any("helm" in c.text() for c in (*step.commands, *step.undo))


def test_a_mark_of_argo_cds_on_what_helm_does_not_install_changes_nothing() -> None:
    assert plan(OVERLAY, tracked=TRACKED).step("host-network/eastus").decision.state == "needed"


FILES = {
    "set to false": "cassandra:\n  hostNetwork: false # as installed\n  replicaCount: 3\n",
    "not set": "org: x\ncassandra:\n  replicaCount: 3\n",
    "set already": "cassandra:\n  hostNetwork: true\n",
}


@pytest.mark.parametrize("before", FILES.values(), ids=FILES)
def test_the_file_is_edited_in_place(before: str) -> None:
    after = with_host_network(EditableText(before))
    assert after.value("cassandra", "hostNetwork") is True
    assert [line for line in before.splitlines() if "hostNetwork" not in line] == [
        line for line in after.text.splitlines() if "hostNetwork" not in line
    ]


@pytest.mark.parametrize("before", FILES.values(), ids=FILES)
def test_the_shown_command_edits_it_alike_and_may_be_repeated(before: str, tmp_path: Path) -> None:
    topology = make_topology(replace(EAST, overrides=tmp_path / "o.yaml"), CENTRAL)
    (tmp_path / "o.yaml").write_text(before)
    command = plan(OVERLAY, regions=topology).step("host-network/eastus").commands[0].text()
    for _ in range(2):
        subprocess.run(["bash", "-euc", command], check=True)
        assert EditableText((tmp_path / "o.yaml").read_text()).value("cassandra", "hostNetwork") is True
    assert (tmp_path / "o.yaml").read_text().count("hostNetwork") == 1
