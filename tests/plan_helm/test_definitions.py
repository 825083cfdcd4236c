"""Apigee's definitions beside the operator's chart and the first region's, which may be of another release."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.facts.apigee import ChartComparison
from hybridspan.plan.build import build
from hybridspan.plan.phases.definitions import decide_crds, findings
from tests.plan_cassandra.world import BEFORE

from .world import FIRST, apigee, ring, with_helm, world

AS_CHART = ChartComparison()
TOPOLOGY = with_helm()


def of_chart(**held: str):
    return apigee(definitions=held, chart=AS_CHART)


def test_the_charts_definitions_are_done_whatever_the_first_region_has():
    decision = decide_crds(FIRST.apigee, of_chart(apigeedatastores="of the chart"))
    assert decision.is_done
    assert "the first region has otherwise: apigeedatastores" in decision.reason


def test_a_definition_that_only_the_first_region_still_has_keeps_no_operator_from_starting():
    first = apigee(definitions={"apigeedatastores": "a", "of-an-old-release": "a"})
    assert decide_crds(first, of_chart(apigeedatastores="a")).is_done


def test_what_is_as_in_the_first_region_is_left_though_the_chart_has_it_otherwise():
    """The first region and one that serves were both forgotten in an upgrade: that is told, and nothing is touched."""
    own = apigee(definitions={"apigeedatastores": "a"}, chart=ChartComparison(other=("apigeedatastores",)))
    assert decide_crds(FIRST.apigee, own).is_done


@pytest.mark.parametrize(
    ("chart", "words"),
    [
        (ChartComparison(missing=("apigeedatastores", "secretrotations")), "2 that the operator's chart has"),
        (ChartComparison(other=("apigeedatastores",)), "in the operator's chart and in the first region"),
    ],
)
def test_what_the_chart_has_and_the_cluster_has_not_is_needed(chart: ChartComparison, words: str):
    decision = decide_crds(FIRST.apigee, apigee(definitions={"apigeedatastores": "old"}, chart=chart))
    assert decision.state == "needed"
    assert words in decision.reason


def test_the_first_regions_own_are_told_with_the_command_that_mends_them():
    facts = world(
        TOPOLOGY, ring(BEFORE, "dc-1"), apigee(definitions={}, chart=ChartComparison(missing=("a",)))
    )
    assert findings(TOPOLOGY, facts) == []
    first = facts.regions["eastus"]
    assert first.apigee is not None
    seen = replace(first.apigee, chart=ChartComparison(other=("apigeedatastores",)))
    facts = replace(facts, regions={**facts.regions, "eastus": replace(first, apigee=seen)})
    (found,) = [f for f in build(TOPOLOGY, facts).findings if f.check == "definitions"]
    assert found.severity == "warn"
    assert f"kubectl --context {TOPOLOGY.first.context} apply -k" in found.hint
