"""The files with passwords that the exported commands read: which, and how a person makes them without seeing one."""

from __future__ import annotations

import shlex
from typing import Final

from hybridspan.plan.model import Plan
from hybridspan.plan.phases.kubectl import context_of
from hybridspan.plan.phases.ring_commands import password_files
from hybridspan.topology.model import Topology

FOLDER: Final = '"$HOME/.hybridspan-passwords"'


def wanted(plan: Plan) -> dict[str, str]:
    """Variables by name, each with its database user: for the steps that are to do and for the way back."""
    return password_files(c for s in plan.steps for c in (*s.commands, *s.undo))


CLEANING: Final = f"rm -r {FOLDER}"
"""Bash that takes the files away again."""


def making(plan: Plan, topology: Topology) -> str:
    """Bash that writes the files from the first region's secret, readable by their owner alone, and names them."""
    first = topology.first
    read = (
        "kubectl",
        "--context",
        context_of(first),
        "-n",
        first.namespace,
        "get",
        "secret",
        plan.credentials_secret,
    )
    lines = ["umask 077", f"mkdir -p {FOLDER}"]
    for variable, user in wanted(plan).items():
        head = "jmxuser " if user == "jmx" else ""
        template = f'{head}{{{{index .data "{user}.password" | base64decode}}}}{{{{"\\n"}}}}'
        path = f"{FOLDER}/{user}"
        lines.append(f"{shlex.join((*read, '-o', f'go-template={template}'))} >{path}")
        lines.append(f"export {variable}={path}")
    return "\n".join(lines)
