"""The plan in forms that live without hybridspan: a runbook, a script, a way back."""

from __future__ import annotations

from hybridspan.errors import InputError
from hybridspan.plan.export.back_out import back_out
from hybridspan.plan.export.bicep import bicep
from hybridspan.plan.export.runbook import runbook
from hybridspan.plan.export.script import script
from hybridspan.plan.export.terraform import terraform
from hybridspan.plan.model import Plan
from hybridspan.topology.model import Topology

__all__ = ["back_out", "bicep", "export", "export_folder", "runbook", "script", "terraform"]


def refuse_unknown(name: str) -> None:
    """InputError HS-PLAN-005 for a name that no export has: said before anything is looked at."""
    if not name.endswith((".sh", ".md")) and name not in ("bicep", "terraform"):
        raise InputError(
            "HS-PLAN-005",
            f"there is no export called {name!r}",
            where="--export",
            hint="one of: runbook.md, run.sh, back-out.md, the folders bicep and terraform, or manifests FOLDER",
        )


def export(plan: Plan, topology: Topology, name: str) -> str:
    """The text of `runbook.md`, `run.sh` or `back-out.md`, by the file's name; InputError for any other."""
    refuse_unknown(name)
    if name.endswith(".sh"):
        return script(plan, topology)
    return back_out(plan, topology) if "back-out" in name else runbook(plan, topology)


def export_folder(plan: Plan, topology: Topology, name: str) -> dict[str, str] | None:
    """The files of a folder called `bicep` or `terraform`; None where the name is no such folder's."""
    if name == "bicep":
        return bicep(plan, topology)
    return terraform(plan, topology) if name == "terraform" else None
