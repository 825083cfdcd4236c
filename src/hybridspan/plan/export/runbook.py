"""The plan as a page for a person who does it by hand."""

from __future__ import annotations

from hybridspan.plan.model import Plan, PlannedStep
from hybridspan.topology.model import Topology

MARKS = {
    "done": "already done",
    "needed": "to do",
    "later": "to do; seen when its turn comes",
    "refused": "refused",
}


def runbook(plan: Plan, topology: Topology) -> str:
    """Markdown: findings first, then every step with its reason, its commands and what proves it."""
    lines = [f"# Runbook: {topology.name}", "", *_head(plan, topology)]
    for number, step in enumerate(plan.steps, 1):
        lines += _step(number, step)
    return "\n".join(lines) + "\n"


def _head(plan: Plan, topology: Topology) -> list[str]:
    regions = ", ".join(f"{r.name} ({r.datacenter})" for r in topology.regions)
    lines = [f"Organization {topology.organization}; regions {regions}.", ""]
    lines += ["Set the variables of `run.sh` first: files with passwords, never passwords themselves.", ""]
    worth = [f for f in plan.findings if f.severity in ("refuse", "warn", "unknown")]
    if worth:
        lines += ["## Before anything is changed", ""]
        lines += [
            f"- **{f.severity}** {f.where}: {f.message}" + (f" {f.hint}" if f.hint else "") for f in worth
        ]
        lines.append("")
    return lines


def _step(number: int, step: PlannedStep) -> list[str]:
    lines = [
        f"## {number}. {step.title}",
        "",
        f"`{step.id}`: {MARKS[step.decision.state]}. {step.decision.reason}",
        "",
    ]
    if step.irreversible:
        lines += [f"> **No simple way back:** {step.irreversible}", ""]
    for command in step.commands:
        if command.comment:
            lines += [command.comment, ""]
        lines += ["```bash", command.text(), "```", ""]
    return lines
