from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hybridspan.apigee.charts import NAMES, Charts
from hybridspan.facts.world import Finding
from hybridspan.observation.gather import missing_charts
from hybridspan.topology.loading import load
from hybridspan_lab.helm import charts as lab

EXAMPLE = Path(__file__).parents[2] / "examples" / "helm-two-regions" / "hybrid.yaml"


async def no_pull(reference: str, version: str, folder: Path) -> None:
    raise AssertionError(f"{reference} is not to be pulled")


async def found(folder: Path, version: str = "1.16.0") -> Finding:
    async def charts() -> Charts:
        return Charts(str(folder), version, folder / "work", no_pull)

    estate: Any = SimpleNamespace(topology=load(EXAMPLE), charts=charts)
    (finding,) = await missing_charts(estate)
    return finding


async def test_every_chart_is_looked_for_before_a_run(tmp_path: Path):
    lab.write(tmp_path, "1.16.0")
    assert (await found(tmp_path)).severity == "pass"
    assert set(NAMES) == set(lab.CHARTS)


async def test_a_chart_of_another_version_is_refused_before_anything_is_changed(tmp_path: Path):
    lab.write(tmp_path, "1.15.0")
    finding = await found(tmp_path)
    assert finding.severity == "refuse"
    assert "no chart apigee-operator of version 1.16.0" in finding.message
