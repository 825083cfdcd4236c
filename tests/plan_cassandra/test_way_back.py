"""The way back: the same statements whether the run got as far as the ALTERs or not, and none for a region that serves."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from hybridspan.facts.cassandra import Replication, RingFacts
from hybridspan.plan.build import build
from hybridspan.plan.export import export
from hybridspan.topology.loading import load
from hybridspan.topology.model import Topology
from tests.plan_cassandra.test_in_service import OWN, SERVES, estate
from tests.plan_cassandra.world import (
    AFTER,
    BEFORE,
    EXAMPLES,
    nts,
    ring,
    simple,
    three_regions,
    two_regions,
    world,
)

THREE = {name: Replication(r.strategy, {**r.factors, "dc-3": r.factor("dc-1")}) for name, r in AFTER.items()}


def statements(topology: Topology, seen: RingFacts) -> dict[str, list[str]]:
    """The maps that the page leaves behind, stage by stage."""
    page = export(build(topology, world(topology, seen)), topology, "back-out.md")
    found: dict[str, list[str]] = {}
    for stage in page.split("\n## After ")[1:]:
        maps = re.findall(
            r"ALTER KEYSPACE (\w+) WITH replication = {'class': '\w+'(.*?)}", stage.replace("'\"'\"'", "'")
        )
        if maps:
            found[stage.split("\n")[0]] = [f"{name}{factors}" for name, factors in maps]
    return found


WITHOUT_DC_2 = {
    "data-keyspaces/centralus": ["kms_hybrid_test_7_hybrid, 'dc-1': 3", "perses, 'dc-1': 3"],
    "system-keyspaces/centralus": ["system_distributed, 'dc-1': 1", "system_traces, 'dc-1': 1"],
    "auth-keyspace/centralus": ["system_auth, 'dc-1': 1"],
}


@pytest.mark.parametrize(
    "seen",
    [
        ring(BEFORE, "dc-1"),
        ring(BEFORE, "dc-1", "dc-2"),
        ring({**BEFORE, "system_auth": AFTER["system_auth"]}, "dc-1", "dc-2"),
        ring(AFTER, "dc-1", "dc-2"),
    ],
    ids=["before", "joined", "half-way", "after"],
)
def test_every_keyspace_comes_off_the_data_center_wherever_the_run_stopped(seen: RingFacts) -> None:
    assert statements(two_regions(), seen) == WITHOUT_DC_2


def test_what_was_on_simple_strategy_is_not_put_back_on_it() -> None:
    seen = ring({**BEFORE, "system_auth": simple(1)}, "dc-1")
    assert statements(two_regions(), seen)["auth-keyspace/centralus"] == ["system_auth, 'dc-1': 1"]


@pytest.mark.parametrize("seen", [ring(BEFORE, "dc-1"), ring(THREE, "dc-1", "dc-2", "dc-3")])
def test_the_last_region_leaves_first_and_the_others_stay_until_their_turn(seen: RingFacts) -> None:
    found = statements(three_regions(), seen)
    assert found["auth-keyspace/westeurope"] == ["system_auth, 'dc-1': 1, 'dc-2': 1"]
    assert found["auth-keyspace/centralus"] == ["system_auth, 'dc-1': 1"]
    assert next(iter(found)) == "data-keyspaces/westeurope"


def test_a_keyspace_that_lives_nowhere_else_stays() -> None:
    seen = ring({**AFTER, "only_there": nts(dc_2=3)}, "dc-1", "dc-2")
    assert "only_there" not in str(statements(two_regions(), seen))


def test_nobody_is_told_to_leave_a_region_that_serves() -> None:
    topology, facts = two_regions(), estate(SERVES)
    page = export(build(topology, facts), topology, "back-out.md")
    assert "centralus" not in page.partition("## After")[2]
    begun = replace(facts, decided={"auth-repair/centralus": {"hosts": []}})
    assert "nodetool decommission" in export(build(topology, begun), topology, "back-out.md")
    assert OWN.datastore is not None


def test_the_first_region_is_never_deleted() -> None:
    topology = two_regions()
    page = export(build(topology, world(topology, ring(BEFORE, "dc-1"))), topology, "back-out.md")
    first = topology.first
    assert f"--name {first.network.name}\n" not in page
    assert f"group/{first.name}" not in page
    assert "az group delete" not in page  # centralus lies in the first region's


def test_a_folder_with_a_space_is_quoted(tmp_path) -> None:
    topology = replace(two_regions(), path=tmp_path / "my files" / "hybrid.yaml")
    plan = build(topology, world(topology, ring(BEFORE, "dc-1")))
    for name in ("back-out.md", "runbook.md", "run.sh"):
        assert f"cd '{tmp_path}/my files'" in export(plan, topology, name)


def test_what_the_operator_altered_comes_off_by_the_stage_that_let_it() -> None:
    topology = load(EXAMPLES / "helm-two-regions" / "hybrid.yaml")
    found = statements(topology, ring(AFTER, "dc-1", "dc-2"))
    assert found["replication/centralus"] == ["kms_hybrid_test_7_hybrid, 'dc-1': 3"]
    assert found["data-keyspaces/centralus"] == ["perses, 'dc-1': 3"]


def test_what_has_gone_with_something_else_stops_nobody_on_the_way() -> None:
    """A namespace takes its secrets along, a datastore its credentials."""
    topology = two_regions()
    page = export(build(topology, world(topology, ring(AFTER, "dc-1", "dc-2"))), topology, "back-out.md")
    deletions = [line for line in page.splitlines() if re.match(r"kubectl .* delete (?!pvc)", line)]
    assert len(deletions) >= 5
    assert [line for line in deletions if not line.endswith("--ignore-not-found")] == []
    webhooks = page.index("delete clusterrole,clusterrolebinding,mutatingwebhookconfiguration")
    assert webhooks < page.index("delete namespace cert-manager")
