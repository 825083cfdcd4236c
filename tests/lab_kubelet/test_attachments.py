"""Where pods of each network plugin are; see attachments_driver.py for the scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab_network.played import played


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    driver = Path(__file__).with_name("attachments_driver.py")
    return played(driver, tmp_path_factory.mktemp("attachments") / "ns")


ADDRESSES = {
    "pods": ["120.38.1.10", "120.38.1.11", "120.38.1.4"],
    "subnet": ["120.38.1.132", "120.38.1.133", "120.38.1.4"],
    "overlay": ["10.244.0.4", "10.244.1.4", "120.38.1.4"],
}


@pytest.mark.parametrize("life", ["first", "second"])
@pytest.mark.parametrize("plugin", ADDRESSES)
def test_each_plugin_has_its_addresses_also_after_the_kubelet_s_restart(seen, plugin, life):
    found = seen[f"{plugin} {life}"]
    assert found["addresses"] == ADDRESSES[plugin]
    assert found["one sees two"] == ADDRESSES[plugin][0]
    assert found["gone"]


@pytest.mark.parametrize("plugin", ["pods", "subnet"])
def test_addresses_of_the_network_are_routed_over_a_peering(seen, plugin):
    found = seen[f"{plugin} first"]
    assert found["one sees two"] == ADDRESSES[plugin][0]
    assert found["remote sees one"] == "120.38.1.4"  # its node's, as AKS shows it outside of the own network
    assert found["remote reaches one"]


def test_overlay_pods_are_seen_as_their_node_and_reached_by_nobody_outside(seen):
    found = seen["overlay first"]
    assert found["remote sees one"] == "120.38.1.4"
    assert not found["remote reaches one"]


@pytest.mark.parametrize("plugin", ADDRESSES)
def test_a_pod_on_its_node_s_network_is_the_node_for_everybody(seen, plugin):
    found = seen[f"{plugin} first"]
    assert found["same"]
    assert found["remote sees the node"] == "120.38.1.4"
    assert found["remote reaches the node"]


def test_a_kubelet_that_ends_leaves_no_node_behind(seen):
    assert seen["left"] == ["pod-remote"]
