"""Clusters whose pods no peering reaches: real Cassandra nodes cannot join with their pods' addresses, and do with the nodes'.

One Cassandra node a region, so that it takes minutes. The tests of this file share one lab and build on one another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest

from tests.rehearsal.rig import Rig, eventually
from tests.rehearsal.small import add_below, small

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(900)]

POD, EAST, CENTRAL = "apigee-cassandra-default-0", "apigee-eastus", "apigee-centralus"
RANGES = {EAST: "10.244.0.0/16", CENTRAL: "10.245.0.0/16"}
SUBNETS = {EAST: "120.38.1.0/26", CENTRAL: "192.138.0.0/26"}


def make_overlay(rig: Rig) -> None:
    """Clusters with Azure CNI overlay."""
    assert "hostNetwork: false" in (rig.directory / "overrides_apigee-eastus.yaml").read_text()
    for number, pods in enumerate(RANGES.values(), start=1):
        more = f"        networkPlugin: azure-overlay\n        podCidr: {pods}\n"
        add_below(rig, (f"        serviceCidr: 10.{number}.0.0/16\n", more))


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with small("two-regions", make_overlay) as rig:
        yield rig


def address(rig: Rig, context: str) -> str:
    """The address of a region's Cassandra pod; empty while there is none."""
    return rig.kubectl(
        context, "get", "pod", POD, "-n", "apigee", "-o", "jsonpath={.status.podIP}", expect=None
    )


def test_the_existing_region_s_node_has_an_address_that_no_peering_reaches_and_the_plan_says_so(
    rig: Rig,
) -> None:
    assert ip_address(address(rig, EAST)) in ip_network(RANGES[EAST])
    plan = json.loads(rig.hybridspan("plan", str(rig.topology), "--json").stdout)
    steps = {step["id"]: step for step in plan["steps"]}
    assert "host-network/eastus" in steps
    assert "overlay" in json.dumps(steps["host-network/eastus"])


def test_a_node_with_an_address_of_the_overlay_reaches_the_seed_and_never_joins(rig: Rig) -> None:
    """Its own packets leave with its machine's address; the seed's answers go to the address that it gossips."""
    for phase in ("seed", "ports", "init"):
        rig.apply("--until", phase, timeout=400)
    assert ip_address(address(rig, EAST)) in ip_network(SUBNETS[EAST])
    overrides = rig.directory / "overrides_apigee-centralus.yaml"
    right = overrides.read_text()
    assert "hostNetwork: true" in right
    assert f"multiRegionSeedHost: {address(rig, EAST)}" in right.replace('"', "")
    by_hand = rig.directory / "by_hand.yaml"
    by_hand.write_text(right.replace("hostNetwork: true", "hostNetwork: false"))
    rig.kubectl(CENTRAL, "config", "use-context", CENTRAL)
    rig.run("apigeectl", "apply", "--datastore", "-f", str(by_hand), expect=None, timeout=300)
    logs = ("logs", POD, "-n", "apigee", "--tail", "-1")
    eventually(
        lambda: (
            "Unable to gossip with any peers"
            in rig.kubectl(CENTRAL, *logs, expect=None)
            + rig.kubectl(CENTRAL, *logs, "--previous", expect=None)
        ),
        240,
        "the new node gives up",
    )
    assert ip_address(address(rig, CENTRAL)) in ip_network(RANGES[CENTRAL])
    assert rig.nodetool(EAST, 0, "status").count("UN  ") == 1


def test_with_its_machine_s_address_the_same_node_joins_and_takes_its_data(rig: Rig) -> None:
    rig.apply(timeout=600)
    assert ip_address(address(rig, CENTRAL)) in ip_network(SUBNETS[CENTRAL])
    status = rig.nodetool(EAST, 0, "status")
    assert status.count("UN  ") == 2
    assert address(rig, CENTRAL) in status
