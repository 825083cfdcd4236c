"""What other networks see of a pod with Azure CNI, on real networks in namespaces; see shown_driver.py for the scenario."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.nftables.main import NFTables

from hybridspan_lab.kubelet.attachments import Attachments
from hybridspan_lab.network import translation
from hybridspan_lab.network.plane import NetworkPlane
from tests.lab_network.played import played


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    driver = Path(__file__).with_name("shown_driver.py")
    return played(driver, tmp_path_factory.mktemp("shown") / "ns")


def test_another_network_sees_the_address_of_the_pods_node(seen):
    assert seen["peered"]["pod far"] == "120.38.1.4"


def test_its_own_network_sees_the_pods_own(seen):
    assert seen["peered"]["pod near"] == "120.38.1.140"


def test_what_others_begin_finds_the_pod_under_its_own(seen):
    assert seen["peered"]["far pod"] == "192.138.0.9"


def test_nobody_else_is_shown_as_somebody_else(seen):
    assert (seen["peered"]["near far"], seen["peered"]["node far"]) == ("120.38.1.141", "120.38.1.4")


def test_a_rule_must_let_in_the_nodes_whatever_it_says_of_the_pods(seen):
    assert seen["nodes denied"] == {"pod far": None}
    assert seen["pods denied"] == {"pod far": "120.38.1.4"}


def test_an_address_that_goes_to_another_nodes_pod_is_shown_as_that_node(seen):
    assert seen["of another node"] == {"pod far": "120.38.1.5"}
    assert seen["as it is"] == {"pod far": "120.38.1.140"}


def test_where_the_kernel_cannot_a_pod_keeps_its_address_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Refusing(NFTables):  # type: ignore[misc]
        def table(self, *_arguments: Any, **_options: Any) -> None:
            raise NetlinkError(95, "Operation not supported")

    plugged: list[str] = []
    monkeypatch.setattr(translation, "NFTables", Refusing)
    monkeypatch.setattr("hybridspan_lab.network.plane.in_network", lambda _name, work: work())
    monkeypatch.setattr(NetworkPlane, "attach", lambda _s, _v, _o, address: plugged.append(address))

    class Config:
        subnet, nodes, overlay, vnet_id = ip_network("120.38.1.0/26"), (), None, "/east"

    Attachments(Config(), NetworkPlane(tmp_path), None)._plug("pod", "120.38.1.9", "120.38.1.4")  # type: ignore[arg-type]
    assert plugged == ["120.38.1.9"]
    assert "where AKS shows the node's" in caplog.text
