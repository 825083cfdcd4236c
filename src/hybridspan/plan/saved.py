"""A plan on disk: applied as it was agreed to, refused when the world has moved since."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybridspan.errors import InputError, PlanStale
from hybridspan.plan.model import Plan

FORMAT = "hybridspan/saved-plan/v1"


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What must still hold when the plan is applied."""

    topology_file: Path
    topology_digest: str
    facts_digest: str
    steps: Mapping[str, tuple[str, str]]
    """Step id → decision and reason at the time of saving."""
    waived: tuple[str, ...] = ()
    """Repairs that the person had decided to go without."""


def to_document(plan: Plan, topology_file: Path, waived: Sequence[str] = ()) -> dict[str, Any]:
    """The plan as it is saved: what was decided and what it was decided on; nothing secret."""
    return {
        "format": FORMAT,
        "topologyFile": str(topology_file),
        "topologyDigest": plan.topology_digest,
        "factsDigest": plan.facts_digest,
        "waived": list(waived),
        "steps": [{"id": s.id, "state": s.decision.state, "reason": s.decision.reason} for s in plan.steps],
    }


def from_text(text: str, where: str) -> SavedPlan:
    """The saved plan; InputError where the file is none."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise ValueError(f"its format is {document['format']!r}")
        steps = {s["id"]: (s["state"], s["reason"]) for s in document["steps"]}
        return SavedPlan(
            Path(document["topologyFile"]),
            document["topologyDigest"],
            document["factsDigest"],
            steps,
            tuple(map(str, document.get("waived", ()))),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "HS-PLAN-002",
            "this is not a saved plan",
            where=where,
            why=str(error),
            hint="make one with: hybridspan plan --save FILE",
        ) from error


def refuse_if_stale(saved: SavedPlan, plan: Plan) -> None:
    """Raises PlanStale with the first differences when the file or the world has changed since."""
    if saved.topology_digest != plan.topology_digest:
        why = "the topology file has changed"
    elif saved.facts_digest != plan.facts_digest:
        why = "; ".join(_differences(saved, plan)[:5]) or "a command would be another one now"
    else:
        return
    raise PlanStale(
        "HS-PLAN-003",
        "the world has moved since this plan was saved; nothing was done",
        where=str(saved.topology_file),
        why=why,
        hint="look at a new plan: hybridspan plan --save FILE",
    )


def _differences(saved: SavedPlan, plan: Plan) -> list[str]:
    now = {s.id: (s.decision.state, s.decision.reason) for s in plan.steps}
    changed = [
        f"{step}: was {saved.steps[step][0]}, is {state} ({reason})"
        for step, (state, reason) in now.items()
        if step in saved.steps and saved.steps[step][0] != state
    ]
    added = [f"{step} is new" for step in now if step not in saved.steps]
    gone = [f"{step} is no more" for step in saved.steps if step not in now]
    return changed + added + gone
