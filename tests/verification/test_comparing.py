"""Which keyspaces are compared, and what the source's replicas are asked before a table that differs is called different."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from hybridspan.cassandra.ranges import TokenOwner
from hybridspan.cassandra.texts import PairDifference
from hybridspan.clock import SystemClock
from hybridspan.facts.cassandra import Replication, RingFacts
from hybridspan.verification.comparing import _Comparison
from hybridspan.verification.judgement import Suspect
from hybridspan.verification.model import VerificationResult
from tests.cassandra.recordings import recorded
from tests.engine.conftest import TurnedClock
from tests.plan_cassandra.world import AFTER, nts, ring

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


async def proved(keyspaces: dict[str, Replication]) -> VerificationResult:
    """What comes of comparing dc-2 with dc-1 while every replica of `rollout` in dc-2 is empty, and all else is the same."""
    seen = ring(keyspaces, "dc-1", "dc-2")
    owners = tuple(TokenOwner(n.address, n.datacenter, n.rack, (i * 10,)) for i, n in enumerate(seen.nodes))
    same = "[2026] # of ranges: 6, \n[2026] Previewed data was in sync\n[2026] Repair command #1 finished in 3 seconds\n"

    async def run(_: Any, pod: str, name: str, jobs: Any) -> dict[str, str]:
        empty = recorded("preview_empty_replicas")
        return {job.key: empty if job.key == "rollout" else same for job in jobs}

    async def pod_of(_: str) -> Any:
        return SimpleNamespace(name="pod-0")

    target = region("dc-2")
    target.pod_of = pod_of
    clock: Any = TurnedClock()
    comparison = _Comparison(target, region("dc-1"), clock, cast("Any", SimpleNamespace(run=run)))
    return await comparison.result(seen, owners)


async def test_a_keyspace_that_the_source_does_not_hold_is_compared_with_those_that_do() -> None:
    """Left out, it would stand among what was found the same, and its replicas answer as if there were no rows."""
    result = await proved({**AFTER, "rollout": nts(dc_2=3, dc_3=3)})
    verdicts = {verdict.keyspace: verdict.state for verdict in result.keyspaces}
    assert verdicts == {**dict.fromkeys(AFTER, "same"), "rollout": "different"}
    assert not result.is_proved


async def test_a_replica_that_is_the_only_one_is_not_asked_for_a_comparison() -> None:
    result = await proved({**AFTER, "own": nts(dc_2=1)})
    assert result.is_proved
    assert "own" not in {verdict.keyspace for verdict in result.keyspaces}
