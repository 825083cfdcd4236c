"""Finds which single ranges of a table differ, once a comparison of all has said that some do.

nodetool takes one range a call and starts a JVM for it: with sixteen tokens a node six nodes have 96 ranges, with 256 tokens
1,536. So the primary ranges of each node are compared first, in one call a node: all of them together are the ring, and what is
the same there need not be looked at singly. One node does it after the other: every comparison keeps all replicas busy, and what
they do at a time lengthens the moment in which a write under way looks like a difference.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hybridspan.cassandra.detached import Job
from hybridspan.cassandra.ranges import TokenOwner, TokenRange, primaries, replicas
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.cassandra.texts import Preview, parse_previews
from hybridspan.facts.cassandra import KeyspaceFacts
from hybridspan.verification.previewing import AT_ONE_MOMENT, words_for

PRIMARY_TRIES: Final = 6
"""How often a node's primary ranges are compared at most, as long as each look clears somebody."""
RANGE_TRIES: Final = 3
"""How often a single range is looked at at least before it counts as different."""
MOST_RANGE_TRIES: Final = 6
"""And at most, as long as each look clears some."""
MOST_RANGES: Final = 400
"""More ranges than this are not searched one by one."""
_AT_A_TIME: Final = 8
"""Ranges that a node is given at a time; then the deadline is looked at."""

Run = Callable[[CassandraRegion, str, str, Sequence[Job]], Awaitable[Mapping[str, str]]]
"""Carries jobs through in a region's pod under a task's name; their output by key."""
Found = set[tuple[str, TokenRange]]
"""(table, range)"""


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search came to; a table that stands in none of the three was seen the same in each of its ranges."""

    differing: Mapping[str, tuple[str, ...]]
    """Table → the single ranges that differed in each of several looks."""
    undecided: frozenset[str] = frozenset()
    """Tables of which some range was not looked at often enough, or went on clearing, when the search ended."""
    too_many: frozenset[str] = frozenset()
    """Tables whose ranges would have been too many to look at singly."""


class RangeSearch:
    """One search in one keyspace; `regions` are those whose pods can be asked, the target's data center first.

    `is_late` is asked before each command: once it says yes, nothing more is compared.
    """

    def __init__(
        self,
        regions: Sequence[CassandraRegion],
        owners: Sequence[TokenOwner],
        keyspace: KeyspaceFacts,
        run: Run,
        is_late: Callable[[], bool],
    ) -> None:
        self._regions = regions
        self._owners = owners
        self._keyspace = keyspace
        self._words = words_for(keyspace, owners)
        self._run = run
        self._is_late = is_late
        self._seen: Counter[tuple[str, TokenRange]] = Counter()
        """In how many looks at single ranges each differed."""

    async def differing(self, tables: Sequence[str]) -> Searched:
        """Each of the tables, told apart: in a small range little is under way, so traffic does not look like a difference long."""
        left = await self._suspicious(tables)
        if len({token_range for _, token_range in left}) > MOST_RANGES:
            return Searched({}, too_many=frozenset(table for table, _ in left))
        is_clearing = False
        for number in range(MOST_RANGE_TRIES):
            if not left or self._is_late():
                break
            before = left
            left = before & await self._look_singly(tables, sorted({r for _, r in before}))
            is_clearing = left != before
            if number + 1 >= RANGE_TRIES and not is_clearing:
                break
        sure = {x for x in left if self._seen[x] >= RANGE_TRIES and not is_clearing}
        named = {table for table, _ in sure}
        differing = {name: tuple(sorted(r.text() for table, r in sure if table == name)) for name in named}
        return Searched(differing, frozenset(table for table, _ in left - sure) - named)

    async def _suspicious(self, tables: Sequence[str]) -> Found:
        """What is left when every node has compared its primary ranges; those of nodes that cannot be asked stay.

        A write that was under way differs in one look and not in the next, so looks go on while each clears some node: what was
        the same once is not asked again.
        """
        by_node: dict[str, list[TokenRange]] = {}
        holding = [dc for dc, factor in self._keyspace.replication.factors.items() if factor]
        for token_range, address in primaries(self._owners, holding).items():
            by_node.setdefault(address, []).append(token_range)
        left = {address: frozenset(tables) for address in by_node}
        pods = {pod.address: (region, pod.name) for region in self._regions for pod in await region.pods()}
        for number in range(PRIMARY_TRIES):
            before = sum(map(len, left.values()))
            left |= await self._primaries({a: names for a, names in left.items() if names}, pods)
            if not any(left.values()) or (number and sum(map(len, left.values())) == before):
                break
        return {(t, r) for address, ranges in by_node.items() for r in ranges for t in left[address]}

    async def _primaries(
        self,
        doubtful: Mapping[str, frozenset[str]],
        pods: Mapping[str, tuple[CassandraRegion, str]],
    ) -> dict[str, frozenset[str]]:
        """One look at the primary ranges of each of these nodes that can be asked: the tables that differ again."""
        found: dict[str, frozenset[str]] = {}
        for address in doubtful:
            if address in pods and not self._is_late():
                differ = await self._primary(*pods[address], sorted(doubtful[address]))
                found[address] = doubtful[address] & differ
        return found

    async def _primary(self, region: CassandraRegion, pod: str, tables: Sequence[str]) -> frozenset[str]:
        """The tables that differ somewhere in the node's primary ranges."""
        name = self._keyspace.name
        job = Job(name, (*self._words, "-pr", name, *tables))
        logs = await self._run(region, pod, "verify-primary", [job])
        return _named(parsed(logs[name], name), tables)

    async def _look_singly(self, tables: Sequence[str], ranges: Sequence[TokenRange]) -> Found:
        """Each range by itself; the holders share them."""
        target, *_ = self._regions
        pods = {pod.address: pod.name for pod in await target.pods()}
        factor = self._keyspace.replication.factor(target.region.datacenter)
        holders = replicas(self._owners, target.region.datacenter, factor)
        shares: dict[str, list[TokenRange]] = {}
        for token_range in ranges:
            able = [address for address in holders[token_range] if address in pods] or [*pods]
            fewest = min(able, key=lambda address: len(shares.get(address, ())))
            shares.setdefault(fewest, []).append(token_range)
        looks = await asyncio.gather(
            *(self._share(pods[address], tables, share) for address, share in shares.items())
        )
        return {found for look in looks for found in look}

    async def _share(self, pod: str, tables: Sequence[str], ranges: Sequence[TokenRange]) -> Found:
        """(table, range) that one node's previews of single ranges show as different, or that nothing was said of."""
        name = self._keyspace.name
        found: Found = set()
        for first in range(0, len(ranges), _AT_A_TIME):
            some = ranges[first : first + _AT_A_TIME]
            jobs = [Job(f"range{first + n}", _of_range(name, tables, r)) for n, r in enumerate(some)]
            logs = {} if self._is_late() else await self._run(self._regions[0], pod, "verify-ranges", jobs)
            for job, token_range in zip(jobs, some, strict=True):
                differ = {(t, token_range) for t in _named(parsed(logs.get(job.key, ""), name), tables)}
                found |= differ
                self._seen.update(differ if logs else ())
        return found


def _named(previews: Sequence[Preview], tables: Sequence[str]) -> frozenset[str]:
    """The tables that differ; all of them where the verdict was lost, or the names of those that do."""
    found = {pair.table for preview in previews for pair in preview.differences}
    is_lost = not previews or any(not p.in_sync and not p.differences for p in previews)
    return frozenset(tables if is_lost else found)


def _of_range(keyspace: str, tables: Sequence[str], token_range: TokenRange) -> tuple[str, ...]:
    bounds = ("-st", str(token_range.left), "-et", str(token_range.right))
    return (*AT_ONE_MOMENT, *bounds, keyspace, *tables)


def parsed(text: str, keyspace: str) -> tuple[Preview, ...]:
    """The previews in a job's output, of all keyspaces where none is named; empty where it lost the verdict."""
    try:
        return parse_previews(text, keyspace)
    except ValueError:
        return ()
