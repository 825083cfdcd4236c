"""The definitions of a new region, where the first region's are of another release."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.apigee.charts import Charts
from hybridspan.apigee.definitions import definitions_in
from hybridspan.apigee.helm_installer import HelmInstaller, HelmRegion
from hybridspan.apigee.observe import apigee_facts
from hybridspan.facts.apigee import ChartComparison
from hybridspan.facts.azure import RegionAzureFacts
from hybridspan.facts.world import RegionFacts
from hybridspan.observation.definitions import beside_the_chart
from hybridspan.steps.releases import CrdsStep
from hybridspan.topology.model import Region
from hybridspan_lab.helm import charts as lab

from .world import NEW, TOPOLOGY, Estate, planned, quiet

STORES = "apigeedatastores.apigee.cloud.google.com"


async def no_pull(reference: str, version: str, folder: Path) -> None:
    raise AssertionError(f"{reference} is not to be pulled")


class HelmEstate(Estate):
    """With the lab's charts in a folder, and a helm that has installed nothing."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        lab.write(folder, TOPOLOGY.hybrid_version)
        self._charts = Charts(str(folder), TOPOLOGY.hybrid_version, folder / "work", no_pull)

    async def charts(self) -> Charts:
        return self._charts

    async def helm(self, region: Region) -> HelmInstaller:
        async def releases() -> tuple[()]:
            return ()

        helm: Any = SimpleNamespace(releases=releases)
        own, first = [HelmRegion(r, await self.cluster(r), helm) for r in (region, TOPOLOGY.first)]
        return HelmInstaller(TOPOLOGY, own, first, self._charts)

    async def of_chart(self) -> list[dict[str, Any]]:
        return await definitions_in(await self._charts.chart("apigee-operator"))


@pytest.fixture
async def estate(tmp_path: Path) -> HelmEstate:
    """The first region's definitions: one of another release, and one that no chart of today brings."""
    estate = HelmEstate(tmp_path)
    changed = copy.deepcopy(await estate.of_chart())
    next(d for d in changed if d["metadata"]["name"] == STORES)["spec"]["versions"][0]["served"] = False
    left = copy.deepcopy(changed[0])
    left["metadata"]["name"] = "leftovers.apigee.cloud.google.com"
    estate.first.hold(*changed, left)
    return estate


def step(estate: Any) -> CrdsStep:
    return CrdsStep(planned("crds"), estate)


async def test_the_charts_definitions_end_the_step_though_the_first_region_has_others(estate: HelmEstate):
    made = step(estate)
    assert "the operator could not start" in (await made.check()).reason
    await made.act(quiet)
    proof = await made.verify(quiet)
    assert proof.is_done
    assert STORES in proof.reason
    assert (await step(estate).check()).is_done


async def test_what_the_server_took_and_says_in_its_own_way_ends_the_step_too(estate: HelmEstate):
    made = step(estate)
    await made.act(quiet)
    held = estate.new.held(f"/{STORES}")
    held["spec"] = {"versions": [{"name": "in its own way"}]} | {"group": held["spec"]["group"]}
    assert (await made.verify(quiet)).is_done


async def test_what_is_not_served_yet_is_waited_for(estate: HelmEstate):
    made = step(estate)
    await made.act(quiet)
    estate.new.held(f"/{STORES}").pop("status")
    assert STORES in (await made.verify(quiet)).reason


async def test_a_look_for_a_plan_sees_every_region_beside_the_chart(estate: HelmEstate):
    facts = {}
    for region in (TOPOLOGY.first, NEW):
        apigee = await apigee_facts(await estate.cluster(region), region.namespace)
        facts[str(region.name)] = RegionFacts(RegionAzureFacts(False, None, (), None), None, apigee, ())
    anyone: Any = estate
    seen = await beside_the_chart(anyone, facts)
    first, own = seen[TOPOLOGY.first.name].apigee, seen[NEW.name].apigee
    assert first is not None
    assert own is not None
    assert first.chart == ChartComparison(other=(STORES,))
    assert own.chart is not None
    assert STORES in own.chart.missing
