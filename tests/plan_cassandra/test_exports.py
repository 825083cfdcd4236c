"""The exported script and pages, from a ring with one data center: complete before anything of the new one exists."""

from __future__ import annotations

import re
import subprocess

import pytest

from hybridspan.plan.build import build
from hybridspan.plan.export import export
from hybridspan.plan.model import Plan
from hybridspan.topology.model import Topology
from tests.plan_cassandra.world import BEFORE, ring, simple, three_regions, world


@pytest.fixture
def topology() -> Topology:
    return three_regions()


@pytest.fixture
def plan(topology: Topology) -> Plan:
    return build(topology, world(topology, ring({**BEFORE, "system_auth": simple(1)}, "dc-1")))


def test_bash_can_read_the_script(plan: Plan, topology: Topology) -> None:
    read = subprocess.run(
        ["bash", "-n"], input=export(plan, topology, "run.sh"), text=True, capture_output=True
    )
    assert (read.returncode, read.stderr) == (0, "")


@pytest.mark.parametrize("name", ["run.sh", "runbook.md", "back-out.md"])
def test_no_export_has_a_gap(plan: Plan, topology: Topology, name: str) -> None:
    assert not re.search(r"<[a-z_-]+>|TODO|\bNone\b|HOST_ID", export(plan, topology, name))


@pytest.mark.parametrize("keyspace", sorted(BEFORE))
def test_every_keyspace_is_altered_for_every_new_region(
    plan: Plan, topology: Topology, keyspace: str
) -> None:
    statements = re.findall(rf"ALTER KEYSPACE {keyspace} WITH.*", export(plan, topology, "run.sh"))
    assert any("dc-2" in s and "dc-3" not in s for s in statements)
    assert any("dc-2" in s and "dc-3" in s for s in statements)


def test_a_second_start_moves_nothing_back_from_simple_strategy(plan: Plan) -> None:
    moved = plan.step("simple-keyspaces/eastus").commands[0].text()
    assert "[[ $HELD != *SimpleStrategy* ]] ||" in moved


def test_a_second_start_puts_no_seed_back(plan: Plan) -> None:
    assert "get apigeeds default" in plan.step("seed/centralus").commands[-1].text()


def test_the_datastore_is_deleted_only_after_its_nodes_have_left(plan: Plan, topology: Topology) -> None:
    text = export(plan, topology, "back-out.md")
    left, deleted = text.index("nodetool decommission"), text.index("apigeectl delete --datastore")
    assert left < deleted
    assert "delete --all " not in text


def test_a_refused_plan_stops_the_script_before_its_first_step(plan: Plan, topology: Topology) -> None:
    text = export(plan, topology, "run.sh")
    assert plan.refusals
    assert text.index("fail 'the plan is refused") < text.index("step group/")
