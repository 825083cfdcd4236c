"""Before data is copied: how old the source's repair is, how much crosses, and whether there is room for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.cassandra.copying import copying_findings, repair_findings
from hybridspan.facts.cassandra import NodeFacts, RingFacts
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.facts.world import Finding, RegionFacts
from hybridspan.topology.model import DatacenterName, Topology
from tests.plan_cassandra.world import (
    AFTER,
    BEFORE,
    NOW,
    nts,
    ring,
    three_regions,
    two_regions,
    with_policy,
    world,
)

DAY = 24 * 3600.0
NODE = NodeFacts("pod-0", "120.38.1.9", "dc-1", 10**9, 10**10, 0.0, True)
FULL = [replace(NODE, pod=f"pod-{n}") for n in range(3)]
EMPTY = [replace(node, data_bytes=10**6) for node in FULL]


def seen(topology: Topology, **nodes: list[NodeFacts]) -> dict[str, RegionFacts]:
    """Regions with those nodes; the others have none yet."""
    nothing = world(topology, None).regions
    return {name: replace(facts, nodes=tuple(nodes.get(name, ()))) for name, facts in nothing.items()}


def chain() -> Topology:
    """Three regions, of which the last copies from the second."""
    topology = three_regions()
    *others, last = topology.regions
    return replace(topology, regions=(*others, replace(last, copy_from=DatacenterName("dc-2"))))


def test_a_source_that_was_not_repaired_lately_is_a_warning_whatever_the_file_decides() -> None:
    """What follows from it is the decision of one step alone, which can be waived."""
    there = ring({"kms": nts(dc_1=3), "kvm": nts(dc_1=3), "perses": nts(dc_1=3)}, "dc-1")
    last = replace(NODE, last_repair={"kms": NOW - DAY, "perses": NOW - 12 * DAY})
    for policy in ("require", "run", "ask", "waive"):
        topology = with_policy(two_regions(), policy)
        (found,) = repair_findings(topology, seen(topology, eastus=[last]), there, NOW)
        assert found.severity == "warn"
        assert "kvm (none within thirty days), perses (12 days ago)" in found.message
        assert "kms" not in found.message
        assert f"which is {policy}" in found.hint


def test_every_data_center_that_is_copied_from_is_judged_by_its_own_repairs() -> None:
    there = ring({"kms": nts(dc_1=3, dc_2=3)}, "dc-1", "dc-2")
    new, old = replace(NODE, last_repair={"kms": NOW - DAY}), replace(NODE, last_repair={})
    topology = chain()

    def severities(**nodes: list[NodeFacts]) -> dict[str, str]:
        return {f.where: f.severity for f in repair_findings(topology, seen(topology, **nodes), there, NOW)}

    assert severities(eastus=[new], centralus=[old]) == {"eastus": "pass", "centralus": "warn"}
    assert severities(eastus=[new]) == {"eastus": "pass"}


def found_of(topology: Topology, there: RingFacts, **nodes: list[NodeFacts]) -> list[Finding]:
    return copying_findings(topology, seen(topology, **nodes), there)


def test_the_estimate_counts_what_crosses_to_regions_that_have_not_joined() -> None:
    (found,) = found_of(two_regions(), ring(BEFORE, "dc-1"), eastus=FULL)
    assert "about 2.8 GiB cross from dc-1 (3.0 GB between regions)" in found.message
    # 3 GB are 24 Gbit: 120 s at the cap of one node, a third of it where all three send.
    assert (
        "40 s where all 3 nodes of dc-1 send at their cap of 200 Mbit/s, 2 min 00 s where one"
        in found.message
    )
    assert found_of(two_regions(), ring(AFTER, "dc-1", "dc-2"), eastus=FULL, centralus=FULL) == []


def test_the_estimate_names_the_data_center_that_each_region_copies_from() -> None:
    smaller = [replace(node, data_bytes=5 * 10**8) for node in FULL]
    (found,) = found_of(chain(), ring(AFTER, "dc-1", "dc-2"), eastus=FULL, centralus=smaller)
    assert found.where == "westeurope"
    assert "cross from dc-2 (1.5 GB" in found.message
    second, third = found_of(chain(), ring(BEFORE, "dc-1"), eastus=FULL)
    assert ("from dc-1 (3.0 GB" in second.message, "from dc-2 (3.0 GB" in third.message) == (True, True)


@pytest.mark.parametrize(
    ("capacity", "severities"),
    [(None, []), (5 * 10**9, []), (15 * 10**8, ["warn"]), (9 * 10**8, ["refuse"])],
)
def test_volumes_that_the_data_will_not_fit_on_are_refused_beforehand(capacity, severities) -> None:
    topology = two_regions()
    facts = seen(topology, eastus=FULL)
    overrides = OverridesFacts(
        "o", exists=False, storage_bytes=capacity, storage_place="cassandra.storage.storageSize"
    )
    facts["centralus"] = replace(facts["centralus"], overrides=overrides)
    found = [f for f in copying_findings(topology, facts, ring(BEFORE, "dc-1")) if f.check == "disk"]
    assert [f.severity for f in found] == severities
    assert all("cassandra.storage.storageSize" in f.where and "953.7 MiB" in f.message for f in found)


def test_disks_that_the_data_will_not_fit_on_are_refused_before_it_comes() -> None:
    small = [replace(EMPTY[0], disk_free_bytes=5 * 10**8), *EMPTY[1:]]
    (found,) = found_of(two_regions(), ring(AFTER, "dc-1", "dc-2"), eastus=FULL, centralus=small)
    assert (found.severity, found.where) == ("refuse", "centralus, pod pod-0")


def test_a_node_that_holds_its_share_has_room() -> None:
    full = [replace(node, data_bytes=8 * 10**8, disk_free_bytes=10**8) for node in FULL]
    assert found_of(two_regions(), ring(AFTER, "dc-1", "dc-2"), eastus=FULL, centralus=full) == []


def test_of_a_source_that_tells_no_size_nothing_is_estimated() -> None:
    unknown = [replace(node, data_bytes=None) for node in FULL]
    assert found_of(two_regions(), ring(BEFORE, "dc-1"), eastus=unknown) == []
