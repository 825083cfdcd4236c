"""The plan as a bash script that stops at the first error; passwords come from files that the person names."""

from __future__ import annotations

import shlex

from hybridspan.plan.export.passwords import making, wanted
from hybridspan.plan.model import Plan, PlannedStep
from hybridspan.topology.model import Topology

HEAD = """#!/usr/bin/env bash
# What hybridspan would do for {name}, with the clients that you know. It stops at the first error and says in which
# step; mend the cause and start it again: what is there already is found and left alone.
#
# It reads passwords from files. To make them, without a password on the screen:
#
{making}
set -euo pipefail
cd {directory}

STEP="the beginning"
fail() {{ echo "stopped: $*" >&2; exit 1; }}
step() {{ STEP=$1; echo; echo "== $1: $2"; }}
trap 'echo "stopped in $STEP; mend the cause, then start this script again" >&2' ERR
for tool in az kubectl {installer}; do command -v "$tool" >/dev/null || fail "$tool is not on the PATH"; done
for name in {variables}; do
  [ -n "${{!name:-}}" ] || fail "$name is not set: it names a file with a password; the head of this script shows how to make it"
  [ -s "${{!name}}" ] || fail "$name names ${{!name}}, which is no file with something in it"
done
az account show --output none 2>/dev/null || fail "az is not signed in: az login"
"""


def script(plan: Plan, topology: Topology) -> str:
    """Bash; steps that are done already stand in it as comments, one that is refused stops it at once."""
    head = HEAD.format(
        name=topology.name,
        directory=shlex.quote(str(topology.path.parent)),
        making="\n".join(f"#   {line}" for line in making(plan, topology).splitlines()),
        variables=" ".join(wanted(plan)),
        installer=topology.installer,
    )
    refusals = "".join(f"fail {shlex.quote(f'the plan is refused: {why}')}\n" for why in plan.refusals[:1])
    return head + refusals + "".join(_step(step) for step in plan.steps) + _end(plan)


def _end(plan: Plan) -> str:
    """The last words; where something could not be proved they say so, and the code is the 3 that apply ends with then."""
    found = dict.fromkeys(c.unproved for step in plan.steps for c in step.commands if c.unproved)
    if not found:
        return "\necho\necho 'all steps are done'\n"
    words = shlex.quote(f"all steps are done, and yet: {'; '.join(found)}")
    return f"\necho\necho {words} >&2\nexit 3\n"


def _step(step: PlannedStep) -> str:
    if step.decision.is_done:
        return "\n" + "".join(f"# {line}\n" for line in f"{step.id}: {step.decision.reason}".splitlines())
    lines = [f"step {shlex.quote(step.id)} {shlex.quote(step.title)}"]
    for command in step.commands:
        if command.comment:
            lines += [f"# {line}" for line in command.comment.splitlines()]
        lines.append(command.text())
    return "\n" + "\n".join(lines) + "\n"
