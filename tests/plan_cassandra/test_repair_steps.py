"""Repairs that an earlier run started: what runs is watched, and what has ended counts only where it answers this run's question."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.cassandra.credentials import Login
from hybridspan.cassandra.detached import DetachedTask, Job
from hybridspan.cassandra.ranges import TokenOwner
from hybridspan.clock import SystemClock
from hybridspan.facts.cassandra import RingFacts
from hybridspan.plan.phases.rebuild import plan_rebuild
from hybridspan.secrets import Secret
from hybridspan.steps.mending import TASK, mend
from hybridspan.steps.rebuild import SourceRepairStep
from hybridspan.verification.mending import Mend
from tests.cassandra.pods import PASSWORD, LocalPods
from tests.plan_cassandra.world import nts, ring, two_regions, world

DAY = 24 * 3600.0
SEEN = ring({"perses": nts(dc_1=3)}, "dc-1")
NODE = SEEN.nodes[0].address
SOURCE_JOBS = [Job("perses", ("repair", "-full", "-local", "-j", "4", "perses"))]
TODO = [Mend(NODE, ("repair", "-full", "perses", "t"), "perses.t: all ranges")]
MEND_JOBS = [Job("mend0", TODO[0].arguments)]


@dataclass
class Region:
    """A Cassandra of one pod, in which repairs really run as processes."""

    local: LocalPods

    @property
    def region(self) -> Any:
        return SimpleNamespace(name="eastus", datacenter="dc-1")

    async def members(self) -> RingFacts:
        return SEEN

    async def owners(self) -> tuple[TokenOwner, ...]:
        return tuple(TokenOwner(n.address, "dc-1", "ra-1", (i,)) for i, n in enumerate(SEEN.nodes))

    async def pods(self) -> list[Any]:
        return [SimpleNamespace(name="pod-0", address=NODE)]

    async def pod_of(self, _address: str) -> Any:
        return (await self.pods())[0]

    async def task(self, pod: str, name: str) -> DetachedTask:
        return DetachedTask(
            self.local, "apigee", pod, name, Login("jmxuser", Secret(PASSWORD)), lambda *_: None
        )


@dataclass
class Places:
    """What the steps ask of an estate."""

    region: Region
    topology: Any = field(default_factory=two_regions)
    clock: SystemClock = field(default_factory=SystemClock)
    kept: dict[str, Any] = field(default_factory=dict)

    async def cassandra(self, _region: Any) -> Region:
        return self.region

    def decide(self, key: str, value: Any) -> None:
        self.kept[key] = value

    def decided(self, key: str) -> Any:
        return self.kept.get(key)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    local = LocalPods(tmp_path)
    local.program(
        "nodetool",
        'echo x >>"$TEST_FOLDER/runs"; [ -e "$TEST_FOLDER/holds" ] && until [ -e "$TEST_FOLDER/go" ]; do sleep 0.02; done\n'
        'echo "Repair completed successfully"',
    )
    return Places(Region(local))


async def left(places: Places, name: str, jobs: list[Job], seconds: float) -> None:
    """A repair that another run started that long ago, and that ended well."""
    task = await places.region.task("pod-0", name)
    assert await task.start(jobs)
    async with asyncio.timeout(60):
        while (await task.look()).phase != "ended":  # noqa: ASYNC110  # a process of the test's ends
            await asyncio.sleep(0.02)
    began = time.time() - seconds
    os.utime(places.region.local.folder / "tasks" / name / "jobs", (began, began))


def runs(places: Places) -> int:
    return len((places.region.local.folder / "runs").read_text().split())


async def repair_source(places: Places) -> float:
    """How long ago the source was repaired by what the journal keeps then, in seconds."""
    planned, *_ = plan_rebuild(places.topology, world(places.topology, SEEN))
    step = SourceRepairStep(planned, places)  # type: ignore[arg-type]
    await step.act(lambda *_: None)
    return time.time() - places.kept["source-repair/centralus"]["perses"]


async def test_a_repair_that_ended_while_nobody_watched_counts_from_when_it_began(places: Places) -> None:
    await left(places, "repair-source", SOURCE_JOBS, 3 * DAY)
    assert 3 * DAY <= await repair_source(places) < 3 * DAY + 600
    assert runs(places) == 1


async def test_one_that_is_too_old_to_answer_is_put_away_and_the_source_is_repaired_now(
    places: Places,
) -> None:
    await left(places, "repair-source", SOURCE_JOBS, 20 * DAY)
    assert 0 <= await repair_source(places) < 600
    assert runs(places) == 2


async def repair_what_differs(places: Places, since: float) -> None:
    await mend(places, TODO, lambda *_: None, since=since)  # type: ignore[arg-type]


async def test_what_was_repaired_before_it_was_found_to_differ_is_repaired_again(places: Places) -> None:
    await left(places, TASK, MEND_JOBS, 3600)
    await repair_what_differs(places, time.time())
    assert runs(places) == 2


async def test_what_was_repaired_since_it_was_found_to_differ_is_not_repaired_again(places: Places) -> None:
    """As when the look at it failed for too long, and apply or verify tries once more."""
    await left(places, TASK, MEND_JOBS, 3600)
    await repair_what_differs(places, time.time() - 7200)
    assert runs(places) == 1


async def test_what_is_being_repaired_is_watched_and_not_begun_a_second_time(places: Places) -> None:
    folder = places.region.local.folder
    (folder / "holds").touch()
    task = await places.region.task("pod-0", TASK)
    assert await task.start(MEND_JOBS)
    os.utime(folder / "tasks" / TASK / "jobs", (0, 0))

    def go_on(*_: object) -> None:
        (folder / "go").touch()

    await mend(places, TODO, go_on, since=time.time())  # type: ignore[arg-type]
    assert runs(places) == 1
