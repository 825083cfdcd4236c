"""Plans and findings for a terminal; where there is none, plain lines that are never wrapped."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hybridspan.facts.world import Finding
from hybridspan.plan.model import Plan, PlannedStep
from hybridspan.report.amounts import counted
from hybridspan.report.rendering import Rendered

MARKS = {"done": "=", "needed": "+", "later": "~", "refused": "✗", "waived": "!"}
WORDS = {
    "done": "nothing to do",
    "needed": "to do",
    "later": "decided when its turn comes",
    "refused": "refused",
    "waived": "gone without",
}
COLOURS = {"done": "dim", "needed": "green", "later": "cyan", "refused": "bold red", "waived": "yellow"}
SEVERITY_COLOURS = {"refuse": "bold red", "warn": "yellow", "unknown": "magenta", "pass": "green"}


def render_plan(plan: Plan, *, brief: bool = False, file: str = "hybrid.yaml") -> Rendered:
    """The plan: each step with its reason and its commands, then what pre-flight found, then the sum.

    The brief form, for whoever is about to say yes, has only what is to be done, without the commands; `file` is the topology's,
    for the command that shows them.
    """
    steps = tuple(s for s in plan.steps if not brief or s.decision.is_waived or not s.decision.is_done)
    more = _more(plan, file) if brief else []
    table = Group(_plan_table(plan, steps, brief), *map(Text, more))
    return Rendered(table, (*_plan_lines(plan, steps, brief), *more))


def _plan_table(plan: Plan, steps: Sequence[PlannedStep], brief: bool) -> Group:
    parts: list[RenderableType] = [Text(f"Plan for {plan.topology_name}", style="bold"), Text()]
    for step in steps:
        parts += _step_parts(step, brief)
    parts += [Text(left_out, style="dim") for left_out in _left_out(plan, steps)]
    if findings := _worth_reading(plan.findings):
        parts += [Text(), _finding_table(findings)]
    parts += [Text(), *(Text(note, style="dim") for note in plan.notes)]
    return Group(*parts, Text(plan_sum(plan), style="bold"))


def _step_parts(step: PlannedStep, brief: bool) -> Iterator[RenderableType]:
    state = _state(step)
    head = Table.grid(padding=(0, 1), expand=True)
    head.add_column(width=1)
    head.add_column(ratio=1)
    head.add_column(justify="right")
    title = Text(step.title, style=COLOURS[state] if state == "done" else "bold")
    label = Text(step.id + ("" if brief else _rows(step)), style="dim")
    head.add_row(Text(MARKS[state], style=COLOURS[state]), title, label)
    yield head
    yield _indented(step.decision.reason, "dim" if state == "done" else "")
    if step.decision.is_done:
        return
    if step.decision.hint:
        yield _indented(f"next: {step.decision.hint}", "yellow")
    if step.irreversible:
        yield _indented(f"no simple way back: {step.irreversible}", "bold red")
    for line in () if brief else _all_command_lines(step):
        yield _indented(line, "green" if line.startswith("$") else "dim italic")


def _state(step: PlannedStep) -> str:
    return "waived" if step.decision.is_waived else step.decision.state


def _indented(text: str, style: str) -> Padding:
    return Padding(Text(text, style=style), (0, 0, 0, 2))


def _plan_lines(plan: Plan, steps: Sequence[PlannedStep], brief: bool) -> Iterator[str]:
    yield f"Plan for {plan.topology_name}"
    for step in steps:
        yield f"{MARKS[_state(step)]} {step.id}: {step.title}{'' if brief else _rows(step)}"
        yield f"    {WORDS[_state(step)]}: {step.decision.reason}"
        if step.decision.is_done:
            continue
        if step.decision.hint:
            yield f"    next: {step.decision.hint}"
        if step.irreversible:
            yield f"    no simple way back: {step.irreversible}"
        yield from (f"    {line}" for line in (() if brief else _all_command_lines(step)))
    yield from _left_out(plan, steps)
    yield from finding_lines(_worth_reading(plan.findings))
    yield from (f"note: {note}" for note in plan.notes)
    yield plan_sum(plan)


def _left_out(plan: Plan, steps: Sequence[PlannedStep]) -> list[str]:
    count = len(plan.steps) - len(steps)
    verb, them = ("is", "it") if count == 1 else ("are", "they")
    return [f"= {counted(count, 'step')} {verb} as {them} should be and not shown"] if count else []


def _more(plan: Plan, file: str) -> list[str]:
    """Where the rest is."""
    if not plan.pending:
        return []
    command = shlex.join(("hybridspan", "plan", file))
    return [f"The commands of each step: {command}", f"The whole as a script: {command} --export run.sh"]


def plan_sum(plan: Plan) -> str:
    """The last line: how much there is to do, and whether it may be done."""
    counts = Counter(s.decision.state for s in plan.steps)
    if plan.refusals:
        reasons = counted(len(plan.refusals), "reason")
        return f"This plan must not be applied: {reasons} above. Nothing was changed."
    if not plan.pending:
        return f"Nothing to do: all {counts['done']} steps are as they should be."
    later = f" ({counts['later']} of them decided when their turn comes)" if counts["later"] else ""
    return f"{counted(len(plan.pending), 'step')} to do{later}, {counts['done']} as they should be."


def _rows(step: PlannedStep) -> str:
    """The documented procedure's steps that it carries out."""
    if not step.procedure_rows:
        return ""
    return f" (step {', '.join(map(str, step.procedure_rows))})"


def _all_command_lines(step: PlannedStep) -> Iterator[str]:
    """Each command with its remark, which is said once where several commands share it."""
    said = ""
    for command in step.commands:
        if command.comment and command.comment != said:
            yield f"# {command.comment}"
        said = command.comment
        first, *rest = (command.gist or command.text()).splitlines() or [""]
        yield f"$ {first}"
        yield from (f"  {line}" for line in rest)


def render_findings(findings: Iterable[Finding]) -> Rendered:
    """What pre-flight found, the gravest first."""
    order = list(SEVERITY_COLOURS)
    found = sorted(findings, key=lambda finding: order.index(finding.severity))
    return Rendered(_finding_table(found), tuple(finding_lines(found)))


def _finding_table(findings: Sequence[Finding]) -> Table:
    """Two columns: how grave, and everything else in lines that may be as long as the screen."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=7)
    table.add_column(ratio=1)
    for finding in findings:
        words = Text(finding.message)
        words.append(f"  ({finding.check}, {finding.where})", style="dim")
        if finding.hint:
            words.append(f"\nnext: {finding.hint}", style="dim")
        table.add_row(Text(finding.severity, style=SEVERITY_COLOURS[finding.severity]), words)
    return table


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """One line a finding, and one for its hint."""
    for finding in findings:
        yield f"{finding.severity:8} {finding.check:20} {finding.where}: {finding.message}"
        if finding.hint:
            yield f"{'':8} next: {finding.hint}"


def _worth_reading(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity != "pass"]
