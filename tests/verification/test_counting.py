"""A count's slices are together the whole ring, and no row is in two; what cannot be counted does no harm."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure
from hybridspan.verification.counting import MOST_SLICES, SLICES, Counted, count_rows

LATE = TemporaryFailure("HS-CASS-005", "the node cannot answer a statement now")
KEY = {"column_name": "id", "kind": "partition_key", "position": 0, "table_name": "app"}


class Turned:
    async def sleep(self, seconds: float) -> None: ...

    def now(self) -> float:
        return 0.0

    monotonic = now


@dataclass
class Node:
    """Satisfies what a count needs of a region and of a session; every slice that it counts has one row."""

    widest: int = 2**64
    """What it can count in time."""
    refused: Mapping[str, HybridspanError] = field(default_factory=dict)
    """By keyspace: what it says to a count."""
    counted: list[tuple[int, int]] = field(default_factory=list)
    asked: int = 0
    region: Any = field(default_factory=lambda: SimpleNamespace(datacenter="dc-2"))

    async def any_pod(self, ask: Any) -> Any:
        return await ask("pod-0")

    @asynccontextmanager
    async def session(self, pod: str, role: str) -> AsyncIterator[Node]:
        yield self

    async def query(self, statement: str, parameters: Any = (), *, quorum: bool = False) -> list[Any]:
        if parameters:
            return [KEY]
        assert quorum
        self.asked += 1
        keyspace = statement.split('"')[1]
        if keyspace in self.refused:
            raise self.refused[keyspace]
        left, right = map(int, re.findall(r"=? (-?\d+)", statement.partition("WHERE")[2]))
        if right - left > self.widest:
            raise LATE
        self.counted.append((left, right))
        return [{"rows": 1}]

    async def count(self, *keyspaces: str) -> Counted:
        here: Any = self
        return await count_rows(here, keyspaces, Turned(), lambda *_: None)


def is_the_ring(slices: list[tuple[int, int]]) -> bool:
    is_whole = (slices[0][0], slices[-1][1]) == (-(2**63), 2**63 - 1)
    return is_whole and all(before[1] == after[0] for before, after in pairwise(slices))


async def test_slices_touch_and_cover_every_token() -> None:
    node = Node()
    assert await node.count("kms") == Counted({"kms": SLICES}, {})
    assert is_the_ring(node.counted)


async def test_a_slice_that_is_not_counted_in_time_is_halved_until_it_is() -> None:
    node = Node(widest=2**64 // 100)
    assert await node.count("kms") == Counted({"kms": 128}, {})
    assert is_the_ring(node.counted)
    assert node.asked == 128 + 3


async def test_what_cannot_be_counted_is_told_and_the_rest_is_counted() -> None:
    denied = PermanentFailure("HS-CASS-006", "user admin_user may not do that")
    node = Node(refused={"kms": LATE, "kvm": denied})
    found = await node.count("kms", "kvm", "perses")
    assert found.rows == {"perses": SLICES}
    assert found.missing == {
        "kms": "the node cannot answer a statement now (HS-CASS-005)",
        "kvm": "user admin_user may not do that (HS-CASS-006)",
    }
    halvings = (MOST_SLICES // SLICES).bit_length() - 1
    assert node.asked == halvings + 1 + 1 + SLICES
