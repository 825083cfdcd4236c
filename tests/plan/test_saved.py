"""A saved plan is applied as it was agreed to, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hybridspan.errors import InputError, PlanStale
from hybridspan.plan.model import Plan, done
from hybridspan.plan.saved import from_text, refuse_if_stale, to_document
from tests.engine.conftest import planned

PLAN = Plan("t", "topology-1", "facts-1", (planned("network/a"),))


def saved():
    return from_text(json.dumps(to_document(PLAN, Path("/x/hybrid.yaml"))), "plan.json")


def test_an_unchanged_world_is_accepted() -> None:
    refuse_if_stale(saved(), PLAN)


def test_a_changed_topology_file_is_refused() -> None:
    with pytest.raises(PlanStale, match="HS-PLAN-003") as caught:
        refuse_if_stale(saved(), replace(PLAN, topology_digest="topology-2"))
    assert "topology file" in caught.value.why


def test_a_moved_world_is_refused_naming_the_step() -> None:
    moved = replace(
        PLAN, facts_digest="facts-2", steps=(replace(PLAN.steps[0], decision=done("made by hand")),)
    )
    with pytest.raises(PlanStale) as caught:
        refuse_if_stale(saved(), moved)
    assert "network/a: was needed, is done (made by hand)" in caught.value.why


def test_what_was_waived_stays_waived() -> None:
    text = json.dumps(to_document(PLAN, Path("/x/hybrid.yaml"), ("source-repair",)))
    assert from_text(text, "plan.json").waived == ("source-repair",)
    assert saved().waived == ()


@pytest.mark.parametrize("text", ["{", "{}", '{"format": "other"}', "[]"])
def test_another_file_is_no_plan(text: str) -> None:
    with pytest.raises(InputError):
        from_text(text, "x.json")
