"""A proof spares the steps what somebody else has already brought."""

from __future__ import annotations

from dataclasses import replace

from hybridspan.facts.cassandra import AvailableRanges
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.phases.keyspaces import auth_key, decide_auth
from hybridspan.plan.phases.proof import proof_of
from hybridspan.plan.phases.rebuild import plan_rebuild
from hybridspan.plan.phases.verification import plan_verification
from tests.plan_cassandra.world import AFTER, NOW, ring, two_regions, world

TOPOLOGY = two_regions()
REGION = TOPOLOGY.region("centralus")
RING = ring(AFTER, "dc-1", "dc-2")
PODS = {n.address: f"apigee-cassandra-default-{i}" for i, n in enumerate(RING.of("dc-2"))}


def by_hand(**decided: object) -> WorldFacts:
    """The new nodes have records of received ranges that no run of ours began."""
    facts = world(TOPOLOGY, RING, **decided)
    seen = facts.regions["centralus"]
    ranges = tuple(AvailableRanges(name, 48, 0) for name in AFTER)
    nodes = tuple(replace(node, available_ranges=ranges) for node in seen.nodes)
    return replace(facts, regions={**facts.regions, "centralus": replace(seen, nodes=nodes)})


def rebuilds(facts: WorldFacts) -> list[str]:
    return [s.decision.state for s in plan_rebuild(TOPOLOGY, facts) if s.phase == "rebuild"]


def proof(*, has_seed: bool = False) -> dict[str, object]:
    return proof_of(REGION, RING, PODS, NOW, has_seed=has_seed)


def test_what_was_streamed_by_hand_is_brought_again_until_it_is_proved() -> None:
    assert rebuilds(by_hand()) == ["needed"] * 3
    assert rebuilds(by_hand(**proof())) == ["done"] * 3


def test_a_node_that_was_replaced_since_receives_its_data() -> None:
    other = replace(RING, nodes=tuple(replace(n, host_id=f"new-{n.host_id}") for n in RING.nodes))
    facts = replace(by_hand(**proof()), ring=other)
    assert rebuilds(facts) == ["needed"] * 3


def test_a_login_through_a_proved_node_needs_no_repair_first() -> None:
    kept = proof()[auth_key(REGION)]
    assert decide_auth(RING, REGION, kept).is_done  # type: ignore[arg-type]


def test_while_the_nodes_have_a_seed_they_are_compared_once_more_later() -> None:
    def states(*, has_seed: bool) -> dict[str, str]:
        steps = plan_verification(TOPOLOGY, by_hand(**proof(has_seed=has_seed)))
        return {step.phase: step.decision.state for step in steps}

    assert states(has_seed=False) == {"verify": "done", "verify-again": "done"}
    assert states(has_seed=True) == {"verify": "done", "verify-again": "needed"}
