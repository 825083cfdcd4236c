"""What the source's own replicas are asked before a table that differs everywhere is called different."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.cassandra.texts import PairDifference
from hybridspan.clock import SystemClock
from hybridspan.facts.cassandra import RingFacts
from hybridspan.verification.comparing import _Comparison
from hybridspan.verification.judgement import Suspect
from tests.plan_cassandra.world import nts, ring

EVERYWHERE = Suspect(
    "kms", "app", (PairDifference("app", "120.38.1.9", "192.138.0.9", 64, 10),), 64, "192.138.0.9"
)


def region(datacenter: str) -> Any:
    async def pods() -> list[Any]:
        return [SimpleNamespace(name="pod-0", address="120.38.1.9")]

    return SimpleNamespace(pods=pods, region=SimpleNamespace(datacenter=datacenter, name=datacenter))


async def judged(seen: RingFacts) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The ranges called different, and the commands that were asked for."""
    asked: list[tuple[Any, ...]] = []

    async def run(_: Any, pod: str, name: str, jobs: Any) -> dict[str, str]:
        asked.append((pod, name, *(job.arguments for job in jobs)))
        said = "[2026] # of ranges: 64, \n[2026] Previewed data was in sync\n[2026] Repair command #1 finished in 3 seconds\n"
        return {job.key: said for job in jobs}

    previewer: Any = SimpleNamespace(run=run)
    comparison = _Comparison(region("dc-2"), region("dc-1"), SystemClock(), previewer)
    left, _ = await comparison._judged([EVERYWHERE], seen, ())
    return [d.token_range for d in left], asked


@pytest.mark.parametrize("factor", [1, 3])
async def test_a_source_of_one_replica_is_not_asked_whether_its_replicas_differ(factor: int) -> None:
    """Cassandra refuses to repair where there is nobody to compare with: the comparison would never come to its end."""
    found, asked = await judged(ring({"kms": nts(dc_1=factor, dc_2=1)}, "dc-1", "dc-2"))
    assert found == ["64 of 64 ranges"]
    assert [name for _, name, *_ in asked] == ([] if factor == 1 else ["verify-source"])
