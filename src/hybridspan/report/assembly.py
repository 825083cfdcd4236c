"""Joins the plan of now with the record of what runs did into one RunReport."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hybridspan import __version__
from hybridspan.facts.world import WorldFacts
from hybridspan.journal.ports import Event, Journal
from hybridspan.plan.model import Plan, PlannedStep
from hybridspan.report.acts import act_text
from hybridspan.report.model import (
    OF_KEYSPACE,
    ActRecord,
    Difference,
    RunReport,
    StepRecord,
    StepState,
    Verdict,
)
from hybridspan.topology.model import Topology


def assemble(topology: Topology, facts: WorldFacts, plan: Plan, journal: Journal) -> RunReport:
    """The report: each step as it stands now, with the times of the run that last acted on it."""
    events = list(journal.events())
    return RunReport(
        topology=topology,
        version=__version__,
        generated_at=facts.taken_at,
        facts=facts,
        steps=tuple(_step(step, events) for step in plan.steps),
        acts=tuple(_acts(events)),
        verdicts=_verdicts(events),
        remarks=tuple(_waived(events)),
        compared=tuple(_comparisons(events)),
    )


def _step(planned: PlannedStep, events: Iterable[Event]) -> StepRecord:
    mine = [e for e in events if e.step == planned.id]
    acting = [e for e in mine if e.kind == "acting"]
    ended = [e for e in mine if e.kind in ("finished", "failed") and acting and e.at >= acting[-1].at]
    return StepRecord(
        id=planned.id,
        title=planned.title,
        region=planned.region,
        phase=planned.phase,
        state=_state(planned, bool(acting), ended),
        reason=_reason(planned, ended),
        started=acting[-1].at if acting else None,
        ended=ended[0].at if ended else None,
        commands=tuple(c.text() for c in planned.commands),
        rows=planned.procedure_rows,
        irreversible=planned.irreversible,
        error=_error(ended[0].document) if ended and ended[0].kind == "failed" else "",
    )


def _state(planned: PlannedStep, acted: bool, ended: list[Event]) -> StepState:
    if planned.decision.is_done:
        return "changed" if acted else "unchanged"
    if ended and ended[0].kind == "failed":
        return "failed"
    if acted and not ended:
        return "interrupted"
    return {"needed": "needed", "later": "later", "refused": "refused"}[planned.decision.state]  # type: ignore[return-value]


def _reason(planned: PlannedStep, ended: list[Event]) -> str:
    """What was seen when it was verified; for what no run acted on, what is seen now."""
    if planned.decision.is_done and ended and ended[0].kind == "finished":
        return str(ended[0].document.get("reason", planned.decision.reason))
    return planned.decision.reason


def _error(document: Mapping[str, Any]) -> str:
    error = document.get("error", {})
    return " ".join(str(error[key]) for key in ("code", "message", "why") if key in error)


def _acts(events: Iterable[Event]) -> Iterator[ActRecord]:
    for event in events:
        text = act_text(event.kind, event.document)
        if text is not None:
            yield ActRecord(event.at, event.kind, text, event.step)


def _waived(events: Iterable[Event]) -> Iterator[str]:
    """What a run went without, by name, so that nobody takes the report for more than it proves."""
    last = {event.step: str(event.document.get("reason", "")) for event in events if event.kind == "waived"}
    for step, reason in last.items():
        yield f"Gone without, by name: {step}. {reason}"


def _comparisons(events: Iterable[Event]) -> Mapping[str, Mapping[str, Any]]:
    """Data center → the record of its last verification."""
    return {str(e.document["datacenter"]): e.document for e in events if e.kind == "verification"}


def _verdicts(events: Iterable[Event]) -> tuple[Verdict, ...]:
    """Every keyspace of the last verification of each data center; the data center stands before its name."""
    last = _comparisons(events)
    found: list[Verdict] = []
    for datacenter, document in last.items():
        prefix = f"{datacenter}{OF_KEYSPACE}" if len(last) > 1 else ""
        if problems := document.get("problems"):
            # What kept it from being compared counts more than the keyspaces that were.
            found.append(Verdict(f"all of {datacenter}", "unproved", "; ".join(map(str, problems))))
        found += [_verdict(entry, prefix) for entry in document["keyspaces"]]
    return tuple(found)


def _verdict(entry: Mapping[str, Any], prefix: str) -> Verdict:
    differences = [
        Difference(d["node"], d["range"], d["table"], d.get("detail", "")) for d in entry["differences"]
    ]
    name = prefix + entry["keyspace"]
    return Verdict(name, entry["state"], entry["summary"], tuple(differences), dict(entry["rows"]))
