"""What a new node must receive, and what is done about the source's last repair."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from hybridspan.errors import InputError
from hybridspan.facts.cassandra import AvailableRanges, RingFacts
from hybridspan.plan.model import Decision, Plan
from hybridspan.plan.phases.foreign_records import forgotten
from hybridspan.plan.phases.rebuild import (
    KeyspaceProgress,
    begun_by_us,
    can_be_at_once,
    decide_rebuild,
    plan_rebuild,
    to_stream,
    work_for,
)
from hybridspan.plan.phases.source_repair import decide_source_repair, refuse_slips, with_waivers
from hybridspan.plan.phases.verification import fingerprint
from hybridspan.topology.model import DatacenterName
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

CENTRALUS = two_regions().region("centralus")
POD = "apigee-cassandra-default-0"
DAY = 24 * 3600.0


def progress(name: str, *, recorded: bool, complete: bool, ours: bool) -> KeyspaceProgress:
    return KeyspaceProgress(name, recorded, complete, ours)


NEW = progress("kms", recorded=False, complete=False, ours=False)
DONE = progress("kms", recorded=True, complete=True, ours=True)
FOREIGN = progress("kms", recorded=True, complete=True, ours=False)
BROKEN_OFF = progress("kms", recorded=True, complete=False, ours=True)


def test_a_new_node_receives_the_keyspace() -> None:
    assert work_for([NEW]).stream == ("kms",)
    assert work_for([NEW]).clear == ()


def test_what_we_streamed_whole_is_done() -> None:
    assert decide_rebuild([DONE], CENTRALUS, POD).is_done


def test_a_record_that_is_not_ours_is_cleared_and_streamed_and_the_reason_says_so() -> None:
    work = work_for([FOREIGN])
    assert (work.stream, work.clear) == (("kms",), ("kms",))
    assert "Cassandra would skip" in decide_rebuild([FOREIGN], CENTRALUS, POD).reason


def test_what_broke_off_goes_on_without_clearing() -> None:
    work = work_for([BROKEN_OFF])
    assert (work.stream, work.clear) == (("kms",), ())


def test_before_any_keyspace_names_both_it_is_later() -> None:
    assert decide_rebuild([], CENTRALUS, POD).state == "later"


def test_a_node_that_was_replaced_has_received_nothing_from_us() -> None:
    kept = {"host_id": "old", "begun": ["kms"]}
    assert begun_by_us(kept, "old") == {"kms"}
    assert begun_by_us(kept, "new") == frozenset()
    assert begun_by_us(None, "new") == frozenset()


def test_only_keyspaces_of_both_data_centers_are_streamed() -> None:
    assert to_stream(
        ring({**AFTER, "elsewhere": nts(dc_2=1), "old": nts(dc_1=1)}, "dc-1", "dc-2"), CENTRALUS
    ) == tuple(AFTER)


def test_all_at_once_needs_a_source_for_each() -> None:
    assert can_be_at_once(ring(AFTER, "dc-1", "dc-2"), CENTRALUS)
    assert not can_be_at_once(ring({**AFTER, "elsewhere": nts(dc_2=1)}, "dc-1", "dc-2"), CENTRALUS)


def test_the_statement_that_forgets_quotes_its_keyspace() -> None:
    assert forgotten("o'dd").endswith("keyspace_name = 'o''dd';")


def test_nodes_are_rebuilt_one_after_the_other_in_the_rings_lane() -> None:
    topology = two_regions()
    steps = plan_rebuild(topology, world(topology, ring(BEFORE, "dc-1")))
    assert [s.id for s in steps] == ["source-repair/centralus"] + [
        f"rebuild/centralus/{POD[:-1]}{n}" for n in range(3)
    ]
    assert all(later.needs == (before.id,) for before, later in pairwise(steps))
    assert all(s.lanes == ("ring",) for s in steps)


def test_the_plan_believes_the_journal_only_for_the_same_node() -> None:
    topology = two_regions()
    seen = ring(AFTER, "dc-1", "dc-2")
    kept = {"host_id": seen.of("dc-2")[0].host_id, "begun": list(AFTER)}
    facts = world(topology, seen, **{f"rebuild__centralus__{POD}": kept})
    step = plan_rebuild(topology, facts)[1]
    assert step.decision.state == "needed"  # no record of ranges on the node
    assert all("rebuild -ks" in c.text() for c in step.commands)


def test_a_keyspace_that_only_the_new_data_center_names_is_neither_waited_for_nor_rebuilt() -> None:
    topology = two_regions()
    seen = ring({**AFTER, "elsewhere": nts(dc_2=1)}, "dc-1", "dc-2")
    step = plan_rebuild(topology, world(topology, seen))[1]
    assert step.decision.state == "needed"
    assert all("-ks elsewhere" not in c.text() for c in step.commands)


LAST = {"kms": NOW - DAY, "perses": NOW - DAY}


def decision(policy: str, last: dict[str, float], *, waived: bool = False):
    topology = with_policy(two_regions(), policy)
    return decide_source_repair(topology, CENTRALUS, ["kms", "perses"], last, NOW, waived=waived)


def test_a_recent_repair_is_enough() -> None:
    assert decision("require", LAST).is_done


@pytest.mark.parametrize(
    ("policy", "state"), [("run", "needed"), ("require", "refused"), ("ask", "refused"), ("waive", "done")]
)
def test_an_old_repair_is_treated_as_the_person_decided(policy: str, state: str) -> None:
    found = decision(policy, {"kms": NOW - DAY, "perses": NOW - 30 * DAY})
    assert found.state == state
    assert "perses" in found.reason


@pytest.mark.parametrize("policy", ["run", "require", "ask"])
def test_it_can_be_waived_by_name_whatever_the_file_says(policy: str) -> None:
    found = decision(policy, {}, waived=True)
    assert found.is_done
    assert found.is_waived
    assert "waived by name" in found.reason


def test_what_refuses_says_that_it_can_be_waived() -> None:
    assert all("--waive source-repair" in decision(policy, {}).hint for policy in ("require", "ask"))


def test_a_region_that_has_received_everything_asks_for_no_repair_of_its_source() -> None:
    topology = with_policy(two_regions(), "require")
    seen = ring(AFTER, "dc-1", "dc-2")
    begun = {
        f"rebuild__centralus__apigee-cassandra-default-{number}": {"host_id": node.host_id, "begun": [*AFTER]}
        for number, node in enumerate(seen.of("dc-2"))
    }
    facts = world(topology, seen, **begun)
    received = tuple(
        replace(n, available_ranges=tuple(AvailableRanges(name, 1, 0) for name in AFTER))
        for n in facts.regions["centralus"].nodes
    )
    old = plan_rebuild(topology, facts)[0].decision
    regions = {**facts.regions, "centralus": replace(facts.regions["centralus"], nodes=received)}
    now = plan_rebuild(topology, replace(facts, regions=regions))[0].decision
    assert (old.state, now.state) == ("refused", "done")
    assert not now.is_waived


def chained(seen: RingFacts, policy: str = "require", **decided: object) -> Decision:
    """What is planned about the repair of the second region, from which the third copies."""
    topology = with_policy(three_regions(), policy)
    *others, last = topology.regions
    topology = replace(topology, regions=(*others, replace(last, copy_from=DatacenterName("dc-2"))))
    steps = {s.id: s for s in plan_rebuild(topology, world(topology, seen, **decided))}
    return steps["source-repair/westeurope"].decision


def test_of_a_source_that_has_not_joined_nothing_is_claimed() -> None:
    found = chained(ring(BEFORE, "dc-1"))
    assert (found.state, "dc-2 gets its data" in found.reason) == ("later", True)


def test_a_source_that_was_proved_lately_needs_no_repair() -> None:
    seen = ring(AFTER, "dc-1", "dc-2")

    def proved(days: float, datacenter: str = "dc-2") -> Decision:
        proof = {"fingerprint": fingerprint(seen, datacenter), "at": NOW - days * DAY}
        return chained(seen, verify__centralus=proof)

    assert chained(seen).state == "refused"
    assert proved(1).is_done
    assert proved(11).state == "refused"
    assert proved(1, "dc-1").state == "refused"


def test_replicas_that_stand_alone_need_no_repair() -> None:
    topology = with_policy(two_regions(), "require")
    alone = world(topology, ring({"perses": nts(dc_1=1)}, "dc-1"))
    found = plan_rebuild(topology, alone)[0].decision
    assert (found.state, "no keyspace has two replicas in dc-1" in found.reason) == ("done", True)


def waived(*names: str, policy: str = "ask") -> Plan:
    topology = with_policy(two_regions(), policy)
    facts = world(topology, ring(BEFORE, "dc-1"))
    plan = Plan("t", "topology", "facts", tuple(plan_rebuild(topology, facts)))
    return with_waivers(topology, facts, plan, frozenset(names))


@pytest.mark.parametrize("name", ["source-repair", "source-repair/centralus"])
@pytest.mark.parametrize("policy", ["ask", "require"])
def test_a_plan_is_refused_for_an_old_repair_until_it_is_waived(policy: str, name: str) -> None:
    assert [r.partition(":")[0] for r in waived(policy=policy).refusals] == ["source-repair/centralus"]
    (judged,) = waived(policy=policy).judgements
    assert (judged.severity, judged.where) == ("refuse", "source-repair/centralus")
    plan = waived(name, policy=policy)
    assert (plan.refusals, plan.judgements) == ((), ())
    assert [step.id for step in plan.waived] == ["source-repair/centralus"]


def test_a_name_that_waives_nothing_is_refused_with_those_that_do() -> None:
    refuse_slips(two_regions(), ["source-repair", "source-repair/centralus"])
    with pytest.raises(InputError, match="HS-PLAN-009") as caught:
        refuse_slips(two_regions(), ["souce-repair"])
    assert caught.value.hint == "one of: source-repair, source-repair/centralus"
