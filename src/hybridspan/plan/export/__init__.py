"""The plan in forms that live without hybridspan: a runbook, a script, a way back."""

from __future__ import annotations

from hybridspan.errors import InputError
from hybridspan.plan.export.back_out import back_out
from hybridspan.plan.export.runbook import runbook
from hybridspan.plan.export.script import script
from hybridspan.plan.model import Plan
from hybridspan.topology.model import Topology

__all__ = ["back_out", "export", "runbook", "script"]


def export(plan: Plan, topology: Topology, name: str) -> str:
    """The text of `runbook.md`, `run.sh` or `back-out.md`, by the file's name; InputError for any other."""
    if name.endswith(".sh"):
        return script(plan, topology)
    if "back-out" in name and name.endswith(".md"):
        return back_out(plan, topology)
    if name.endswith(".md"):
        return runbook(plan, topology)
    raise InputError(
        "HS-PLAN-005",
        f"there is no export called {name!r}",
        where="--export",
        hint="one of: runbook.md, run.sh, back-out.md",
    )
