"""What cannot be reached ends a look for a plan, and is a named gap for whoever asks what is true now."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.facts.azure import RegionAzureFacts
from hybridspan.observation.gather import gather
from hybridspan.topology.loading import load
from hybridspan.topology.model import Region

TOPOLOGY = load(Path(__file__).parents[2] / "examples" / "two-regions" / "hybrid.yaml")
RUNS: Any = SimpleNamespace(provisioning_state="Succeeded", is_private=False)
DEAD = TemporaryFailure(
    "HS-KUBE-002", "the API server does not answer", where="apigee-centralus", hint="az aks show"
)
DENIED = PermanentFailure("HS-AZURE-001", "signing in to Azure failed", hint="az login")


class Estate:
    """Two regions whose clusters run, by Azure; nobody answers in those that are dead."""

    def __init__(self, *, dead: tuple[str, ...] = (), denied: tuple[str, ...] = ()) -> None:
        self.topology = TOPOLOGY
        self.clock = SimpleNamespace(now=lambda: 1.0)
        self._dead = dead
        self._denied = denied

    def azure(self, region: Region) -> Any:
        async def region_facts(_: Region) -> RegionAzureFacts:
            if region.name in self._denied:
                raise DENIED
            return RegionAzureFacts(True, None, (), RUNS if region.name in self._dead else None)

        return SimpleNamespace(region_facts=region_facts)

    async def cluster_or_none(self, region: Region) -> Any:
        raise DEAD

    def decided(self, key: str) -> None:
        return None


def look(*, partial: bool, **troubles: tuple[str, ...]) -> Any:
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
