"""Where overrides name files, the exported helm commands find them where Helm looks: in the chart's folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hybridspan.apigee.overrides import overrides_facts
from hybridspan.plan.build import build
from hybridspan.plan.model import StepId
from hybridspan.topology.loading import load
from hybridspan.topology.model import Topology
from tests.plan_cassandra.world import BEFORE, ring

from .world import apigee, with_helm, world

EXAMPLE = Path(__file__).parents[2] / "examples" / "two-regions"
KEY = "service-accounts/mart.json"
HELM = """#!/usr/bin/env bash
# Does of helm what is asked here, and like helm refuses a chart that lacks the file.
set -eu
echo "$*" >>"$HELM_LOG"
case $1 in
  pull) while [ "$1" != --untardir ]; do chart=${2##*/} && shift && [ "${chart#apigee}" = "$chart" ] || found=$chart; done
        mkdir -p "$2/$found"; echo "name: $found" >"$2/$found/Chart.yaml";;
  upgrade) [ -f "$3/Chart.yaml" ] && [ "$(cat "$3/service-accounts/mart.json")" = a-key ];;
esac
"""


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    shutil.copytree(EXAMPLE, tmp_path / "o o")
    (tmp_path / "o o" / "service-accounts").mkdir()
    (tmp_path / "o o" / KEY).write_text("a-key")
    return with_helm(load(tmp_path / "o o" / "hybrid.yaml"))


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    for name in ("bin", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "bin" / "helm").write_text(HELM)
    (tmp_path / "bin" / "helm").chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    yield {"PATH": path, "HELM_LOG": str(tmp_path / "log"), "TMPDIR": str(tmp_path / "tmp")}
    assert list((tmp_path / "tmp").iterdir()) == []


def commands(topology: Topology, step: str) -> str:
    """What run.sh does of helm in that step."""
    facts = world(topology, ring(BEFORE, "dc-1"), apigee())
    regions = {
        r.name: replace(facts.regions[r.name], overrides=overrides_facts(topology, r))
        for r in topology.regions
    }
    found = build(topology, replace(facts, regions=regions)).step(StepId(step))
    return "\n".join(c.text() for c in found.commands if "helm " in c.text())


def run(script: str, environment: dict[str, str]) -> None:
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], env=environment, check=True, timeout=60)


@pytest.mark.parametrize("step", ["organization/centralus", "datastore/centralus", "release/centralus/redis"])
def test_helm_finds_the_files_in_the_charts_folder(
    topology: Topology, environment: dict[str, str], step: str
):
    run(commands(topology, step), environment)
    said = Path(environment["HELM_LOG"]).read_text().splitlines()
    assert [line.split()[0] for line in said] == ["pull", "upgrade", "upgrade"]
    assert "--dry-run=server" in said[1]
    assert "--atomic" in said[2]


def test_a_folder_of_charts_is_copied_and_stays_as_it_is(
    topology: Topology, environment: dict[str, str], tmp_path: Path
):
    chart = tmp_path / "charts" / "apigee-org"
    chart.mkdir(parents=True)
    (chart / "Chart.yaml").write_text("name: apigee-org\n")
    run(commands(replace(topology, charts=str(tmp_path / "charts")), "organization/centralus"), environment)
    assert [path.name for path in chart.iterdir()] == ["Chart.yaml"]


def test_what_helm_refuses_stops_the_script(topology: Topology, environment: dict[str, str]):
    script = commands(topology, "organization/centralus")
    (topology.first.overrides.parent / KEY).write_text("another")
    with pytest.raises(subprocess.CalledProcessError):
        run(script, environment)
    assert "--atomic" not in Path(environment["HELM_LOG"]).read_text()


def test_without_files_the_chart_is_taken_as_it_is(topology: Topology):
    (topology.first.overrides.parent / KEY).unlink()
    assert "helm pull" not in commands(topology, "organization/centralus")


def test_what_lies_outside_of_the_folder_is_left_out(topology: Topology):
    path = topology.first.overrides
    (path.parent.parent / "outside.json").write_text("a-key")
    path.write_text(f"{path.read_text()}extra: {{serviceAccountPath: ../outside.json}}\n")
    assert overrides_facts(topology, topology.first).files == (KEY,)
