"""The seed goes out only while every node is up, though a run before this one has proved the data."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from hybridspan.apigee.overrides import overrides_facts
from hybridspan.engine.runner import Runner
from hybridspan.facts.cassandra import RingFacts
from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.plan.model import PlannedStep
from hybridspan.plan.phases.seed_removal import plan_seed_removal
from hybridspan.steps.seed_removal import SeedOutStep
from hybridspan.topology.loading import load
from hybridspan.topology.model import Topology
from tests.engine.conftest import Story, TurnedClock

from .conftest import EXAMPLES, FIRST, SECOND, node, ring

SEED = "120.38.1.9"
DOWN = ring(*FIRST, *SECOND[:2], node("192.138.0.11", "dc-2", "DN"))
STORE: Mapping[str, Any] = {
    "metadata": {"name": "default", "generation": 1},
    "spec": {
        "components": {
            "cassandra": {
                "properties": {"datacenter": "dc-2", "rack": "ra-1", "multiRegionSeedHost": SEED},
                "replicas": 3,
            }
        }
    },
    "status": {"state": "running"},
}
SET: Mapping[str, Any] = {
    "metadata": {"name": "apigee-cassandra-default", "generation": 1},
    "spec": {"replicas": 3},
    "status": {"observedGeneration": 1, "readyReplicas": 3, "updatedReplicas": 3, "replicas": 3},
}


@dataclass
class World:
    """The estate, its clusters, its ring and its installers: all that a step asks for."""

    topology: Topology
    seen: RingFacts
    clock: TurnedClock = field(default_factory=TurnedClock)
    installed: list[str] = field(default_factory=list)
    """What an installer was asked for."""

    async def cluster(self, _: Any) -> World:
        return self

    async def get(self, _: str, kind: str, __: str, ___: str | None = None) -> Mapping[str, Any] | None:
        return {"ApigeeDatastore": STORE, "StatefulSet": SET}.get(kind)

    async def list_(self, *_: Any, **__: Any) -> list[Any]:
        return []

    async def pods(self, *_: Any) -> tuple[()]:
        return ()

    async def cassandra(self, _: Any) -> World:
        return self

    async def ring_facts(self) -> RingFacts:
        return self.seen

    async def apigeectl(self, _: Any) -> World:
        self.installed.append("apigeectl")
        raise AssertionError("the installer was asked for")

    async def helm(self, _: Any) -> World:
        self.installed.append("helm")
        raise AssertionError("the installer was asked for")


def world(directory: Path, installer: Literal["apigeectl", "helm"], seen: RingFacts) -> World:
    folder = Path(shutil.copytree(EXAMPLES / "two-regions", directory / "work"))
    topology = replace(load(folder / "hybrid.yaml"), installer=installer)
    topology.new_regions[0].overrides.write_text(
        f"namespace: apigee\ncassandra:\n  datacenter: dc-2\n  multiRegionSeedHost: {SEED}\n"
    )
    return World(topology, seen)


async def carried_out(estate: World) -> Any:
    region = estate.topology.new_regions[0]
    nothing: Any = None
    facts = {
        r.name: RegionFacts(nothing, None, None, (), overrides_facts(estate.topology, r))
        for r in estate.topology.regions
    }
    assert facts[region.name].overrides is not None
    (planned,) = plan_seed_removal(estate.topology, WorldFacts(0.0, facts, estate.seen, (), {}))
    step = SeedOutStep(planned, estate)  # type: ignore[arg-type]

    async def agree(_: PlannedStep) -> bool:
        return True

    return (await Runner([step], Story(), estate.clock, agree).run()).steps[0]


@pytest.mark.parametrize("installer", ["apigeectl", "helm"])
async def test_no_node_is_restarted_while_another_is_down(
    tmp_path: Path, installer: Literal["apigeectl", "helm"]
) -> None:
    estate = world(tmp_path, installer, DOWN)
    path = estate.topology.new_regions[0].overrides
    before = path.read_bytes()
    outcome = await carried_out(estate)
    assert (outcome.state, outcome.error.code) == ("failed", "HS-ENGINE-005")
    assert "2 of 3 nodes of dc-2 are up and normal" in outcome.error.message
    assert "bring these nodes up" in outcome.error.hint
    assert path.read_bytes() == before
    assert estate.installed == []


@pytest.mark.parametrize("installer", ["apigeectl", "helm"])
async def test_with_every_node_up_the_installer_is_asked(
    tmp_path: Path, installer: Literal["apigeectl", "helm"]
) -> None:
    estate = world(tmp_path, installer, ring(*FIRST, *SECOND))
    await carried_out(estate)
    assert estate.installed == [installer]
    assert SEED not in estate.topology.new_regions[0].overrides.read_text()
