"""Differing ranges are found by their nodes' primary ranges first, and no range escapes that way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.cassandra.detached import Job
from hybridspan.cassandra.ranges import TokenOwner, TokenRange
from hybridspan.facts.cassandra import KeyspaceFacts, Replication
from hybridspan.verification import searching
from hybridspan.verification.previewing import AS_THEY_COME, AT_ONE_MOMENT, words_for
from hybridspan.verification.searching import RangeSearch, Searched

NODES = {"dc-1": ("120.38.1.9", "120.38.1.10"), "dc-2": ("192.138.0.9", "192.138.0.10")}
OWNERS = [
    TokenOwner(address, datacenter, "ra-1", (number * 10, number * 10 + 100))
    for number, (datacenter, address) in enumerate((dc, a) for dc, nodes in NODES.items() for a in nodes)
]
TOKENS = sorted((token, owner.address) for owner in OWNERS for token in owner.tokens)
RING = {TokenRange(TOKENS[n - 1][0], token): address for n, (token, address) in enumerate(TOKENS)}
"""Range → the node whose primary it is, as every data center holds all."""
KMS = KeyspaceFacts("kms", Replication("NetworkTopologyStrategy", {"dc-1": 2, "dc-2": 2}), ("app", "small"))
END = "[2026] Repair command #18 finished in 3 seconds\n"


@dataclass
class Ring:
    """Answers previews by what really differs, and remembers who was asked what."""

    different: set[tuple[str, TokenRange]]
    lost: set[str] = field(default_factory=set)
    """Addresses whose previews of primary ranges lose their verdict."""
    settles_after: int = 1000
    """Looks at single ranges until nothing differs any more: what differed was traffic."""
    traffic: dict[str, int] = field(default_factory=dict)
    """By node: looks at its primary ranges that meet a write under way."""
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    patience: int = 1000
    """Commands until it is late."""
    at_once: int = 0
    most_at_once: int = 0
    """Primary ranges compared at the same time."""

    async def run(self, region: Any, pod: str, task: str, jobs: Sequence[Job]) -> Mapping[str, str]:
        assert not self.is_late()
        self.asked.append((task, pod, len(jobs)))
        self.at_once += 1
        await asyncio.sleep(0)
        if task == "verify-primary":
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.at_once -= 1
        return {job.key: self._answer(pod, job.arguments) for job in jobs}

    def is_late(self) -> bool:
        return len(self.asked) >= self.patience

    def _answer(self, pod: str, arguments: tuple[str, ...]) -> str:
        assert "-seq" in arguments
        if "-pr" in arguments:
            if pod in self.lost:
                return ""
            tables = {table for table, token_range in self.different if RING[token_range] == pod}
            if self.traffic.get(pod, 0) > 0:
                self.traffic[pod] -= 1
                tables.add("app")
        else:
            bounds = TokenRange(*(int(arguments[arguments.index(word) + 1]) for word in ("-st", "-et")))
            self.settles_after -= 1
            tables = {t for t, r in self.different if r == bounds} if self.settles_after >= 0 else set()
        return _said(tables)

    def looks_singly(self) -> int:
        return sum(jobs for task, _, jobs in self.asked if task == "verify-ranges")


def _said(tables: set[str]) -> str:
    if not tables:
        return f"[2026] # of ranges: 2, \n[2026] Previewed data was in sync\n{END}"
    pair = "    /120.38.1.9:7001 -> /192.138.0.9:7001: 1 ranges, 9 sstables, 36.580KiB bytes"
    listed = "".join(f"kms.{table} - 1 ranges, 9 sstables, 36.580KiB bytes\n{pair}\n" for table in tables)
    return f"[2026] # of ranges: 2, \nTotal estimated streaming: 1 ranges, 9 sstables, 36.580KiB bytes\n{listed}{END}"


def region(datacenter: str) -> Any:
    """A region whose pods are called like their addresses."""

    async def pods() -> list[Any]:
        return [SimpleNamespace(address=a, name=a) for a in NODES[datacenter]]

    return SimpleNamespace(pods=pods, region=SimpleNamespace(datacenter=datacenter))


def search(ring: Ring, *datacenters: str) -> RangeSearch:
    return RangeSearch([region(dc) for dc in datacenters], OWNERS, KMS, ring.run, ring.is_late)


ONE, *OTHERS = RING


async def test_only_the_primary_ranges_of_the_node_that_differs_are_looked_at_singly() -> None:
    ring = Ring({("app", ONE)})
    assert await search(ring, "dc-2", "dc-1").differing(("app",)) == Searched({"app": (ONE.text(),)})
    primary_ranges = [r for r, address in RING.items() if address == RING[ONE]]
    assert len(primary_ranges) == 2
    # Both of them once, and the one that differs twice more.
    assert ring.looks_singly() == 4
    asked = [pod for task, pod, _ in ring.asked if task == "verify-primary"]
    # Each once, and the one that differs until a look clears nobody.
    assert sorted(set(asked)) == sorted(set(RING.values()))
    assert {pod: asked.count(pod) for pod in set(asked)} == dict.fromkeys(RING.values(), 1) | {RING[ONE]: 2}


async def test_every_range_that_differs_is_found_wherever_its_primary_is() -> None:
    everything = {(table, token_range) for token_range in RING for table in ("app", "small")}
    found = await search(Ring(everything), "dc-2", "dc-1").differing(("app", "small"))
    assert found == Searched({table: tuple(sorted(r.text() for r in RING)) for table in ("app", "small")})


async def test_a_node_that_loses_its_verdict_or_cannot_be_asked_acquits_none_of_its_ranges() -> None:
    (a, b) = (next(r for r, address in RING.items() if address == NODES[dc][0]) for dc in ("dc-1", "dc-2"))
    ring = Ring({("app", a), ("app", b)}, lost={NODES["dc-2"][0]})
    assert await search(ring, "dc-2").differing(("app",)) == Searched(
        {"app": tuple(sorted((a.text(), b.text())))}
    )


async def test_writes_under_way_are_told_apart_without_looking_at_single_ranges() -> None:
    (a, b) = (nodes[0] for nodes in NODES.values())
    ring = Ring(set(), traffic={a: 1, b: 3})
    # The third look at b clears it only because the second look cleared somebody: with b alone it would have ended.
    ring.traffic |= {NODES["dc-1"][1]: 2}
    assert await search(ring, "dc-2", "dc-1").differing(("app", "small")) == Searched({})
    assert ring.looks_singly() == 0


async def test_what_settles_is_no_difference() -> None:
    ring = Ring({("app", ONE)}, settles_after=2)
    assert await search(ring, "dc-2", "dc-1").differing(("app",)) == Searched({})


async def test_looks_at_a_range_go_on_while_they_clear_some() -> None:
    """Each of the first four looks clears one of five ranges; the fifth clears the last."""
    busy = Ring(set())
    left = list(RING)[:5]
    busy.different = {("app", r) for r in left}

    async def run(region: Any, pod: str, task: str, jobs: Sequence[Job]) -> Mapping[str, str]:
        answers = await busy.run(region, pod, task, jobs)
        looks = sum(1 for name, *_ in busy.asked if name == "verify-ranges")
        if task == "verify-ranges" and looks > 2:
            busy.different = {("app", r) for r in left[: max(0, 7 - looks)]}
        return answers

    found = await RangeSearch([region("dc-2"), region("dc-1")], OWNERS, KMS, run, busy.is_late).differing(
        ("app",)
    )
    assert found == Searched({})


async def test_one_node_compares_its_primary_ranges_after_the_other() -> None:
    ring = Ring({("app", ONE)})
    await search(ring, "dc-2", "dc-1").differing(("app",))
    assert ring.most_at_once == 1


PRIMARIES = 8
"""Commands until the primary ranges of the four nodes have been looked at twice."""
LOOK = 2
"""Commands of one look at all single ranges: two holders share them."""


async def test_what_goes_on_clearing_when_the_looks_end_is_undecided() -> None:
    busy = Ring({("app", token_range) for token_range in RING})
    shares: list[str] = []

    async def run(region: Any, pod: str, task: str, jobs: Sequence[Job]) -> Mapping[str, str]:
        answers = await busy.run(region, pod, task, jobs)
        if task == "verify-ranges":
            shares.append(pod)
            if len(shares) % LOOK == 0:
                busy.different.pop()
        return answers

    search = RangeSearch([region("dc-2"), region("dc-1")], OWNERS, KMS, run, busy.is_late)
    assert await search.differing(("app",)) == Searched({}, undecided=frozenset({"app"}))


@pytest.mark.parametrize("patience", [0, 1, 7, 8, 9, 10, 12, 13])
async def test_when_time_is_over_nothing_more_is_compared_and_nobody_is_accused(patience: int) -> None:
    ring = Ring({("app", token_range) for token_range in RING}, patience=patience)
    found = await search(ring, "dc-2", "dc-1").differing(("app",))
    assert found.differing.keys() <= {"app"}
    if patience < PRIMARIES + 3 * LOOK - 1:
        assert found == Searched({}, undecided=frozenset({"app"}))
    assert len(ring.asked) == patience


async def test_what_was_seen_before_time_was_over_is_told() -> None:
    """Three whole looks were made; the time that is over afterwards takes nothing back."""
    ring = Ring({("app", token_range) for token_range in RING}, patience=PRIMARIES + 3 * LOOK)
    found = await search(ring, "dc-2", "dc-1").differing(("app", "small"))
    assert found == Searched({"app": tuple(sorted(r.text() for r in RING))})


async def test_too_many_ranges_are_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_RANGES", 2)
    ring = Ring({("app", token_range) for token_range in OTHERS})
    found = await search(ring, "dc-2", "dc-1").differing(("app", "small"))
    assert found == Searched({}, too_many=frozenset({"app"}))
    assert ring.looks_singly() == 0


async def test_a_difference_without_a_table_s_name_acquits_none() -> None:
    lost = f"[2026] # of ranges: 2, \nTotal estimated streaming: 1 ranges, 9 sstables, 36.580KiB bytes\n{END}"

    async def run(region: Any, pod: str, task: str, jobs: Sequence[Job]) -> Mapping[str, str]:
        return {job.key: lost for job in jobs}

    search = RangeSearch([region("dc-2"), region("dc-1")], OWNERS, KMS, run, lambda: False)
    assert set((await search.differing(("app", "small"))).differing) == {"app", "small"}


def test_replicas_are_compared_at_one_moment_where_each_holds_all() -> None:
    assert words_for(KMS, OWNERS) == AT_ONE_MOMENT
    split = KeyspaceFacts("kms", Replication("NetworkTopologyStrategy", {"dc-1": 2, "dc-2": 1}), ("app",))
    assert words_for(split, OWNERS) == AS_THEY_COME
    not_there = KeyspaceFacts("kms", Replication("NetworkTopologyStrategy", {"dc-1": 2, "dc-2": 0}), ("app",))
    assert words_for(not_there, OWNERS) == AT_ONE_MOMENT
