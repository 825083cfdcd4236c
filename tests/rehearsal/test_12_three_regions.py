"""The example with three regions as it is shipped: one apply adds both new regions, one after the other.

The tests of this file share one lab and build on one another, in this order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from hybridspan.topology import loading
from tests.rehearsal.rig import Rig, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(3600)]

CONTEXTS = ("apigee-eastus", "apigee-centralus", "apigee-westeurope")
NEW_REGIONS = ("centralus", "westeurope")
DATACENTERS = ("dc-1", "dc-2", "dc-3")
BY_THREES = {f"{name}_hybrid_test_7_hybrid" for name in ("cache", "kms", "kvm", "quota")} | {"perses"}
BY_ONES = {"system_auth", "system_distributed", "system_traces"}


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with rehearsal("three-regions") as rig:
        rig.hybridspan("lab", "fill", "--rows", "5000")
        yield rig


def status(rig: Rig) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(rig.hybridspan("status", str(rig.topology), "--json").stdout)
    return found


def places(rig: Rig, kind: str, steps: str) -> list[int]:
    """Where in the journal steps whose ids begin like that have a line of that kind."""
    return [event["sequence"] for event in rig.events(kind) if event["step"].startswith(steps)]


def test_one_apply_comes_to_its_end(rig: Rig) -> None:
    rig.apply(timeout=3000)
    acted = {event["step"] for event in rig.events("acting")}
    assert {
        f"{phase}/{name}" for phase in ("cluster", "datastore", "runtime") for name in NEW_REGIONS
    } <= acted


def test_the_second_new_region_joins_only_once_the_first_is_proved_and_runs(rig: Rig) -> None:
    assert len({event["run"] for event in rig.events("acting")}) == 1
    ended = [
        place
        for phase in ("verify", "verify-again", "runtime")
        for place in places(rig, "finished", f"{phase}/centralus")
    ]
    joins, rebuilds = (places(rig, "acting", f"{phase}/westeurope") for phase in ("datastore", "rebuild"))
    assert (len(ended), len(joins), len(rebuilds)) == (3, 1, 3)
    assert max(ended) < min(joins) < min(rebuilds)


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_node_is_up_and_normal_as_each_region_sees_it(rig: Rig, context: str) -> None:
    said = rig.nodetool(context, 0, "status").splitlines()
    assert [line.split()[0] for line in said if " ra-1" in line] == ["UN"] * 9, said
    assert {line for line in said if line.startswith("Datacenter")} == {
        f"Datacenter: {name}" for name in DATACENTERS
    }


def test_every_region_runs_and_calls_no_seed(rig: Rig) -> None:
    stores = {region["name"]: region["datastore"] for region in status(rig)["regions"]}
    assert list(stores) == ["eastus", *NEW_REGIONS]
    found = {name: (s["state"], s["readyReplicas"], s["seedHost"]) for name, s in stores.items()}
    assert set(found.values()) == {("running", 3, None)}, found


def test_every_keyspace_names_all_three_data_centers(rig: Rig) -> None:
    factors = {k["name"]: k["factors"] for k in status(rig)["ring"]["keyspaces"] if k["factors"]}
    by_threes = dict.fromkeys(BY_THREES, dict.fromkeys(DATACENTERS, 3))
    assert factors == {**by_threes, **dict.fromkeys(BY_ONES, dict.fromkeys(DATACENTERS, 1))}


def test_every_two_networks_are_connected_in_both_directions(rig: Rig) -> None:
    names = [region.network.name for region in loading.load(rig.topology).regions]
    found = {
        (network["name"], peering["remoteVirtualNetwork"]["id"].rpartition("/")[2]): peering["peeringState"]
        for network in json.loads(rig.az("network", "vnet", "list", "--output", "json"))
        for peering in network["virtualNetworkPeerings"]
    }
    assert found == dict.fromkeys(permutations(names, 2), "Connected")


def test_verify_proves_both_new_data_centers(rig: Rig) -> None:
    found = json.loads(rig.hybridspan("verify", str(rig.topology), "--json").stdout)
    assert found["proved"]
    assert [(d["datacenter"], d["source"]) for d in found["datacenters"]] == [
        ("dc-2", "dc-1"),
        ("dc-3", "dc-1"),
    ]


def test_a_second_apply_does_nothing_and_says_why(rig: Rig) -> None:
    rig.another_apply_does_nothing()
