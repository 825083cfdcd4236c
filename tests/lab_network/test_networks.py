"""Real networks in namespaces; see driver.py for the scenario."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.lab_network.played import played

pytestmark = pytest.mark.usefixtures("real_networks")

OPEN = {"ab7001": True, "ab7000": True, "ba7001": True, "ac7001": True, "ac7000": True}


@pytest.fixture(scope="module")
def seen(tmp_path_factory, real_networks):
    driver = Path(__file__).with_name("driver.py")
    return played(driver, tmp_path_factory.mktemp("networks") / "ns")


def test_networks_that_are_not_peered_have_no_route(seen):
    assert seen["apart"] == OPEN | {"ab7001": False, "ab7000": False, "ba7001": False}


def test_peered_networks_reach_each_other(seen):
    assert seen["peered"] == OPEN


def test_a_denying_rule_closes_its_port_and_no_other(seen):
    assert seen["denied inbound"] == OPEN | {"ab7001": False}


def test_a_rule_holds_within_its_own_subnet(seen):
    assert seen["denied within the subnet"] == OPEN | {"ac7001": False}


def test_the_lower_priority_decides(seen):
    assert seen["allowed before denied"] == OPEN


def test_denying_everything_inwards_lets_answers_in(seen):
    assert seen["everything denied into east"] == OPEN | {"ba7001": False, "ac7001": False, "ac7000": False}


def test_removed_rules_leave_nothing_behind(seen):
    assert seen["rules gone"] == OPEN


def test_removing_a_peering_cuts_what_runs_over_it(seen):
    assert seen["stream"] == {"flowed": True, "answered after the cut": False}
    assert seen["apart again"] == seen["apart"]


def test_three_networks_all_reach_one_another(seen):
    assert seen["three"] == dict.fromkeys(("ab", "aw", "ba", "bw", "wa", "wb"), True)


def test_no_interface_leads_out_of_the_labs_namespaces(seen):
    """Every interface is loopback or one end of a pair whose other end is in the lab too, so no packet can leave."""
    kinds = Counter(kind for found in seen["interfaces"].values() for name, kind, *_ in found if name != "lo")
    ends = [
        (own, other)
        for found in seen["interfaces"].values()
        for _, kind, own, other in found
        if kind == "veth"
    ]
    assert set(kinds) == {"veth"}
    assert Counter(ends) == Counter((other, own) for own, other in ends)


def test_the_host_gains_no_interface(seen):
    assert seen["host"]["after"] == seen["host"]["before"]


def test_a_detached_pod_leaves_no_name(seen):
    assert not any(name == "pod-a" for name in seen["names"])
    assert "pod-b" in seen["names"]


def test_a_deleted_network_is_gone(seen):
    assert len(seen["networks left"]) == 1
