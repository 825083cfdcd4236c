"""Which keyspaces are altered, to what, and in which order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.facts.cassandra import KeyspaceFacts
from hybridspan.plan.phases.alterations import Alteration, projected, simple_alterations, spread
from hybridspan.plan.phases.keyspace_names import data_names, system_names
from hybridspan.plan.phases.keyspaces import decide_auth, decide_simple, decide_spread, plan_keyspaces
from hybridspan.plan.phases.simple_repairs import SimpleRepairs
from tests.plan_cassandra.world import AFTER, BEFORE, nts, ring, simple, three_regions, two_regions, world

CENTRALUS = two_regions().region("centralus")
DEFAULTS = {
    "system_auth": simple(1),
    "system_distributed": simple(3),
    "system_traces": simple(2),
    "perses": nts(dc_1=3),
}


def test_cassandras_own_defaults_move_to_the_one_data_center_with_unchanged_factors() -> None:
    found = simple_alterations(ring(DEFAULTS, "dc-1"))
    assert [(a.keyspace, dict(a.after.factors)) for a in found] == [
        ("system_auth", {"dc-1": 1}),
        ("system_distributed", {"dc-1": 3}),
        ("system_traces", {"dc-1": 2}),
    ]


def test_a_factor_above_the_number_of_nodes_is_capped_and_none_is_raised() -> None:
    (found,) = simple_alterations(ring({"big": simple(5)}, "dc-1"))
    assert dict(found.after.factors) == {"dc-1": 3}


def test_the_first_phase_never_names_a_data_center_that_has_no_node() -> None:
    assert all(set(a.after.factors) == {"dc-1"} for a in simple_alterations(ring(DEFAULTS, "dc-1")))


def test_local_keyspaces_are_left_alone() -> None:
    assert simple_alterations(ring({}, "dc-1")) == ()
    assert spread(ring({}, "dc-1", "dc-2"), CENTRALUS, ["system"]) == ()


def test_a_repair_that_is_owed_is_needed_though_nothing_is_simple() -> None:
    assert decide_simple(ring(BEFORE, "dc-1"), SimpleRepairs().altered(["system_auth"])).state == "needed"
    assert decide_simple(ring(BEFORE, "dc-1"), SimpleRepairs().repaired(["system_auth"])).is_done


def test_statements_are_those_of_the_procedure() -> None:
    (found,) = spread(ring(BEFORE, "dc-1", "dc-2"), CENTRALUS, ["kms_hybrid_test_7_hybrid"])
    assert found.statement == (
        "ALTER KEYSPACE kms_hybrid_test_7_hybrid WITH replication = "
        "{'class': 'NetworkTopologyStrategy', 'dc-1': 3, 'dc-2': 3};"
    )
    assert found.user == "ddl"


def test_odd_names_are_quoted() -> None:
    odd = Alteration('My"Keyspace', nts(dc_1=1), nts(dc_1=1))
    assert odd.statement.startswith('ALTER KEYSPACE "My""Keyspace" WITH')


def test_the_superuser_alters_cassandras_own_keyspaces() -> None:
    assert Alteration("system_auth", nts(dc_1=1), nts(dc_1=1, dc_2=1)).user == "admin"


def test_every_other_keyspace_is_found_by_looking() -> None:
    seen = ring({**BEFORE, "a_persons_own": nts(dc_1=2)}, "dc-1", "dc-2")
    assert data_names(seen) == ("a_persons_own", "kms_hybrid_test_7_hybrid", "perses")
    assert system_names(seen) == ("system_distributed", "system_traces")


def test_what_other_data_centers_have_is_kept() -> None:
    seen = ring({"kms": nts(dc_1=3, dc_2=2)}, "dc-1", "dc-2", "dc-3")
    (found,) = spread(seen, three_regions().regions[2], ["kms"])
    assert dict(found.after.factors) == {"dc-1": 3, "dc-2": 2, "dc-3": 3}


def test_the_new_factor_is_bounded_by_the_nodes() -> None:
    small = replace(CENTRALUS, cassandra_nodes=1)
    seen = ring({"kms": nts(dc_1=3)}, "dc-1")
    (found,) = spread(seen, small, ["kms"])
    assert dict(found.after.factors) == {"dc-1": 3, "dc-2": 1}


def test_nothing_is_altered_to_the_map_it_has() -> None:
    seen = ring(AFTER, "dc-1", "dc-2")
    assert spread(seen, CENTRALUS, list(AFTER)) == ()
    assert decide_spread(seen, CENTRALUS, data_names(seen)).is_done


def test_a_keyspace_without_replicas_in_the_source_is_refused_by_name() -> None:
    decision = decide_spread(ring({"kms": nts(dc_3=3)}, "dc-1", "dc-2"), CENTRALUS, ["kms"])
    assert decision.state == "refused"
    assert "kms" in decision.reason


def test_a_keyspace_that_a_person_altered_without_the_source_is_refused_too() -> None:
    third = three_regions().regions[2]
    seen = ring({"rollout": nts(dc_2=3, dc_3=3)}, "dc-1", "dc-2", "dc-3")
    decision = decide_spread(seen, third, ["rollout"], three_regions().added_after(third))
    assert decision.state == "refused"
    assert "nothing of it is copied to dc-3" in decision.reason
    assert "choose a copyFrom for westeurope that holds every keyspace (rollout is in dc-2)" in decision.hint
    assert "give rollout replicas in dc-1 too" in decision.hint


def test_a_keyspace_that_came_to_a_later_region_by_this_one_is_settled_here() -> None:
    """The third region copies from the second, as the refusal advises; running again must find the second one done."""
    topology = three_regions()
    seen = ring({"rollout": nts(dc_2=3, dc_3=3)}, "dc-1", "dc-2", "dc-3")
    second, third = topology.new_regions
    assert decide_spread(seen, second, ["rollout"], topology.added_after(second)).is_done
    assert decide_spread(seen, replace(third, copy_from=second.datacenter), ["rollout"]).is_done


def test_a_keyspace_that_only_the_new_data_center_holds_comes_from_nowhere() -> None:
    assert decide_spread(ring({"own": nts(dc_2=3)}, "dc-1", "dc-2"), CENTRALUS, ["own"]).is_done


def test_a_plan_refuses_just_the_region_that_would_stay_empty() -> None:
    topology = three_regions()
    seen = ring({**AFTER, "rollout": nts(dc_2=3, dc_3=3)}, "dc-1", "dc-2", "dc-3")
    steps = {s.id: s.decision for s in plan_keyspaces(topology, world(topology, seen))}
    second, third = topology.new_regions
    assert steps[f"data-keyspaces/{second.name}"].is_done  # type: ignore[index]
    assert steps[f"data-keyspaces/{third.name}"].state == "refused"  # type: ignore[index]


def test_a_keyspace_that_came_on_simple_strategy_after_the_first_phase_is_refused() -> None:
    assert decide_spread(ring({"kms": simple(3)}, "dc-1", "dc-2"), CENTRALUS, ["kms"]).state == "refused"


def test_system_auth_is_owed_a_repair_on_each_new_node() -> None:
    seen = ring(AFTER, "dc-1", "dc-2")
    hosts = [n.host_id for n in seen.of("dc-2")]
    assert "192.138.0.11" in decide_auth(seen, CENTRALUS, {"hosts": hosts[:2]}).reason
    assert decide_auth(seen, CENTRALUS, {"hosts": hosts}).is_done


def test_a_later_region_is_planned_on_what_the_earlier_ones_leave_behind() -> None:
    topology = three_regions()
    steps = {s.id: s for s in plan_keyspaces(topology, world(topology, ring(BEFORE, "dc-1")))}
    third = topology.regions[2].name
    texts = " ".join(c.text() for c in steps[f"data-keyspaces/{third}"].commands)
    assert "dc-1'\"'\"': 3, '\"'\"'dc-2'\"'\"': 3, '\"'\"'dc-3'\"'\"': 3" in texts


def test_the_planned_ring_has_the_maps_that_statements_leave() -> None:
    seen = ring(BEFORE, "dc-1")
    after = projected(seen, spread(seen, CENTRALUS, list(BEFORE)))
    assert {k.name: k.replication for k in after.keyspaces if not k.is_local} == AFTER


@pytest.mark.parametrize("step", ["auth-keyspace", "system-keyspaces", "data-keyspaces"])
def test_without_a_ring_it_is_decided_later(step: str) -> None:
    topology = two_regions()
    steps = {s.id: s for s in plan_keyspaces(topology, world(topology, None))}
    assert steps[f"{step}/centralus"].decision.state == "later"


def test_no_command_holds_a_password_in_its_words() -> None:
    topology = two_regions()
    for step in plan_keyspaces(topology, world(topology, ring(BEFORE, "dc-1"))):
        for command in step.commands:
            assert "_PASSWORD_FILE" in command.text()


def test_everywhere_strategy_needs_nothing() -> None:
    keyspace = KeyspaceFacts("cdc", replace(nts(), strategy="EverywhereStrategy"), ())
    seen = replace(ring({}, "dc-1", "dc-2"), keyspaces=(keyspace,))
    assert decide_spread(seen, CENTRALUS, ["cdc"]).is_done
