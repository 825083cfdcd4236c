"""The plan as a page for a person who does it by hand."""

from __future__ import annotations

import shlex

from hybridspan.plan.export.passwords import CLEANING, making, wanted
from hybridspan.plan.model import Plan, PlannedStep
from hybridspan.topology.model import Topology

MARKS = {
    "done": "already done",
    "needed": "to do",
    "later": "to do; seen when its turn comes",
    "refused": "refused",
}

WORTH = {"refuse": "Refused", "warn": "Warning", "unknown": "Not seen"}

PREPARATION = """## Get ready

Sign in with `az login`, open one shell with bash for all of it, and go to the folder of the topology file: paths are relative
to it. After each step look at what its commands say; go on only when nothing failed. Every command may be repeated.
"""

PASSWORDS = """The commands read passwords from files. This makes them from the first region's secret, readable by you alone; nothing is
shown on the screen.
"""

REFUSED = "**This plan is refused: do not carry it out.** What stands in its way is named below; remove it, then write the page anew."


def runbook(plan: Plan, topology: Topology) -> str:
    """Markdown: findings first, then every step with its reason, its commands and what proves it."""
    lines = [f"# Runbook: {topology.name}", "", *_head(plan, topology)]
    for number, step in enumerate(plan.steps, 1):
        lines += _step(number, step)
    if wanted(plan):
        lines += ["## At the end", "", "The files with the passwords go.", "", "```bash", CLEANING, "```", ""]
    return "\n".join(lines) + "\n"


def _head(plan: Plan, topology: Topology) -> list[str]:
    regions = ", ".join(f"{r.name} ({r.datacenter})" for r in topology.regions)
    lines = [f"Organization {topology.organization}; regions {regions}.", ""]
    lines += [f"{len(plan.pending)} of {len(plan.steps)} steps are to do.", ""]
    lines += [REFUSED, ""] if plan.refusals else []
    lines += [*_worth_knowing(plan), PREPARATION]
    lines += ["```bash", f"cd {shlex.quote(str(topology.path.parent))}", "```", ""]
    if wanted(plan):
        lines += [PASSWORDS, "```bash", making(plan, topology), "```", ""]
    return lines


def _worth_knowing(plan: Plan) -> list[str]:
    found = [f for f in plan.findings if f.severity in ("refuse", "warn", "unknown")]
    if not found:
        return []
    lines = [
        f"- **{WORTH[f.severity]}**, {f.where}: {f.message}." + (f" Next: {f.hint}." if f.hint else "")
        for f in found
    ]
    return ["## Before anything is changed", "", *lines, ""]


def _step(number: int, step: PlannedStep) -> list[str]:
    reason, _, detail = step.decision.reason.partition("\n")
    lines = [
        f"## {number}. {step.title}",
        "",
        f"`{step.id}` ({MARKS[step.decision.state]}): {reason}.",
        "",
    ]
    if detail:
        lines += ["```diff", detail, "```", ""]
    if step.decision.is_done:
        return lines
    if step.decision.state == "refused" and step.decision.hint:
        lines += [f"Do not go on. Next: {step.decision.hint}.", ""]
    if step.irreversible:
        lines += [f"> **No simple way back:** {step.irreversible}", ""]
    for command in step.commands:
        if command.comment:
            lines += [command.comment, ""]
        lines += ["```bash", command.text(), "```", ""]
    return lines
