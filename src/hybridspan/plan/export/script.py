"""The plan as a bash script that stops at the first error; passwords come from files that the person names."""

from __future__ import annotations

import shlex

from hybridspan.plan.model import Plan, PlannedStep
from hybridspan.topology.model import Topology

HEAD = """#!/usr/bin/env bash
# What hybridspan would do for {name}, with the clients that you know. It stops at the first error, and may be
# started again: a step that finds nothing to do says so.
set -euo pipefail
cd {directory}

fail() {{ echo "stopped: $*" >&2; exit 1; }}
step() {{ echo; echo "== $*"; }}
# Try a command until it succeeds, for at most so many seconds.
eventually() {{ local end=$((SECONDS + $1)); shift; until "$@" >/dev/null 2>&1; do
  [ $SECONDS -lt $end ] || {{ "$@" || true; fail "still not true: $*"; }}; sleep 2; done; }}
for tool in az kubectl apigeectl; do command -v $tool >/dev/null || fail "$tool is not on the PATH"; done
umask 077
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
"""


def script(plan: Plan, topology: Topology) -> str:
    """Bash; steps that are done already stand in it as comments."""
    head = HEAD.format(name=topology.name, directory=shlex.quote(str(topology.path.parent)))
    return head + "".join(_step(step) for step in plan.steps)


def _step(step: PlannedStep) -> str:
    if step.decision.is_done:
        return f"\n# {step.id}: {step.decision.reason}\n"
    lines = [f"step {shlex.quote(step.id)} {shlex.quote(step.title)}"]
    for command in step.commands:
        if command.comment:
            lines += [f"# {line}" for line in command.comment.splitlines()]
        lines.append(command.text())
    return "\n" + "\n".join(lines) + "\n"
