"""Plans and findings for a terminal; where there is none, plain lines that are never wrapped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from hybridspan.facts.world import Finding
from hybridspan.plan.model import Command, Plan, PlannedStep
from hybridspan.report.rendering import Rendered

MARKS = {"done": "=", "needed": "+", "later": "~", "refused": "✗"}
WORDS = {
    "done": "nothing to do",
    "needed": "to do",
    "later": "decided when its turn comes",
    "refused": "refused",
}
COLOURS = {"done": "dim", "needed": "green", "later": "cyan", "refused": "bold red"}
SEVERITY_COLOURS = {"refuse": "bold red", "warn": "yellow", "unknown": "magenta", "pass": "green"}


def render_plan(plan: Plan) -> Rendered:
    """The plan as a tree by region, each step with its reason and the commands that it stands for."""
    return Rendered(_plan_tree(plan), tuple(_plan_lines(plan)))


def _plan_tree(plan: Plan) -> Group:
    tree = Tree(Text(f"Plan for {plan.topology_name}", style="bold"), guide_style="dim")
    for region, steps in groupby(plan.steps, key=lambda step: step.region):
        branch = tree.add(Text(region, style="bold cyan"))
        for step in steps:
            _add_step(branch, step)
    parts: list[RenderableType] = [tree, Text()]
    if findings := _worth_reading(plan.findings):
        parts += [_finding_table(findings), Text()]
    parts += [Text(f"· {note}", style="dim") for note in plan.notes]
    return Group(*parts, Text(plan_sum(plan), style="bold"))


def _add_step(branch: Tree, step: PlannedStep) -> None:
    state = step.decision.state
    head = Text.assemble(
        (f"{MARKS[state]} ", COLOURS[state]),
        (step.title, COLOURS[state] if state == "done" else "bold"),
        (f"  {step.id}{_rows(step)}", "dim"),
    )
    node = branch.add(head)
    node.add(Text(step.decision.reason, style="dim" if step.decision.is_done else ""))
    if step.decision.is_done:
        return
    if step.decision.hint:
        node.add(Text(f"next: {step.decision.hint}", style="yellow"))
    if step.irreversible:
        node.add(Text(f"no simple way back: {step.irreversible}", style="bold red"))
    for command in step.commands:
        for line in _command_lines(command):
            node.add(Text(line, style="green" if line.startswith("$") else "dim italic"))


def _plan_lines(plan: Plan) -> Iterator[str]:
    yield f"Plan for {plan.topology_name}"
    for step in plan.steps:
        yield f"{MARKS[step.decision.state]} {step.id}: {step.title}{_rows(step)}"
        yield f"    {WORDS[step.decision.state]}: {step.decision.reason}"
        if step.decision.is_done:
            continue
        if step.decision.hint:
            yield f"    next: {step.decision.hint}"
        if step.irreversible:
            yield f"    no simple way back: {step.irreversible}"
        for command in step.commands:
            yield from (f"    {line}" for line in _command_lines(command))
    yield from finding_lines(_worth_reading(plan.findings))
    yield from (f"note: {note}" for note in plan.notes)
    yield plan_sum(plan)


def plan_sum(plan: Plan) -> str:
    """The last line: how much there is to do, and whether it may be done."""
    counts = {state: sum(s.decision.state == state for s in plan.steps) for state in MARKS}
    if plan.refusals:
        return f"This plan must not be applied: {len(plan.refusals)} reason(s) above. Nothing was changed."
    if not plan.pending:
        return f"Nothing to do: all {counts['done']} steps are as they should be."
    return (
        f"{len(plan.pending)} steps to do ({counts['later']} of them decided when their turn comes), "
        f"{counts['done']} as they should be."
    )


def _rows(step: PlannedStep) -> str:
    if not step.procedure_rows:
        return ""
    return f" (step {', '.join(map(str, step.procedure_rows))} of the procedure)"


def _command_lines(command: Command) -> list[str]:
    comment = [f"# {command.comment}"] if command.comment else []
    first, *rest = command.text().splitlines() or [""]
    return [*comment, f"$ {first}", *(f"  {line}" for line in rest)]


def render_findings(findings: Iterable[Finding]) -> Rendered:
    """What pre-flight found, the gravest first."""
    order = list(SEVERITY_COLOURS)
    found = sorted(findings, key=lambda finding: order.index(finding.severity))
    return Rendered(_finding_table(found), tuple(finding_lines(found)))


def _finding_table(findings: Sequence[Finding]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for finding in findings:
        words = Text(finding.message)
        if finding.hint:
            words.append(f"\nnext: {finding.hint}", style="dim")
        severity = Text(finding.severity, style=SEVERITY_COLOURS[finding.severity])
        table.add_row(severity, finding.check, Text(finding.where, style="dim"), words)
    return table


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """One line a finding, and one for its hint."""
    for finding in findings:
        yield f"{finding.severity:8} {finding.check:20} {finding.where}: {finding.message}"
        if finding.hint:
            yield f"{'':8} next: {finding.hint}"


def _worth_reading(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity != "pass"]
