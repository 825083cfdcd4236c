"""Snapshots of comparisons that fail at the same time: each is cleared, or told of as one that may stay."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from hybridspan.errors import TemporaryFailure
from hybridspan.verification.snapshots import Snapshots

FIRST, SECOND = "f2475a60-cdb2-11f1-8e64-6f2e27b2bcae", "000fa5b0-ec6a-11f1-b23c-f171750b7add"


class Node:
    """A node that does not answer until it is up; its answers take a moment, in which others ask too."""

    def __init__(self) -> None:
        self.region = SimpleNamespace(name="eastus")
        self.is_up = False
        self.cleared: set[str] = set()

    async def pods(self) -> list[Any]:
        return [SimpleNamespace(name="pod-0")]

    async def nodetool(self, pod: str, *arguments: str) -> str:
        await asyncio.sleep(0)
        if not self.is_up:
            raise TemporaryFailure("HS-CASS-010", "nodetool does not answer", hint="wait")
        self.cleared.add(arguments[-1])
        return ""


async def failed_at_once(node: Node, told: list[str]) -> Snapshots:
    async def everywhere() -> Any:
        return [node]

    snapshots = Snapshots(everywhere, lambda words, *_: told.append(words))
    await asyncio.gather(*(snapshots.give_up([parent]) for parent in (FIRST, SECOND)))
    return snapshots


async def test_what_two_comparisons_leave_at_the_same_time_is_cleared_when_the_node_answers_again() -> None:
    node, told = Node(), list[str]()
    snapshots = await failed_at_once(node, told)
    node.is_up = True
    await snapshots.finish()
    assert (node.cleared, told) == ({FIRST, SECOND}, [])


async def test_what_two_comparisons_leave_at_the_same_time_is_told_where_the_node_stays_away() -> None:
    told: list[str] = []
    await (await failed_at_once(Node(), told)).finish()
    (words,) = told
    assert words.startswith(f"the snapshot {FIRST}, {SECOND} may stay until the node restarts: eastus, pod-0")
