from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.journal.ports import Event
from hybridspan.report.acts import act_text
from hybridspan.report.assembly import assemble
from hybridspan.report.html import page
from hybridspan.report.verdict import overall

ENDED = {"state": "changed", "reason": "AKS says Succeeded"}


class Recorded:
    """A journal that only has events."""

    def __init__(self, *events: tuple[float, str, str, dict]) -> None:
        self._events = [
            Event(1, i, at, kind, step, document) for i, (at, kind, step, document) in enumerate(events)
        ]

    def events(self, run=None, kind=None):
        return iter(self._events)


@pytest.mark.parametrize(
    ("kind", "document", "text"),
    [
        ("arm", {"method": "PUT", "id": "/v", "result": "Succeeded", "seconds": "2.1"}, "PUT /v  Succeeded after 2.1 s"),
        ("kube", {"verb": "apply", "cluster": "c", "kind": "Secret", "name": "s", "namespace": "n"}, "apply Secret s in n (c)"),
        ("cql", {"node": "p-0", "user": "ddl_user", "statement": "ALTER …"}, "ALTER …  (ddl_user at p-0)"),
        ("nodetool", {"pod": "p-0", "command": ["nodetool", "rebuild", "--", "dc-1"], "code": 0}, "p-0: nodetool rebuild -- dc-1"),
        ("apigeectl", {"argv": ["apigeectl", "init"], "code": 1}, "apigeectl init  exit 1"),
        ("apigeectl", {"line": "namespace/apigee created"}, None),
        ("cql", {"strange": 1}, "strange=1"),
        ("progress", {"text": "half"}, None),
    ],
)  # fmt: skip
def test_what_adapters_record_is_one_line(kind, document, text):
    assert act_text(kind, document) == text


def test_a_step_that_a_run_failed_at_keeps_its_error(topology, facts, plan):
    error = {"error": {"code": "HS-AZURE-003", "message": "refused", "why": "quota"}}
    journal = Recorded(
        (10.0, "acting", "cluster/centralus", {}), (12.0, "failed", "cluster/centralus", error)
    )
    step = assemble(topology, facts, plan, journal).steps[1]
    assert (step.state, step.error, step.seconds) == ("failed", "HS-AZURE-003 refused quota", 2.0)


def test_a_step_that_never_ended_was_interrupted(topology, facts, plan):
    journal = Recorded((10.0, "acting", "cluster/centralus", {}))
    assert assemble(topology, facts, plan, journal).steps[1].state == "interrupted"


def test_a_step_in_place_shows_what_the_run_saw_and_how_long_it_took(topology, facts, plan):
    journal = Recorded((10.0, "acting", "network/eastus", {}), (13.0, "finished", "network/eastus", ENDED))
    step = assemble(topology, facts, plan, journal).steps[0]
    assert (step.state, step.reason, step.seconds) == ("changed", "AKS says Succeeded", 3.0)


def result(datacenter: str, state: str, *problems: str) -> dict:
    entry = {
        "keyspace": "perses",
        "state": state,
        "summary": state,
        "differences": [],
        "rows": {datacenter: 5},
    }
    return {"datacenter": datacenter, "problems": list(problems), "keyspaces": [entry]}


def test_the_last_verification_of_a_data_center_counts(topology, facts, plan):
    records = [
        (1.0, "verification", "", result("dc-2", "different")),
        (2.0, "verification", "", result("dc-2", "same")),
    ]
    assert [v.state for v in assemble(topology, facts, plan, Recorded(*records)).verdicts] == ["same"]


def test_of_several_data_centers_each_is_named(topology, facts, plan):
    records = [
        (1.0, "verification", "", result("dc-2", "unproved")),
        (2.0, "verification", "", result("dc-3", "same")),
    ]
    found = assemble(topology, facts, plan, Recorded(*records)).verdicts
    assert [(v.keyspace, v.state) for v in found] == [
        ("dc-2 · perses", "unproved"),
        ("dc-3 · perses", "same"),
    ]


def test_what_kept_a_data_center_from_being_compared_is_shown(topology, facts, plan):
    journal = Recorded((1.0, "verification", "", result("dc-2", "same", "192.138.0.9 is DN")))
    verdict = assemble(topology, facts, plan, journal).verdicts[0]
    assert (verdict.keyspace, verdict.state, verdict.summary) == (
        "all of dc-2",
        "unproved",
        "192.138.0.9 is DN",
    )


def test_what_a_run_went_without_stands_above_everything_else(topology, facts, plan):
    kept = (10.0, "waived", "source-repair/centralus", {"reason": "dc-1 was never repaired; waived by name"})
    assert assemble(topology, facts, plan, Recorded(kept)).remarks == (
        "Gone without, by name: source-repair/centralus. dc-1 was never repaired; waived by name",
    )


def standing(topology, facts, plan, *datacenters: str):
    """What the page says above everything, where those were compared and no step is left."""
    records = [(1.0, "verification", "", result(datacenter, "same")) for datacenter in datacenters]
    finished = replace(plan, steps=plan.steps[:1])
    report = assemble(topology, facts, finished, Recorded(*records))
    return overall(report), page(report)


def test_a_keyspace_that_was_compared_in_two_data_centers_is_one_keyspace(topology, facts, plan):
    found, text = standing(topology, facts, plan, "dc-2", "dc-3")
    assert (found.kind, found.detail) == (
        "good",
        "dc-1, dc-2, dc-3 hold the same data in 1 keyspace, compared range by range. 5 rows were counted.",
    )
    assert "<b>1/1</b>" in text


def test_a_data_center_that_was_never_compared_is_not_called_proved(topology, facts, plan):
    found, _ = standing(topology, facts, plan, "dc-2")
    assert (found.kind, found.headline) == ("warn", "Replicated, not proved")
    assert "no comparison of dc-3 is recorded" in found.detail
