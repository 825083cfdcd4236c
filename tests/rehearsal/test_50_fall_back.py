"""The documented procedure where the kernel gives no namespaces: the same end, on loopback addresses, and the lab says so first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from hybridspan_lab.network.mode import NOTICE
from tests.rehearsal.rig import Rig, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with rehearsal("two-regions", "--network", "loopback") as rig:
        rig.hybridspan("lab", "fill", "--rows", "2000")
        yield rig


def test_two_regions_become_one_ring_and_it_is_proved(rig: Rig) -> None:
    rig.apply()
    assert rig.is_proved()


def test_every_node_of_the_ring_has_a_loopback_address(rig: Rig) -> None:
    status = json.loads(rig.hybridspan("status", str(rig.topology), "--json").stdout)
    addresses = [node["address"] for node in status["ring"]["nodes"]]
    assert len(addresses) == 6
    assert all(ip_address(address).is_loopback for address in addresses), addresses


def test_the_lab_says_first_what_it_cannot_show(rig: Rig) -> None:
    assert rig.hybridspan("lab", "status").stdout.splitlines()[0] == NOTICE
