"""The documented procedure where the kernel gives no namespaces: the same end, on loopback addresses, and the lab says so first.

While the data comes in, `status` is asked how far it is: that takes no network of any kind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from hybridspan_lab.network.mode import NOTICE
from tests.rehearsal.rig import Rig, eventually, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with rehearsal("two-regions", "--network", "loopback") as rig:
        rig.hybridspan("lab", "fill", "--rows", "20000")
        yield rig


def throttled(rig: Rig, megabits: int) -> None:
    """How fast the old nodes send to another data center; 0 is as fast as they can."""
    for ordinal in range(3):
        rig.nodetool("apigee-eastus", ordinal, "setinterdcstreamthroughput", str(megabits))


def test_status_tells_how_far_a_rebuild_is_while_apply_goes_on_to_the_end(rig: Rig) -> None:
    throttled(rig, 1)
    run = rig.start("apply", str(rig.topology), "--yes", "--past-no-return")

    def rebuilding() -> bool:
        assert run.poll() is None, (rig.directory / "out.log").read_text()[-6000:]
        return any(e["step"].startswith("rebuild/") for e in rig.events("acting"))

    def received() -> dict[str, Any] | None:
        status = json.loads(rig.hybridspan("status", str(rig.topology), "--json").stdout)
        found: list[dict[str, Any]] = [node for node in status["rebuilds"] if node["bytes"]]
        return found[0] if found else None

    try:
        eventually(rebuilding, 400, "the first rebuild begins")
        node = eventually(received, 120, "status sees bytes come in")
        throttled(rig, 0)
        assert run.wait(600) == 0, (rig.directory / "out.log").read_text()[-6000:]
    finally:
        run.kill()
        run.wait()
    print(node)
    assert node["pod"].startswith("apigee-cassandra-default-")
    assert 0 < node["bytes"] <= node["bytesTotal"]
    assert node["files"] > 0


def test_two_regions_are_one_ring_and_it_is_proved(rig: Rig) -> None:
    result = json.loads(rig.hybridspan("verify", str(rig.topology), "--json").stdout)
    assert result["proved"] is True
    status = json.loads(rig.hybridspan("status", str(rig.topology), "--json").stdout)
    assert status["rebuilds"] == []


def test_every_node_of_the_ring_has_a_loopback_address(rig: Rig) -> None:
    status = json.loads(rig.hybridspan("status", str(rig.topology), "--json").stdout)
    addresses = [node["address"] for node in status["ring"]["nodes"]]
    assert len(addresses) == 6
    assert all(ip_address(address).is_loopback for address in addresses), addresses


def test_the_lab_says_first_what_it_cannot_show(rig: Rig) -> None:
    assert rig.hybridspan("lab", "status").stdout.splitlines()[0] == NOTICE
