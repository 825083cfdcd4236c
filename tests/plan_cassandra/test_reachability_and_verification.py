"""Connections between nodes, and when a proof still holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.facts.cassandra import RingFacts
from hybridspan.plan.phases.memory import remembered
from hybridspan.plan.phases.reachability import (
    Member,
    blamed,
    decide_reachability,
    plan_reachability,
    silent,
)
from hybridspan.plan.phases.verification import (
    copied_key,
    decide_verification,
    fingerprint,
    plan_verification,
    unproved,
    verification_key,
)
from hybridspan.topology.model import Region
from tests.plan_cassandra.world import AFTER, BEFORE, nts, ring, two_regions, world

CENTRALUS = two_regions().region("centralus")
EAST = Member("eastus", "apigee-cassandra-default-0", "120.38.1.9")
CENTRAL = Member("centralus", "apigee-cassandra-default-0", "192.138.0.9")
WHOLE = ring(AFTER, "dc-1", "dc-2")


def everybody() -> list[Member]:
    """All three nodes of both regions."""
    places = {"dc-1": "eastus", "dc-2": "centralus"}
    return [
        Member(places[node.datacenter], f"apigee-cassandra-default-{number % 3}", node.address)
        for number, node in enumerate(WHOLE.nodes)
    ]


def missing(members: list[Member], regions: tuple[Region, ...] = two_regions().regions) -> dict[str, str]:
    return {str(name): words for name, words in silent(regions, members, WHOLE).items()}


def test_all_connections_open_is_done() -> None:
    assert missing(everybody()) == {}
    assert "all 30 connections" in decide_reachability({}, everybody(), {}, 7001).reason


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_declared_node_that_does_not_run_is_never_skipped(left: int) -> None:
    found = missing(everybody()[: 3 + left])
    assert found == {"centralus": f"{left} of 3 Cassandra nodes run in centralus"}
    decision = decide_reachability({CENTRALUS.name: found["centralus"]}, everybody(), {}, 7001)
    assert decision.state == "needed"
    assert f"{left} of 3 Cassandra nodes run in centralus" in decision.reason


def test_a_member_of_the_ring_without_a_pod_is_named_though_the_file_does_not_know_it() -> None:
    fewer = tuple(replace(region, cassandra_nodes=2) for region in two_regions().regions)
    found = missing([m for m in everybody() if m.address != "120.38.1.10"], fewer)
    assert found == {"eastus": "120.38.1.10 of dc-1 is in the ring and in no running pod"}


def test_pairs_that_fail_are_named_with_their_direction() -> None:
    decision = decide_reachability({}, [EAST, CENTRAL], {EAST: (CENTRAL,)}, 7001)
    assert decision.state == "needed"
    assert f"{EAST.text()} does not reach {CENTRAL.text()}" in decision.reason
    assert blamed({EAST: (CENTRAL,)}) == "centralus and eastus"


def test_reachability_is_decided_when_the_nodes_have_joined() -> None:
    topology = two_regions()
    (before,) = plan_reachability(topology, world(topology, ring(BEFORE, "dc-1")))
    (after,) = plan_reachability(topology, world(topology, ring(BEFORE, "dc-1", "dc-2")))
    assert (before.decision.state, after.decision.state) == ("later", "needed")
    assert before.needs == ("datastore/centralus",)


def test_a_proof_shows_that_the_port_was_open() -> None:
    topology = two_regions()
    seen = ring(AFTER, "dc-1", "dc-2")
    facts = world(topology, seen, verify__centralus={"fingerprint": fingerprint(seen, "dc-2"), "at": 1.0})
    (step,) = plan_reachability(topology, facts)
    assert step.decision.is_done


def test_data_that_came_without_a_proof_shows_it_too() -> None:
    topology = two_regions()
    seen = before_4()
    kept = {"fingerprint": fingerprint(seen, "dc-2"), "at": 1.0}
    facts = world(topology, seen)
    facts = replace(facts, decided={copied_key("verify", "centralus"): kept})
    (step,) = plan_reachability(topology, facts)
    assert step.decision.is_done
    assert "given their data over this port" in step.decision.reason


def test_a_proof_holds_for_the_same_nodes_and_keyspaces() -> None:
    seen = ring(AFTER, "dc-1", "dc-2")
    kept = {"fingerprint": fingerprint(seen, "dc-2"), "at": 1.0}
    assert decide_verification(seen, CENTRALUS, kept, again=False).is_done


def test_only_what_could_be_compared_is_told_as_found_the_same() -> None:
    seen = ring({**AFTER, "elsewhere": nts(dc_1=3), "single": nts(dc_2=1)}, "dc-1", "dc-2")
    words = decide_verification(
        seen, CENTRALUS, {"fingerprint": fingerprint(seen, "dc-2")}, again=False
    ).reason
    assert "perses {dc-1:3, dc-2:3}" in words
    assert "elsewhere" not in words
    assert "single" not in words


def test_a_proof_is_stale_when_a_keyspace_came_since() -> None:
    kept = {"fingerprint": fingerprint(ring(AFTER, "dc-1", "dc-2"), "dc-2"), "at": 1.0}
    seen = ring({**AFTER, "new": nts(dc_1=3, dc_2=3)}, "dc-1", "dc-2")
    assert decide_verification(seen, CENTRALUS, kept, again=False).state == "needed"


def test_a_third_data_center_leaves_the_proof_of_the_second() -> None:
    kept = fingerprint(ring(AFTER, "dc-1", "dc-2"), "dc-2")
    wider = {name: nts(dc_1=r.factor("dc-1"), dc_2=r.factor("dc-2"), dc_3=1) for name, r in AFTER.items()}
    assert fingerprint(ring(wider, "dc-1", "dc-2", "dc-3"), "dc-2") == kept


def test_verification_comes_after_the_last_rebuild_and_again_after_the_seed_is_out() -> None:
    topology = two_regions()
    verify, again = plan_verification(topology, world(topology, ring(BEFORE, "dc-1")))
    assert verify.needs == ("rebuild/centralus/apigee-cassandra-default-2",)
    assert again.needs == ("seed-out/centralus",)
    assert verify.decision.state == "later"


def test_the_planner_reads_every_key_that_steps_keep() -> None:
    keys = remembered(two_regions())
    assert "simple-keyspaces" in keys
    assert "rebuild/centralus/apigee-cassandra-default-2" in keys
    torn = [key for key in keys if key.startswith("torn-peering/")]
    assert len(torn) == 2  # a pair has two directions
    assert len(keys) == 1 + len(torn) + 2 + 3 + 2 * 2


def before_4() -> RingFacts:
    return replace(ring(AFTER, "dc-1", "dc-2"), releases={"3.11.17": ("a", "b")})


def test_a_release_that_cannot_compare_ends_as_replicated_not_proved() -> None:
    seen = before_4()
    first = decide_verification(seen, CENTRALUS, None, again=False)
    assert first.state == "needed"
    assert "ends as replicated, not proved" in first.reason
    copied = {"fingerprint": fingerprint(seen, "dc-2"), "at": 1.0}
    after = decide_verification(seen, CENTRALUS, None, copied, again=False)
    assert (after.is_done, after.reason) == (
        True,
        "dc-2 is replicated, not proved: Cassandra 3.11.17 cannot compare replicas",
    )


def test_it_is_looked_at_anew_when_a_node_was_replaced_and_compared_after_an_upgrade() -> None:
    copied = {"fingerprint": "of other nodes", "at": 1.0}
    assert decide_verification(before_4(), CENTRALUS, None, copied, again=False).state == "needed"
    seen = ring(AFTER, "dc-1", "dc-2")
    kept = {"fingerprint": fingerprint(seen, "dc-2"), "at": 1.0}
    upgraded = decide_verification(seen, CENTRALUS, None, kept, again=False)
    assert upgraded.state == "needed"
    assert "compared with dc-1" in upgraded.reason


def test_what_was_only_replicated_is_named_until_a_proof_comes() -> None:
    topology = two_regions()
    kept: dict[str, dict[str, object]] = {copied_key("verify", "centralus"): {"fingerprint": "x"}}
    assert unproved(topology, kept.get) == ("dc-2",)
    kept[verification_key("verify", "centralus")] = {"fingerprint": "x"}
    assert unproved(topology, kept.get) == ()


def test_no_command_of_such_a_plan_compares() -> None:
    topology = two_regions()
    steps = plan_verification(topology, world(topology, before_4()))
    said = "\n".join(command.text() for step in steps for command in step.commands)
    assert "--preview" not in said
    assert "echo 'dc-2 is replicated, not proved: Cassandra 3.11.17 cannot compare replicas' >&2" in said
    assert "nodetool" in said
