"""What cannot be reached ends a look for a plan, and is a named gap for whoever asks what is true now."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.apigee import observe
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.facts.apigee import ApigeeFacts
from hybridspan.facts.azure import ClusterFacts, RegionAzureFacts
from hybridspan.facts.kubernetes import ClusterObjects
from hybridspan.observation import gather as looking
from hybridspan.observation.gather import gather
from hybridspan.report.status import render_status
from hybridspan.topology.loading import load
from hybridspan.topology.model import Region
from tests.plan_azure.facts import cluster as aks

TOPOLOGY = load(Path(__file__).parents[2] / "examples" / "two-regions" / "hybrid.yaml")
EASTUS, CENTRALUS = TOPOLOGY.regions
RUNS = aks(CENTRALUS)
DEAD = TemporaryFailure(
    "HS-KUBE-002", "the API server does not answer", where="apigee-centralus", hint="az aks show"
)
DENIED = PermanentFailure("HS-AZURE-001", "signing in to Azure failed", hint="az login")


class Estate:
    """Two regions whose clusters, where there are any, are `made` as Azure says; nobody answers but where one `serves`."""

    def __init__(
        self,
        *,
        dead: tuple[str, ...] = (),
        denied: tuple[str, ...] = (),
        made: ClusterFacts = RUNS,
        serves: Any = None,
    ) -> None:
        self.topology = TOPOLOGY
        self.clock = SimpleNamespace(now=lambda: 1.0)
        self._dead = dead
        self._denied = denied
        self._made = made
        self._serves = serves

    def azure(self, region: Region) -> Any:
        async def region_facts(_: Region) -> RegionAzureFacts:
            if region.name in self._denied:
                raise DENIED
            return RegionAzureFacts(True, None, (), self._made if region.name in self._dead else None)

        return SimpleNamespace(region_facts=region_facts)

    async def cluster_or_none(self, region: Region) -> Any:
        if self._serves is None:
            raise DEAD
        return await self._serves()

    def decided(self, key: str) -> None:
        return None


def look(*, partial: bool, **troubles: Any) -> Any:
    estate: Any = Estate(**troubles)
    return gather(estate, partial=partial)


async def test_a_plan_is_never_made_without_what_exists() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await look(partial=False, dead=("centralus",))
    assert caught.value.exceptions == (DEAD,)


async def test_a_dead_api_server_hides_its_cluster_and_nothing_else() -> None:
    facts = await look(partial=True, dead=("centralus",))
    (gap,) = facts.unseen
    assert (gap.region, gap.part, gap.error["code"], gap.error["hint"]) == (
        "centralus",
        "cluster",
        "HS-KUBE-002",
        "az aks show",
    )
    assert facts.regions["centralus"].azure.cluster is RUNS
    assert not facts.is_unseen("eastus", "Azure", "cluster", "Cassandra")


async def test_a_region_whose_subscription_may_not_be_read_is_a_gap() -> None:
    facts = await look(partial=True, denied=("centralus",))
    assert facts.is_unseen("centralus", "Azure")


async def test_where_nothing_can_be_asked_there_is_only_the_reason() -> None:
    with pytest.raises(PermanentFailure, match="HS-AZURE-001"):
        await look(partial=True, denied=("eastus", "centralus"))


OBJECTS = ClusterObjects("v1.33.5", (), frozenset(), None, None, (), (), ())
APIGEE = ApigeeFacts("1.11.2", True, None, ())


async def serving() -> Any:
    async def objects(_: str) -> ClusterObjects:
        return OBJECTS

    return SimpleNamespace(objects=objects)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def apigee_facts(_cluster: object, _namespace: str) -> ApigeeFacts:
        return APIGEE

    monkeypatch.setattr(observe, "apigee_facts", apigee_facts)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("state", ["Updating", "Upgrading", "Scaling", "Failed", "Canceled", ""])
async def test_a_cluster_that_azure_changes_serves_meanwhile(state: str) -> None:
    made = aks(CENTRALUS, provisioning_state=state)
    facts = await look(partial=False, dead=("centralus",), made=made, serves=serving)
    seen = facts.regions["centralus"]
    assert (seen.cluster, seen.apigee) == (OBJECTS, APIGEE)


@pytest.mark.parametrize("state", ["Updating", "Upgrading", "Failed"])
async def test_the_silence_of_a_cluster_that_served_ends_a_plan_and_is_a_gap_in_status(state: str) -> None:
    made = aks(CENTRALUS, provisioning_state=state)
    with pytest.raises(ExceptionGroup):
        await look(partial=False, dead=("centralus",), made=made)
    facts = await look(partial=True, dead=("centralus",), made=made)
    assert facts.is_unseen("centralus", "cluster")


@pytest.mark.parametrize("state", ["Creating", "Deleting"])
async def test_nobody_is_asked_in_a_cluster_that_comes_or_goes(state: str) -> None:
    facts = await look(partial=False, dead=("centralus",), made=aks(CENTRALUS, provisioning_state=state))
    assert facts.regions["centralus"].cluster is None


def failed_in_its_making() -> ClusterFacts:
    pools = tuple(replace(pool, provisioning_state="Failed") for pool in RUNS.node_pools)
    return replace(RUNS, provisioning_state="Failed", node_pools=pools)


async def test_a_cluster_whose_making_failed_hinders_no_plan_that_makes_it_again() -> None:
    facts = await look(partial=False, dead=("centralus",), made=failed_in_its_making())
    assert facts.regions["centralus"].cluster is None
    assert (await look(partial=True, dead=("centralus",), made=failed_in_its_making())).is_unseen(
        "centralus", "cluster"
    )


async def test_a_stopped_cluster_leaves_the_plan_its_refusal_and_is_a_gap_in_status() -> None:
    stopped = replace(RUNS, power_state="Stopped")
    assert not (await look(partial=False, dead=("centralus",), made=stopped)).unseen
    facts = await look(partial=True, dead=("centralus",), made=stopped)
    (gap,) = facts.unseen
    assert gap.error["code"] == "HS-KUBE-016"
    assert gap.error["hint"].startswith("az aks start")
    (row,) = [line for line in str(render_status(TOPOLOGY, facts)).splitlines() if "region=centralus" in line]
    assert "Stopped  datastore=not seen  Cassandra=not seen  seed=not seen" in row


async def test_an_api_server_that_says_nothing_is_waited_for_only_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looking, "CONNECT_SECONDS", 0.01)
    facts = await look(partial=True, dead=("centralus",), serves=asyncio.Event().wait)
    (gap,) = facts.unseen
    assert (gap.part, gap.error["code"]) == ("cluster", "HS-KUBE-002")


@pytest.mark.parametrize("state", ["Creating", "Deleting"])
async def test_status_never_says_none_of_a_cluster_that_nobody_looked_into(state: str) -> None:
    made = aks(CENTRALUS, provisioning_state=state)
    said = str(render_status(TOPOLOGY, await look(partial=True, dead=("centralus",), made=made)))
    assert f"{state}  datastore=not seen  Cassandra=not seen" in said
    assert "ring: not seen" in said
