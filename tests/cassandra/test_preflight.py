"""What the ring says before anything is changed: what refuses, what warns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.cassandra.node_findings import clock_findings, node_findings
from hybridspan.cassandra.preflight import is_coming, ring_findings
from hybridspan.facts.cassandra import NodeFacts
from tests.plan_cassandra.world import AFTER, BEFORE, nts, ring, simple, two_regions

TOPOLOGY = two_regions()
NODE = NodeFacts(
    "apigee-cassandra-default-0", "120.38.1.9", "dc-1", 10**9, 10**10, 0.0, True, (), {"kms": 1.0}
)


def severities(seen, running=()) -> dict[str, str]:
    return {f.check: f.severity for f in ring_findings(TOPOLOGY, seen, running)}


def with_down(seen, *addresses: str):
    nodes = tuple(replace(n, status="D") if n.address in addresses else n for n in seen.nodes)
    live = tuple(n.address for n in nodes if n.status == "U")
    return replace(seen, nodes=nodes, schema_versions={"v": live, "UNREACHABLE": addresses})


def test_a_healthy_ring_passes() -> None:
    assert set(severities(ring(BEFORE, "dc-1")).values()) == {"pass"}


def test_a_node_that_is_down_in_the_first_region_refuses() -> None:
    assert severities(with_down(ring(BEFORE, "dc-1"), "120.38.1.9"))["ring-up"] == "refuse"


def test_a_region_is_coming_until_all_its_declared_nodes_are_up_and_ready() -> None:
    first, added = TOPOLOGY.regions
    whole = ring(AFTER, "dc-1", "dc-2")
    node = whole.of("dc-2")[0].address
    ready = {n.address for n in whole.nodes}
    assert is_coming(TOPOLOGY, added, ring(BEFORE, "dc-1"), ready)
    assert is_coming(TOPOLOGY, added, with_down(whole, node), ready)
    assert is_coming(TOPOLOGY, added, whole, ready - {node}), "gossip is faster than its probe"
    assert not is_coming(TOPOLOGY, added, whole, ready)
    assert not is_coming(TOPOLOGY, first, with_down(whole, whole.of("dc-1")[0].address), ready)


def test_nodes_that_run_but_are_not_seen_are_behind_a_peering_that_the_run_mends() -> None:
    found = severities(with_down(ring(AFTER, "dc-1", "dc-2"), "120.38.1.9"), {"120.38.1.9"})
    assert (found["ring-up"], found["schema"]) == ("warn", "warn")


def test_nodes_of_a_region_that_is_being_added_may_still_be_joining() -> None:
    seen = ring(AFTER, "dc-1", "dc-2")
    joining = replace(seen, nodes=(*seen.nodes[:-1], replace(seen.nodes[-1], state="J")))
    assert severities(joining)["ring-up"] == "warn"


def test_two_schema_versions_of_live_nodes_refuse() -> None:
    assert (
        severities(replace(ring(BEFORE, "dc-1"), schema_versions={"a": ("x",), "b": ("y",)}))["schema"]
        == "refuse"
    )


def test_a_data_center_of_another_name_refuses_and_both_names_are_said() -> None:
    topology = replace(TOPOLOGY, regions=(replace(TOPOLOGY.first, datacenter="DC-1"), *TOPOLOGY.new_regions))
    (found,) = [f for f in ring_findings(topology, ring(BEFORE, "dc-1"), ()) if f.check == "datacenter"]
    assert found.severity == "refuse"
    assert "DC-1" in found.message
    assert "dc-1" in found.message


def test_a_ring_of_another_name_refuses() -> None:
    assert severities(replace(ring(BEFORE, "dc-1"), cluster_name="other"))["cluster-name"] == "refuse"


def test_simple_strategy_and_other_factors_are_said() -> None:
    found = severities(ring({"system_auth": simple(1), "kms": nts(dc_1=2)}, "dc-1"))
    assert (found["simple-strategy"], found["replication-factor"]) == ("warn", "warn")


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"own_name_resolves": False}, "own-name"),
        ({"disk_free_bytes": 10**8}, "disk"),
        ({}, "nodes"),
    ],
)
def test_each_node_is_looked_at(changes, check) -> None:
    (found,) = node_findings(TOPOLOGY.first, [replace(NODE, **changes)])
    assert found.check == check


def test_what_is_not_known_of_a_node_is_no_finding_against_it() -> None:
    unknown = replace(
        NODE, clock_offset_seconds=None, own_name_resolves=None, disk_free_bytes=None, data_bytes=None
    )
    assert [f.severity for f in node_findings(TOPOLOGY.first, [unknown])] == ["pass"]


def clocks(*offsets: float, doubt: float = 0.0) -> tuple[str, str]:
    nodes = [
        replace(NODE, pod=f"pod-{n}", clock_offset_seconds=seconds, clock_doubt_seconds=doubt)
        for n, seconds in enumerate(offsets)
    ]
    (found,) = clock_findings({"eastus": nodes[:2], "centralus": nodes[2:]})
    return found.severity, found.message


def test_clocks_are_compared_with_one_another_across_regions() -> None:
    assert clocks(0.1, 0.2, 0.3) == ("pass", "the clocks of 3 nodes agree")
    severity, words = clocks(0.0, 0.1, 2.0)
    assert (severity, words) == (
        "warn",
        "the clock of eastus, pod pod-0 is 2.0 s behind that of centralus, pod pod-2",
    )


def test_a_clock_of_ours_that_is_off_is_not_held_against_the_nodes() -> None:
    assert clocks(-3.0, -3.1, -3.2) == (
        "warn",
        "this machine's clock is 3.2 s ahead of that of all 3 nodes",
    )


def test_a_slow_answer_is_no_wrong_clock() -> None:
    assert clocks(0.0, 0.9, doubt=0.3)[0] == "pass"
    assert clocks(0.0, 1.9, doubt=0.3)[0] == "warn"


def test_of_nodes_that_tell_no_time_nothing_is_said() -> None:
    assert clock_findings({"eastus": [replace(NODE, clock_offset_seconds=None)]}) == []


@pytest.mark.parametrize(
    ("releases", "severity"),
    [
        ({"4.0.18": ("a", "b")}, "pass"),
        ({}, "pass"),
        ({"3.11.17": ("a", "b")}, "warn"),
        ({"3.11.17": ("a",), "4.0.18": ("b",)}, "refuse"),
        ({"4.0.17": ("a",), "4.0.18": ("b",)}, "warn"),
        ({"4.0.18": ("a",), "4.1.3": ("b",)}, "refuse"),
    ],
)
def test_nodes_of_different_releases_are_named(releases, severity) -> None:
    seen = replace(ring(BEFORE, "dc-1"), releases=releases)
    (found,) = [f for f in ring_findings(TOPOLOGY, seen, ()) if f.check == "cassandra-version"]
    assert found.severity == severity
    assert all(release in found.message for release in releases)
