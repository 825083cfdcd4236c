from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.facts.overrides import OverridesFacts
from hybridspan.plan.phases.overrides import choose_seed, decide_overrides, decide_seed
from hybridspan.topology.model import Region, Topology

from .conftest import FIRST, SECOND, node, ring, store


@pytest.fixture
def region(topology: Topology) -> Region:
    return topology.new_regions[0]


def file(seed: str | None = None, *, exists: bool = True) -> OverridesFacts:
    return OverridesFacts("overrides.yaml", exists, seed=seed)


def test_the_lowest_address_is_the_seed_whatever_the_order(region: Region):
    assert choose_seed(ring(*reversed(FIRST)), region).address == "120.38.1.9"


def test_the_data_center_that_is_copied_from_comes_first(region: Region):
    third = tuple(node(f"10.0.0.{n}", "dc-0") for n in (1, 2, 3))
    assert choose_seed(ring(*third, *FIRST), replace(region, copy_from="dc-1")).address == "120.38.1.9"


def test_a_data_center_with_a_dead_node_gives_no_seed(region: Region):
    third = tuple(node(f"10.0.0.{n}", "dc-0") for n in (1, 2, 3))
    sick = (FIRST[0], FIRST[1], node("120.38.1.11", "dc-1", "DN"))
    assert choose_seed(ring(*sick, *third), region).address == "10.0.0.1"


def test_without_a_healthy_data_center_the_reason_names_the_node(region: Region):
    chosen = choose_seed(ring(FIRST[0], node("120.38.1.10", "dc-1", "DN")), region)
    assert chosen.address is None
    assert "120.38.1.10 (dc-1) is DN" in chosen.reason


def test_an_excluded_address_is_passed_over(region: Region):
    assert choose_seed(ring(*FIRST), region, frozenset({"120.38.1.9"})).address == "120.38.1.10"


def test_a_new_region_needs_a_seed(region: Region):
    assert decide_seed(region, ring(*FIRST), file(), None).state == "needed"


def test_a_live_seed_in_the_file_stays(region: Region):
    assert decide_seed(region, ring(*FIRST), file("120.38.1.10"), None).is_done


def test_a_file_that_can_take_no_seed_is_refused_before_anything_is_made(region: Region):
    stuck = replace(file(), seed_problem="overrides.yaml:6: cassandra is an alias")
    decision = decide_seed(region, ring(*FIRST), stuck, None)
    assert (decision.state, "overrides.yaml:6: cassandra is an alias" in decision.reason) == ("refused", True)
    assert "multiRegionSeedHost: 120.38.1.9" in decision.hint
    assert decide_seed(region, ring(*FIRST), replace(stuck, seed="120.38.1.10"), None).is_done
    assert decide_seed(region, ring(*FIRST, *SECOND), stuck, store()).is_done, "none is wanted any more"


def test_a_seed_that_has_gone_is_chosen_anew_while_nobody_has_joined(region: Region):
    decision = decide_seed(region, ring(*FIRST), file("120.38.1.77"), None)
    assert decision.state == "needed"
    assert "120.38.1.77" in decision.reason


def test_it_is_not_changed_once_one_has_joined(region: Region):
    seen = ring(*FIRST, SECOND[0])
    assert decide_seed(region, seen, file("120.38.1.77"), store("creating", "120.38.1.77")).is_done


def test_it_is_not_put_back_once_all_were_members(region: Region):
    seen = ring(*FIRST, *SECOND[:2], node("192.138.0.11", "dc-2", "DN"))
    assert decide_seed(region, seen, file(), store()).is_done


def test_an_unseen_ring_is_waited_for(region: Region):
    assert decide_seed(region, None, file(), None).state == "later"


def test_an_unhealthy_ring_is_refused(region: Region):
    assert decide_seed(region, ring(node("120.38.1.9", "dc-1", "DN")), file(), None).state == "refused"


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (OverridesFacts("o", exists=False), "needed"),
        (OverridesFacts("o", exists=True), "done"),
        (OverridesFacts("o", exists=True, disallowed=("org is 'x'",)), "refused"),
        (OverridesFacts("o", exists=True, problem="o cannot be read"), "refused"),
        (None, "later"),
    ],
)
def test_an_overrides_file_is_written_once_and_then_compared(facts: OverridesFacts | None, state: str):
    assert decide_overrides(facts).state == state
