"""From Azure's documents to packets: what peerings and security groups say is what happens; see documents_driver.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab_network.played import played


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    driver = Path(__file__).with_name("documents_driver.py")
    return played(driver, tmp_path_factory.mktemp("documents") / "ns")


def test_the_default_rules_let_the_network_and_its_peers_in_and_nobody_else(seen):
    open_ways = {way for way, reached in seen["default rules"].items() if reached}
    assert open_ways == set(seen["default rules"]) - {"w1 c1 9042", "w1 e1 9042"}


@pytest.mark.parametrize(
    ("way", "reached"),
    [
        ("e1 c1 7001", True),
        ("e2 c1 7001", False),
        ("c2 c1 7001", False),
        ("e2 c1 9042", True),
    ],
)
def test_the_lowest_priority_decides_and_virtual_network_means_peers_too(seen, way, reached):
    assert seen["rules"][way] is reached


def test_a_group_guards_its_subnet_and_no_other(seen):
    assert seen["rules"]["e2 free 7001"]


def test_outbound_rules_hold_for_connections_that_begin_inside(seen):
    assert not seen["rules"]["c1 e1 7000"]
    assert seen["rules"]["c1 e1 7001"]
    assert seen["rules"]["e1 c1 7000"]


def test_a_rule_about_the_other_side_s_port_holds_for_that_port_only(seen):
    assert seen["from port 5000"] is False


def test_no_access_on_one_side_is_no_traffic_and_peerings_are_not_transitive(seen):
    assert not seen["rules"]["w1 c1 9042"]
    assert not seen["rules"]["w1 e1 9042"]


def test_a_disconnected_peering_carries_nothing(seen):
    assert seen["disconnected"] is False


def test_a_range_that_a_peering_has_not_synced_has_no_route(seen):
    assert (seen["synced False"], seen["synced True"]) == (False, True)
