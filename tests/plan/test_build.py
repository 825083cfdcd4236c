from __future__ import annotations

from dataclasses import replace

from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.plan.build import build
from hybridspan.report.text import render_plan
from tests.azure.regions import CENTRAL, EAST, make_topology
from tests.plan_azure.facts import NOTHING, here


def test_a_step_that_must_not_be_done_shows_no_command_to_type() -> None:
    gone = replace(here(EAST), resource_group_exists=False)
    facts = {
        EAST.name: RegionFacts(gone, None, None, (), None),
        CENTRAL.name: RegionFacts(NOTHING, None, None, (), None),
    }
    made = build(make_topology(), WorldFacts(0.0, facts, None))
    refused, wanted = made.step("group/eastus"), made.step("group/centralus")
    assert (refused.decision.state, wanted.decision.state) == ("refused", "needed")
    assert (refused.commands, refused.resources) == ((), ())
    assert wanted.commands
    assert wanted.resources
    shown = "\n".join(render_plan(made).lines)
    assert "az group create --name" in shown
    assert shown.count("az group create") == 1
