"""Pods behind their nodes, on real networks in namespaces; see overlay_driver.py for the scenario."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.nftables.main import NFTables

from hybridspan.errors import PermanentFailure
from hybridspan_lab.network import translation
from tests.lab_network.played import played


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    driver = Path(__file__).with_name("overlay_driver.py")
    return played(driver, tmp_path_factory.mktemp("overlays") / "ns")


@pytest.mark.parametrize("other", ["near", "pod-2", "east-1", "east-2"])
def test_within_its_cluster_a_pod_is_seen_as_itself(seen, other):
    assert seen["peered"][f"pod-1 {other}"] == "10.244.0.4"


@pytest.mark.parametrize("other", ["vm-east", "vm-central", "central-1"])
def test_everybody_else_sees_the_address_of_the_pod_s_node(seen, other):
    assert seen["peered"][f"pod-1 {other}"] == "120.38.1.4"


@pytest.mark.parametrize("one", ["vm-east", "vm-central"])
def test_nobody_outside_the_cluster_reaches_a_pod(seen, one):
    assert seen["peered"][f"{one} pod-1"] is None


def test_two_clusters_may_use_the_same_range_and_neither_sees_the_other_s_pods(seen):
    assert seen["peered"]["pod-1 pod-c"] is None
    assert seen["peered"]["central-1 pod-2"] is None


def test_nodes_reach_their_cluster_s_pods_and_over_a_peering_each_other(seen):
    assert seen["peered"]["east-1 pod-2"] == "120.38.1.4"
    assert seen["peered"]["east-1 central-1"] == "120.38.1.4"
    assert seen["peered"]["central-1 east-1"] == "192.138.0.4"


def test_a_rule_about_a_node_holds_for_what_its_pods_send(seen):
    denied = seen["east-1 denied into central"]
    assert denied == {"pod-1 vm-central": None, "pod-2 vm-central": "120.38.1.5"}


def test_a_cut_peering_leaves_the_pods_their_own_cluster(seen):
    assert seen["apart"] == {"pod-1 vm-central": None, "pod-1 pod-2": "10.244.0.4"}


def test_a_node_that_goes_takes_its_pods_with_it_and_no_others(seen):
    assert seen["without its node"] == {"pod-1 pod-2": None, "pod-1 near": "10.244.0.4"}


def test_an_overlay_leads_out_of_the_lab_as_little_as_a_network_does(seen):
    assert seen["interfaces"] == ["veth"]


def test_an_ended_overlay_leaves_no_fabric(seen):
    assert seen["fabrics left"] == 1


def test_a_kernel_that_translates_no_addresses_is_named(monkeypatch):
    class Refusing(NFTables):
        def table(self, *_arguments, **_options):
            raise NetlinkError(95, "Operation not supported")

    monkeypatch.setattr(translation, "NFTables", Refusing)
    with pytest.raises(PermanentFailure) as caught:
        translation.translate_source("eth0")
    assert caught.value.code == "HS-LAB-035"
    assert "Operation not supported" in caught.value.why
