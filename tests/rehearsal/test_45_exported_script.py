"""The exported script, run whole with the real clients, does the same job: hybridspan then finds nothing to do and proves it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract import azure_cli
from tests.rehearsal.rig import Rig, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module", params=["two-regions", "helm-two-regions"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """With Helm the charts come from the lab's registry, and Apigee's namespace has a name of its own."""
    namespace = "hybrid-runtime" if request.param.startswith("helm") else "apigee"
    with rehearsal(request.param, namespace=namespace) as rig:
        rig.hybridspan("lab", "fill", "--rows", "5000")
        yield rig


def head(script: Path) -> str:
    """The lines that the script's head tells a person to run first."""
    lines = script.read_text().partition("set -euo pipefail")[0].splitlines()
    return "\n".join(line.removeprefix("#").strip() for line in lines if re.match(r"#   \S", line))


def test_the_exported_script_runs_to_its_end_with_the_real_clients(rig: Rig) -> None:
    script = rig.directory / "run.sh"
    rig.hybridspan("plan", str(rig.topology), "--export", str(script))
    rig.az("account", "show")
    person = rig.base / "person"
    person.mkdir()
    path = f"{azure_cli.installed().parent}{os.pathsep}{rig.environment['PATH']}"
    rig.environment = {**rig.environment, "HOME": str(person), "PATH": path}
    done = rig.run("bash", "-c", f"{head(script)}\nexec {script}", timeout=1200)
    assert done.stdout.rstrip().endswith("all steps are done")


def test_hybridspan_proves_what_the_script_did(rig: Rig) -> None:
    assert rig.is_proved()


def test_hybridspan_then_finds_nothing_left_to_do(rig: Rig) -> None:
    """Before the proof it would not take the script's word for what was streamed."""
    plan = json.loads(rig.hybridspan("plan", str(rig.topology), "--json").stdout)
    pending = {step["id"]: step["reason"] for step in plan["steps"] if step["state"] != "done"}
    assert pending == {}


def test_the_script_run_again_finds_everything_there(rig: Rig) -> None:
    script = rig.directory / "run.sh"
    asked = len(rig.arm_requests())
    rig.run("bash", "-c", f"{head(script)}\nexec {script}", timeout=1200)
    changes = [r for r in rig.arm_requests()[asked:] if r["method"] in ("PUT", "DELETE", "PATCH")]
    assert changes == []
