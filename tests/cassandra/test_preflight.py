"""What the ring says before anything is changed: what refuses, what warns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.cassandra.copying import estimate, repair_finding
from hybridspan.cassandra.preflight import node_findings, ring_findings
from hybridspan.facts.cassandra import NodeFacts
from tests.plan_cassandra.world import AFTER, BEFORE, NOW, nts, ring, simple, two_regions, with_policy

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
        ({"clock_offset_seconds": 2.0}, "clock"),
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


DAY = 24 * 3600.0


def test_a_source_that_was_not_repaired_lately_is_a_warning_whatever_the_file_decides() -> None:
    """What follows from it is the decision of one step alone, which can be waived."""
    seen = ring({"kms": nts(dc_1=3), "kvm": nts(dc_1=3), "perses": nts(dc_1=3)}, "dc-1")
    last = replace(NODE, last_repair={"kms": NOW - DAY, "perses": NOW - 12 * DAY})
    for policy in ("require", "run", "ask", "waive"):
        found = repair_finding(with_policy(TOPOLOGY, policy), [last], seen, NOW)
        assert found.severity == "warn"
        assert "kvm (none within thirty days), perses (12 days ago)" in found.message
        assert "kms" not in found.message
        assert f"which is {policy}" in found.hint


def test_the_estimate_counts_what_crosses_to_regions_that_have_not_joined() -> None:
    (found,) = estimate(TOPOLOGY, ring(BEFORE, "dc-1"), [NODE] * 3)
    assert "2.8 GiB" in found.message
    assert "3.0 GB between regions" in found.message
    assert estimate(TOPOLOGY, ring(AFTER, "dc-1", "dc-2"), [NODE] * 3) == []
