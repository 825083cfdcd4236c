from __future__ import annotations

import pytest

from hybridspan.facts.apigee import ApigeeFacts, CustomResourceFacts
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.plan.phases.install import decide_datastore, decide_init
from hybridspan.plan.phases.runtime import decide_runtime
from hybridspan.plan.phases.seed_removal import decide_seed_removal
from hybridspan.topology.model import Topology

from .conftest import FIRST, SECOND, node, ring, store

COMPLETE = ring(*FIRST, *SECOND)


@pytest.mark.parametrize(
    ("apigee", "state"),
    [
        (None, "later"),
        (ApigeeFacts(None, False, None, ()), "needed"),
        (ApigeeFacts("1.11.2", True, None, ()), "done"),
        (ApigeeFacts("1.10.0", True, None, ()), "refused"),
    ],
)
def test_the_controller(topology: Topology, apigee: ApigeeFacts | None, state: str):
    assert decide_init(topology, apigee).state == state


@pytest.mark.parametrize(
    ("live", "seen", "state"),
    [
        (None, ring(*FIRST), "needed"),
        (None, None, "later"),
        (None, ring(*FIRST, node("192.138.0.9", "dc-2", "DN")), "refused"),
        (store(datacenter="dc-9"), ring(*FIRST), "refused"),
        (store("creating", ready=1), ring(*FIRST, *SECOND[:1]), "needed"),
        (store("creating"), COMPLETE, "needed"),
        (store(), ring(*FIRST, *SECOND[:2], node("192.138.0.11", "dc-2", "UJ")), "needed"),
        (store(ready=2), COMPLETE, "needed"),
        (store(), COMPLETE, "done"),
    ],
)
def test_the_datastore_is_done_when_the_ring_shows_all_nodes(topology: Topology, live, seen, state: str):
    assert decide_datastore(topology.new_regions[0], live, seen).state == state


@pytest.mark.parametrize(
    ("in_file", "live", "seen", "state"),
    [
        ("120.38.1.9", None, ring(*FIRST), "later"),
        ("120.38.1.9", store(seed="120.38.1.9"), ring(*FIRST, SECOND[0]), "later"),
        ("120.38.1.9", store(seed="120.38.1.9"), COMPLETE, "needed"),
        (None, store(seed="120.38.1.9"), COMPLETE, "needed"),
        ("120.38.1.9", store(), COMPLETE, "needed"),
        (None, store(), COMPLETE, "done"),
        (None, store(), ring(*FIRST, *SECOND[:2], node("192.138.0.11", "dc-2", "DN")), "needed"),
    ],
)
def test_the_seed_goes_when_all_have_joined(topology: Topology, in_file, live, seen, state: str):
    overrides = OverridesFacts("o", exists=True, seed=in_file)
    assert decide_seed_removal(topology.new_regions[0], overrides, live, seen).state == state


def test_the_next_move_is_said_where_a_node_that_had_joined_is_down(topology: Topology):
    overrides, live = OverridesFacts("o", exists=True, seed="120.38.1.9"), store(seed="120.38.1.9")
    down = ring(*FIRST, *SECOND[:2], node("192.138.0.11", "dc-2", "DN"))
    decision = decide_seed_removal(topology.new_regions[0], overrides, live, down)
    assert "2 of 3 nodes of dc-2 are up and normal" in decision.reason
    assert decision.hint == "bring these nodes up (nodetool status), then run apply again"
    joining = decide_seed_removal(topology.new_regions[0], overrides, live, ring(*FIRST, SECOND[0]))
    assert (joining.state, joining.hint) == ("later", "")


def apigee(*resources: tuple[str, str, str], installed: bool = True) -> ApigeeFacts:
    found = tuple(CustomResourceFacts(*r) for r in resources)
    return ApigeeFacts("1.11.2", True, store() if installed else None, found)


ORG, ENV = ("ApigeeOrganization", "o", "running"), ("ApigeeEnvironment", "e", "running")


@pytest.mark.parametrize(
    ("own", "state"),
    [
        (None, "later"),
        (apigee(installed=False), "later"),
        (apigee(), "needed"),
        (apigee(ORG), "needed"),
        (apigee(ORG, ("ApigeeEnvironment", "e", "creating")), "needed"),
        (apigee(ORG, ENV), "done"),
    ],
)
def test_the_runtime_is_done_when_what_the_first_has_runs_here_too(own: ApigeeFacts | None, state: str):
    assert decide_runtime(apigee(ORG, ENV), own).state == state
