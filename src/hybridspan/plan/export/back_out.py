"""The way back from each stage, last stage first."""

from __future__ import annotations

from hybridspan.plan.model import Plan, PlannedStep
from hybridspan.topology.model import Topology

INTRODUCTION = """# Back out: {name}

From wherever the run stopped, begin at the first stage below that was reached and go down the page. Until the first
node of a new data center has joined the ring, everything can simply be deleted. After that, a data center leaves the ring
by decommissioning its nodes, **never** by deleting its cluster: nodes deleted without leaving stay in the ring as dead ones.
Nothing here touches the data of the data centers that were there before.
"""


def back_out(plan: Plan, topology: Topology) -> str:
    """Markdown, in the reverse order of the plan."""
    parts = [INTRODUCTION.format(name=topology.name)]
    parts += [_stage(step) for step in reversed(plan.steps) if step.undo or step.undo_note]
    return "\n".join(parts)


def _stage(step: PlannedStep) -> str:
    lines = [f"## After {step.id}", "", step.title + ".", ""]
    if step.undo_note:
        lines += [step.undo_note, ""]
    for command in step.undo:
        if command.comment:
            lines += [command.comment, ""]
        lines += ["```bash", command.text(), "```", ""]
    return "\n".join(lines)
