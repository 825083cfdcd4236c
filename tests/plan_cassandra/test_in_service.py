"""A region that somebody else expanded, and that serves, is neither copied to nor compared by a run of ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.facts.apigee import ApigeeFacts, CustomResourceFacts, DatastoreFacts
from hybridspan.facts.cassandra import RingFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import PlannedStep, StepId, needed
from hybridspan.plan.phases.in_service import PHASES, Seen, findings, is_in_service, left_alone, unfinished
from hybridspan.plan.phases.reachability import plan_reachability
from hybridspan.plan.phases.rebuild import plan_rebuild, rebuild_key
from hybridspan.plan.phases.verification import plan_verification, verification_key
from tests.plan_cassandra.world import AFTER, BEFORE, ring, two_regions, world

TOPOLOGY = two_regions()
CENTRALUS = TOPOLOGY.region("centralus")
STORE = DatastoreFacts(
    "default", "running", "dc-2", "ra-1", "apigeecluster", None, 3, 3, False, "1.11.2", True
)
RESOURCES = (
    CustomResourceFacts("ApigeeOrganization", "hybrid-test-7-a69bd24", "running"),
    CustomResourceFacts("ApigeeEnvironment", "hybrid-test-7-test-e7bed21", "running"),
)
FIRST = ApigeeFacts("1.11.2", True, replace(STORE, datacenter="dc-1"), RESOURCES)
OWN = ApigeeFacts("1.11.2", True, STORE, RESOURCES)
BOTH = ring(AFTER, "dc-1", "dc-2")
SERVES = Seen(BOTH, FIRST, OWN, {})


def estate(seen: Seen) -> WorldFacts:
    facts = world(TOPOLOGY, seen.ring)
    own = {"eastus": seen.first, "centralus": seen.own}
    regions = {name: replace(region, apigee=own[name]) for name, region in facts.regions.items()}
    return replace(facts, regions=regions, decided=seen.decided)


def with_one_down(seen: RingFacts) -> RingFacts:
    *others, last = seen.nodes
    return replace(seen, nodes=(*others, replace(last, status="D")))


def test_a_finished_region_is_in_service() -> None:
    assert unfinished(CENTRALUS, SERVES) == ""


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (
            replace(SERVES, decided={rebuild_key("centralus", "apigee-cassandra-default-0"): {}}),
            "a run of ours",
        ),
        (replace(SERVES, decided={verification_key("verify", "centralus"): {}}), "a run of ours"),
        (replace(SERVES, ring=None), "does not run"),
        (replace(SERVES, own=None), "does not run"),
        (replace(SERVES, own=replace(OWN, datastore=replace(STORE, state="creating"))), "does not run"),
        (
            replace(SERVES, own=replace(OWN, datastore=replace(STORE, seed_host="120.38.1.9"))),
            "calls the seed 120.38.1.9",
        ),
        (replace(SERVES, ring=with_one_down(BOTH)), "not all of its 3 nodes up and normal"),
        (replace(SERVES, ring=ring(AFTER, "dc-1")), "not all of its 3 nodes"),
        (
            replace(SERVES, ring=ring({**AFTER, "perses": BEFORE["perses"]}, "dc-1", "dc-2")),
            "not replicated to dc-2: perses",
        ),
        (replace(SERVES, own=replace(OWN, resources=RESOURCES[:1])), "not installed yet: ApigeeEnvironment"),
        (
            replace(
                SERVES, own=replace(OWN, resources=(RESOURCES[0], replace(RESOURCES[1], state="creating")))
            ),
            "is creating",
        ),
    ],
)
def test_what_is_missing_makes_it_unfinished(seen: Seen, why: str) -> None:
    assert why in unfinished(CENTRALUS, seen)
    assert not is_in_service(TOPOLOGY, CENTRALUS, estate(seen))


def test_what_a_run_did_for_another_region_says_nothing_of_this_one() -> None:
    kept = {"verify/westus2": {}, "simple-keyspaces": {"hosts": []}}
    assert unfinished(CENTRALUS, replace(SERVES, decided=kept)) == ""


def test_nothing_is_copied_or_cleared_where_it_serves() -> None:
    facts = estate(SERVES)
    steps = [
        *plan_reachability(TOPOLOGY, facts),
        *plan_rebuild(TOPOLOGY, facts),
        *plan_verification(TOPOLOGY, facts),
    ]
    assert any(not step.decision.is_done for step in steps)
    left = left_alone(TOPOLOGY, facts, steps)
    assert all(step.decision.is_done and not step.commands for step in left)
    assert {step.phase for step in left if step.in_service} <= PHASES
    assert all(
        "no run kept here has worked on it" in step.decision.reason for step in left if step.in_service
    )


@pytest.mark.parametrize("phase", ["cert-manager", "secrets", "crds"])
def test_what_the_first_region_has_otherwise_by_now_is_not_brought_to_it(phase: str) -> None:
    step = PlannedStep(StepId(f"{phase}/centralus"), phase, "centralus", phase, needed("otherwise"))
    (left,) = left_alone(TOPOLOGY, estate(SERVES), [step])
    assert left.decision.is_done
    assert left.in_service


def test_what_a_run_of_ours_began_goes_on() -> None:
    facts = estate(replace(SERVES, decided={rebuild_key("centralus", "apigee-cassandra-default-0"): {}}))
    steps = plan_rebuild(TOPOLOGY, facts)
    assert left_alone(TOPOLOGY, facts, steps) == steps
    assert findings(TOPOLOGY, facts) == []


def test_the_person_is_told_that_it_was_not_compared() -> None:
    (found,) = findings(TOPOLOGY, estate(SERVES))
    assert (found.severity, found.where) == ("warn", "centralus")
    assert "no run kept here has compared it" in found.message
    assert "hybridspan verify" in found.hint
