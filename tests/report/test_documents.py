from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from hybridspan.engine.outcomes import RunOutcome, StepOutcome
from hybridspan.errors import PermanentFailure
from hybridspan.facts.cassandra import RebuildFacts
from hybridspan.facts.world import RegionFacts, Unseen, WorldFacts
from hybridspan.report.documents import (
    apply_document,
    check_document,
    plan_document,
    status_document,
    verify_document,
)
from hybridspan.report.model import Difference, Verdict
from hybridspan.report.problems import validation_document
from hybridspan.topology.validation import examine
from hybridspan.verification.model import VerificationResult

from .conftest import EXAMPLES

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


def satisfies(name: str, document: object) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(document)))


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda p: p.name)
def test_every_published_schema_is_one(path):
    jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text()))


def test_a_plan(plan):
    satisfies("plan", plan_document(plan))


def test_findings(facts):
    document = check_document("three-regions", facts.findings)
    satisfies("check", document)
    assert document["ok"] is True


def test_the_outcome_of_a_run():
    failure = PermanentFailure("HS-ENGINE-003", "not to be seen", why="one node is down")
    steps = (
        StepOutcome("network/eastus", "unchanged", "exists", 1.0, 2.0),
        StepOutcome("datastore/centralus", "failed", "not to be seen", 2.0, 3.0, failure),
        StepOutcome("rebuild/centralus/0", "not-reached", "needs datastore/centralus"),
    )
    document = apply_document("three-regions", RunOutcome(steps))
    satisfies("apply", document)
    assert document["complete"] is False
    assert document["steps"][1]["error"]["why"] == "one node is down"


def test_a_run_that_nothing_could_prove_is_complete_and_not_done():
    outcome = RunOutcome((StepOutcome("verify/centralus", "changed", "looked at"),), unproved=("dc-2",))
    document = apply_document("two-regions", outcome)
    satisfies("apply", document)
    assert (document["outcome"], document["complete"], document["unproved"]) == ("unproved", True, ["dc-2"])


def test_status_of_a_finished_installation(topology, facts):
    document = status_document(topology, facts)
    satisfies("status", document)
    assert document["regions"][2]["network"]["peerings"][0]["carriesTraffic"] is True


def test_status_names_what_could_not_be_seen(topology, facts):
    error = PermanentFailure(
        "HS-KUBE-002", "the API server does not answer", hint="az aks show"
    ).to_document()
    document = status_document(topology, replace(facts, unseen=(Unseen("centralus", "cluster", error),)))
    satisfies("status", document)
    assert document["unseen"][0]["error"]["code"] == "HS-KUBE-002"


def test_status_before_anything_but_the_first_region_exists(topology, facts):
    nothing = replace(facts.regions["centralus"].azure, network=None, cluster=None)
    bare = RegionFacts(nothing, None, None, ())
    satisfies("status", status_document(topology, WorldFacts(0.0, {"eastus": bare, "centralus": bare}, None)))


def test_a_verification_with_a_difference():
    difference = Difference("192.138.0.9", "(1,2]", "developers")
    verdicts = (
        Verdict("kms_", "different", "1 range differs", (difference,), {"dc-1": 3}),
        Verdict("perses", "same", "ok"),
    )
    document = verify_document("three-regions", [VerificationResult("dc-2", "dc-1", (), verdicts)])
    satisfies("verify", document)
    assert document["proved"] is False


def test_nothing_compared_is_nothing_proved():
    assert verify_document("three-regions", ())["proved"] is False


def test_validation():
    file = EXAMPLES / "two-regions" / "hybrid.yaml"
    satisfies("validate", validation_document(file, examine(file)))
    satisfies("validate", validation_document(Path("none"), examine("none")))


def test_status_while_a_node_receives_its_data(topology, facts):
    node = RebuildFacts("apigee-cassandra-default-0", "dc-2", "all", 0, 5, 10, 100, 1, seconds_left=None)
    document = status_document(topology, replace(facts, rebuilds=(node,)))
    satisfies("status", document)
    assert document["rebuilds"][0]["bytesTotal"] == 100
