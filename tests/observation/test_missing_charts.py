from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.apigee.charts import NAMES, Charts
from hybridspan.facts.world import Finding
from hybridspan.observation.findings import missing_charts, old_helm
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


@pytest.mark.parametrize(
    ("version", "severity"),
    [
        ("v3.13.3+gc8b9489", "refuse"),
        ("v3.13", "refuse"),
        ("v3.14.0+g3fc9f4b", "pass"),
        ("v4.3", "pass"),
        ("of our own making", "pass"),
    ],
)
async def test_a_helm_that_is_too_old_is_refused_before_anything_is_changed(version: str, severity: str):
    async def said() -> str:
        return version

    async def plain_helm(_: object) -> Any:
        return SimpleNamespace(version=said)

    (finding,) = await old_helm(SimpleNamespace(topology=load(EXAMPLE), plain_helm=plain_helm))  # type: ignore[arg-type]
    assert finding.severity == severity
    assert version in finding.message
