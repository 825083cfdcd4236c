"""The way back from each stage, last stage first."""

from __future__ import annotations

import shlex

from hybridspan.plan.export.passwords import CLEANING, making, wanted
from hybridspan.plan.model import Plan, PlannedStep
from hybridspan.topology.model import Topology

INTRODUCTION = """# Back out: {name}

From wherever the run stopped, begin at the first stage below that was reached and go down the page, without leaving one out;
you may end at any stage. Until the first node of a new data center has joined the ring (stage `datastore`), everything
can simply be deleted. After that, a data center leaves the ring by decommissioning its nodes, **never** by deleting its
cluster: nodes deleted without leaving stay in the ring as dead ones. Nothing here touches the data of the data
centers that were there before.

## Get ready

One shell with bash for all of it, signed in with `az login`. These files hold the passwords that the commands read; nothing is
shown on the screen.

```bash
cd {directory}
{making}
```
"""

THERE_BEFORE = "When this page was written, it was like this already. Undo it only if an earlier run of this expansion made it."


def back_out(plan: Plan, topology: Topology) -> str:
    """Markdown, in the reverse order of the plan."""
    words = making(plan, topology) if wanted(plan) else "true"
    parts = [
        INTRODUCTION.format(
            name=topology.name, directory=shlex.quote(str(topology.path.parent)), making=words
        )
    ]
    parts += [_stage(step) for step in reversed(plan.steps) if step.undo or step.undo_note]
    if wanted(plan):
        parts.append(f"## At the end\n\nThe files with the passwords go.\n\n```bash\n{CLEANING}\n```\n")
    return "\n".join(parts)


def _stage(step: PlannedStep) -> str:
    lines = [f"## After {step.id}", "", step.title + ".", ""]
    if step.undo and step.decision.is_done:
        lines += [THERE_BEFORE, ""]
    if step.undo_note:
        lines += [_sentence(step.undo_note), ""]
    for command in step.undo:
        if command.comment:
            lines += [command.comment, ""]
        lines += ["```bash", command.text(), "```", ""]
    return "\n".join(lines)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:].removesuffix(".") + "."
