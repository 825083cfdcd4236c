"""A hub and two spokes that somebody else connects: nothing is peered, and the spokes' missing way is named before it harms.

One Cassandra node a region, so that it takes minutes. The tests of this file share one lab and build on one another, in this order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from itertools import combinations

import pytest

from hybridspan.topology import loading
from hybridspan.topology.model import Region
from tests.rehearsal.rig import Rig, eventually
from tests.rehearsal.small import add_below, small

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(2400)]

POD = "apigee-cassandra-default-0"
SPOKES = ("my-hybrid-rg-vnet-ext01", "my-hybrid-rg-vnet-ext02")
BY_HAND = "network-team"
BROUGHT = ("auth-keyspace", "system-keyspaces", "data-keyspaces", "rebuild", "verify", "runtime")
"""Phases that bring data into a region and let it serve, all of them after the look at the way."""


def connect_otherwise(rig: Rig) -> None:
    """What the file says of both spokes."""
    for name in SPOKES:
        add_below(rig, (f"        name: {name}\n", "        connected: otherwise\n"))


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with small("three-regions", connect_otherwise) as rig:
        yield rig


def regions(rig: Rig) -> tuple[Region, ...]:
    """The hub, then the spokes."""
    return loading.load(rig.topology).regions


def make_network(rig: Rig, region: Region, group: str) -> None:
    """As a person makes it whom nobody told of hybridspan."""
    where = ("--resource-group", region.resource_group, "--location", region.name)
    if region.resource_group != group:
        rig.az("group", "create", "--name", region.resource_group, "--location", region.name)
    network, subnet = region.network, region.network.subnet
    ranges = ("--address-prefixes", *map(str, network.address_prefixes))
    inside = ("--subnet-name", subnet.name, "--subnet-prefixes", str(subnet.prefix))
    rig.az("network", "vnet", "create", "--name", network.name, *where, *ranges, *inside)


def connect(rig: Rig, one: Region, other: Region) -> None:
    """The way between two networks, in both directions."""
    for near, far in ((one, other), (other, one)):
        show = ("network", "vnet", "show", "--resource-group", far.resource_group)
        remote = rig.az(*show, "--name", far.network.name, "--query", "id", "--output", "tsv").strip()
        where = ("--resource-group", near.resource_group, "--vnet-name", near.network.name)
        named = ("--name", f"{BY_HAND}-{far.name}", "--remote-vnet", remote)
        rig.az("network", "vnet", "peering", "create", *where, *named, "--allow-vnet-access")


def is_whole(rig: Rig, context: str) -> bool:
    return rig.nodetool(context, 0, "status").count("UN  ") == 3


def test_of_every_pair_the_plan_says_that_somebody_else_connects_it(rig: Rig) -> None:
    hub, *spokes = regions(rig)
    for spoke in spokes:
        make_network(rig, spoke, hub.resource_group)
        connect(rig, hub, spoke)
    plan = json.loads(rig.hybridspan("plan", str(rig.topology), "--json").stdout)
    steps = {s["id"]: s for s in plan["steps"] if s["phase"] in ("peering", "ports")}
    pairs = [f"{one.name}+{other.name}" for one, other in combinations(regions(rig), 2)]
    assert set(steps) == {f"{phase}/{pair}" for phase in ("peering", "ports") for pair in pairs}
    assert {step["state"] for step in steps.values()} == {"done"}
    assert all("connected otherwise" in step["reason"] for step in steps.values()), steps


def test_spokes_without_a_way_to_each_other_stop_the_run_before_any_data(rig: Rig) -> None:
    """Each meets the hub, whose nodes see all as up and normal: only connections that are tried tell."""
    done = rig.apply(expect=1)
    (failed,) = rig.events("failed")
    error = failed["document"]["error"]
    assert (failed["step"], error["code"]) == ("reachability/westeurope", "HS-CASS-022")
    assert error["where"] == "centralus and westeurope"
    for near, far in (("centralus", "westeurope"), ("westeurope", "centralus")):
        pair = rf"{POD} in {near} \([\d.]+\) does not reach {POD} in {far} \([\d.]+\)"
        assert re.search(pair, error["why"]), error
    assert "eastus" not in error["why"]
    assert "security groups of their subnets" in error["hint"]
    assert all(error[part] in done.stderr for part in ("code", "where", "why", "hint")), done.stderr[-3000:]
    acted = {event["step"].partition("/westeurope")[0] for event in rig.events("acting") if is_third(event)}
    assert "datastore" in acted
    assert acted.isdisjoint(BROUGHT), acted


def is_third(event: dict[str, object]) -> bool:
    return "/westeurope" in str(event["step"])


def test_the_hub_sees_nothing_wrong_and_the_first_spoke_is_in_service(rig: Rig) -> None:
    assert is_whole(rig, "apigee-eastus")
    assert not is_whole(rig, "apigee-centralus")
    assert rig.step("runtime/centralus")["state"] == "done"


def test_with_a_way_it_goes_on_to_its_end_and_is_proved(rig: Rig) -> None:
    _, *spokes = regions(rig)
    connect(rig, *spokes)
    for spoke in spokes:
        eventually(partial(is_whole, rig, spoke.cluster.name), 180, f"{spoke.name} sees every node")
    rig.apply()
    assert rig.is_proved()


def test_no_peering_and_no_rule_was_written_by_a_run(rig: Rig) -> None:
    written = [json.dumps(event["document"]) for event in rig.events("arm")]
    assert any("managedClusters" in words for words in written)
    assert [w for w in written if "virtualNetworkPeerings" in w or "securityRules" in w] == []
    networks = json.loads(rig.az("network", "vnet", "list", "--output", "json"))
    found = [(p["name"], p["peeringState"]) for n in networks for p in n["virtualNetworkPeerings"]]
    assert len(found) == 6
    assert all(name.startswith(BY_HAND) and state == "Connected" for name, state in found), found
