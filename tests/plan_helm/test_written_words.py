"""What docs/helm.md quotes of the plan is what the planner says: the quick half of what the rehearsals hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.apigee.replication_causes import cause_of, place_of
from hybridspan.facts.cassandra import Hindrances
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.plan.model import Decision
from hybridspan.plan.phases import trust
from hybridspan.plan.phases.definitions import decide_crds
from hybridspan.plan.phases.operator import decide_operator
from hybridspan.plan.phases.overrides import decide_seed
from hybridspan.plan.phases.replication import ReplicationSeen, decide_replication
from hybridspan.plan.phases.seed_removal import decide_seed_removal
from tests.failure_table import as_written
from tests.plan_apigee.conftest import objects, secret

from .world import (
    FIRST,
    ORGANIZATION,
    PODS,
    RECEIVED,
    RING,
    apigee,
    centralus,
    release,
    resource,
    status,
    store,
    with_helm,
)

TOPOLOGY = with_helm()
REGION = centralus(TOPOLOGY)
CA, OTHER = secret("apigee-ca", "1"), secret("apigee-ca", "2")
LATE = replace(objects(authority=CA), authority_issued_nodes=False)
NOT_JOINED = apigee(datastore=replace(store(), state="creating", ready_replicas=0))
CRASHED = (
    "apigee-controller-manager-7f5c has ended 2 times (CrashLoopBackOff), its last words: no matches for kind"
)


def operator(trouble: str) -> Decision:
    own = apigee(release("operator"), controller_ready=False, controller_trouble=trouble)
    return decide_operator(TOPOLOGY, FIRST, own)


def replication(**wrong: str) -> Decision:
    seen = ReplicationSeen(resource(**wrong), status("complete", *["complete"] * 3), RING, RECEIVED)
    return decide_replication(TOPOLOGY, REGION, ORGANIZATION, seen)


SEED = OverridesFacts("o.yaml", exists=True, seed="10.10.0.77")


@pytest.mark.parametrize(
    ("happened", "number", "decision"),
    [
        ("is a cloud region", 1, replication(source="us-west1")),
        (
            "an operator that found no",
            1,
            trust.decide_authority(objects(authority=CA), objects(authority=OTHER), None),
        ),
        (
            "an operator that found no",
            2,
            trust.decide_authority(objects(authority=CA), objects(authority=OTHER), NOT_JOINED),
        ),
        ("the right CA was copied", 1, trust.decide_authority(objects(authority=CA), LATE, NOT_JOINED)),
        ("the operator was installed before", 1, decide_crds(FIRST.apigee, apigee(definitions={}))),
        ("the operator was installed before", 2, operator(CRASHED)),
        ("the webhook has no endpoints", 1, operator("it is scaled to no replicas")),
        ("the replication was made before", 1, replication(organization_ref="hybrid-test-7")),
        ("the seed was left in", 1, decide_seed_removal(REGION, SEED, store(), RING)),
        ("the seed was changed", 1, decide_seed(REGION, RING, SEED, store())),
    ],
)
def test_the_page_quotes_the_plan(happened: str, number: int, decision: Decision):
    assert as_written(happened, number, decision.reason), decision.reason


@pytest.mark.parametrize(
    ("happened", "told", "seen"),
    [
        ("the disk of a new node is full", "Stream failed", Hindrances(full={PODS[0]: 3 * 1024**2})),
        ("a new node refuses the operator's login", "Authentication failed! Invalid username", Hindrances()),
    ],
)
def test_the_page_quotes_the_causes(happened: str, told: str, seen: Hindrances):
    failure = cause_of(told, "dc-1", RING, place_of(REGION, store(), "region-expansion"), seen)
    assert as_written(happened, 1, f"{failure.message} {failure.why}"), failure
