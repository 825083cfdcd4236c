"""Runs previews in the pods and asks again until what is only traffic has settled.

`nodetool repair --preview --full` compares the replicas of all data centers and streams nothing. Its exit code is 0 whatever
it finds, so its text is what counts; `nodetool status` and a rebuild's exit code prove nothing and are not asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hybridspan.cassandra.detached import Job
from hybridspan.cassandra.ranges import TokenOwner, covering, replicas
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.cassandra.texts import Preview
from hybridspan.clock import Clock
from hybridspan.errors import TemporaryFailure
from hybridspan.facts.cassandra import RingFacts
from hybridspan.progress import Progress
from hybridspan.verification.judgement import (
    HISTORIES,
    Suspect,
    differences,
    differences_in,
    matrix_problems,
    placement,
    ring_problems,
    still,
    suspects,
    too_busy,
    unable,
    verdict,
)
from hybridspan.verification.model import Difference, KeyspaceVerdict, VerificationResult
from hybridspan.verification.previewing import AS_THEY_COME, Previewer, words_for
from hybridspan.verification.searching import RangeSearch, parsed
from hybridspan.verification.snapshots import Everywhere

PAUSES: Final = (3.0, 8.0)
"""Seconds before the second and the third look at what differed."""
SEARCH_SECONDS: Final = 900.0
"""How long ranges are searched for, in all keyspaces together: after that no comparison is begun."""
_ALL: Final = "all-keyspaces"
"""Key of the job that compares all of them; no keyspace can be called that."""


@dataclass(slots=True)
class _Tally:
    """What the looks at one keyspace add up to."""

    ranges: dict[str, int]
    """By node: how many it compared."""
    looks: int = 0


async def verify(
    target: CassandraRegion,
    source: CassandraRegion,
    clock: Clock,
    progress: Progress,
    everywhere: Everywhere,
) -> VerificationResult:
    """Compare the target's data center with all others; read-only. `everywhere` finds all regions of the ring.

    TemporaryFailure where a preview could not be carried through.
    """
    ring, owners = await asyncio.gather(source.ring_facts(), source.owners())
    here, there = target.region, source.region.datacenter
    problems = (*ring_problems(ring, here, there), *matrix_problems(ring, here, there))
    if problems:
        return VerificationResult(here.datacenter, there, problems, ())
    previewer = Previewer(clock, progress, everywhere)
    return await _Comparison(target, source, clock, previewer).result(ring, owners)


class _Comparison:
    """One verification of one data center."""

    def __init__(
        self, target: CassandraRegion, source: CassandraRegion, clock: Clock, previewer: Previewer
    ) -> None:
        self._target = target
        self._source = source
        self._clock = clock
        self._previewer = previewer
        self._tallies: dict[str, _Tally] = {}
        self._everything: frozenset[str] = frozenset()
        self._words: Mapping[str, Sequence[str]] = {}
        """How keyspaces are looked at again; at first all replicas at the same time, the fastest way to what is the same."""

    async def result(self, ring: RingFacts, owners: Sequence[TokenOwner]) -> VerificationResult:
        datacenter = self._target.region.datacenter
        names = self._names(ring)
        if ring.before_4:
            unproved = tuple(unable(name, ring.before_4) for name in names)
            return VerificationResult(
                datacenter, self._source.region.datacenter, (), unproved, is_comparable=False
            )
        assigned = assignments(ring, owners, datacenter, names)
        # system_distributed is the one keyspace that nodetool compares only when it is named.
        self._everything = frozenset(k.name for k in ring.keyspaces if not k.is_local) - {
            "system_distributed"
        }
        found = await self._look(assigned)
        self._words = {k.name: words_for(k, owners) for k in ring.keyspaces}
        for pause in PAUSES:
            if not found:
                break
            await self._clock.sleep(pause)
            wanted = {s.keyspace for s in found}
            again = {a: tuple(n for n in names if n in wanted) for a, names in assigned.items()}
            found = still(found, await self._look({a: names for a, names in again.items() if names}))
        left, unsettled = await self._judged(found, ring, owners)
        keyspaces = tuple(self._verdict(name, left, unsettled) for name in names)
        return VerificationResult(datacenter, self._source.region.datacenter, (), keyspaces)

    def _names(self, ring: RingFacts) -> tuple[str, ...]:
        # Also those that the source does not hold: what is left out here would pass for compared.
        here = self._target.region.datacenter
        named = [k for k in ring.keyspaces if k.replication.can_be_compared(here)]
        return tuple(
            k.name for k in sorted(named, key=lambda k: (k.name.startswith("system_"), k.name)) if k.tables
        )

    def _verdict(
        self, name: str, left: Sequence[Difference], unsettled: Sequence[Suspect]
    ) -> KeyspaceVerdict:
        tally = self._tallies.get(name, _Tally({}))
        found = [d for d in left if d.table.startswith(f"{name}.")]
        if not found and (busy := [s for s in unsettled if s.keyspace == name]):
            return too_busy(name, busy)
        return verdict(name, sum(tally.ranges.values()), tally.looks, found, sorted(tally.ranges))

    async def _look(self, assigned: Mapping[str, Sequence[str]]) -> tuple[Suspect, ...]:
        """One preview of every keyspace on each of the nodes assigned to it, all nodes at the same time."""
        looks = await asyncio.gather(*(self._previews(a, names) for a, names in assigned.items()))
        found: list[Suspect] = []
        for address, previews in zip(assigned, looks, strict=True):
            found += suspects(address, previews)
            for preview in previews:
                self._count(address, preview)
        return tuple(found)

    def _count(self, address: str, preview: Preview) -> None:
        tally = self._tallies.setdefault(preview.keyspace, _Tally({}))
        tally.looks += tally.looks == 0 or address in tally.ranges
        tally.ranges[address] = preview.ranges

    async def _previews(self, address: str, names: Sequence[str]) -> list[Preview]:
        pod = (await self._target.pod_of(address)).name
        previews = await self._told(pod, preview_jobs(names, self._everything, self._words))
        # nodetool loses lines now and then; what has no verdict by that is compared once more, by itself.
        missing = [name for name in names if name not in previews]
        if missing:
            previews |= await self._told(pod, [preview_job(name, self._words) for name in missing])
        if lost := [name for name in names if name not in previews]:
            raise _no_verdict(", ".join(lost), pod)
        return [previews[name] for name in names]

    async def _told(self, pod: str, jobs: Sequence[Job]) -> dict[str, Preview]:
        """The whole verdicts that the jobs gave, by keyspace."""
        logs = await self._previewer.run(self._target, pod, "verify", jobs)
        found = (preview for key, log in logs.items() for preview in parsed(log, _named_by(key)))
        return {preview.keyspace: preview for preview in found if is_whole(preview)}

    async def _judged(
        self, found: Sequence[Suspect], ring: RingFacts, owners: Sequence[TokenOwner]
    ) -> tuple[list[Difference], list[Suspect]]:
        """What remains of the suspects, which have differed in every look, and those that nothing can be said of."""
        left: list[Difference] = []
        unsettled: list[Suspect] = []
        doubtful: list[Suspect] = []
        for suspect in found:
            is_history = suspect.keyspace in HISTORIES
            if is_history or (suspect.is_everywhere and not await self._source_differs(suspect, ring)):
                left += differences([suspect])
            else:
                doubtful.append(suspect)
        latest = self._clock.monotonic() + SEARCH_SECONDS
        for keyspace in (k for k in ring.keyspaces if k.name in {s.keyspace for s in doubtful}):
            search = RangeSearch(
                (self._target, self._source),
                owners,
                keyspace,
                self._previewer.run,
                lambda: self._clock.monotonic() > latest,
            )
            tables: dict[str, list[Suspect]] = {}
            for suspect in (s for s in doubtful if s.keyspace == keyspace.name):
                tables.setdefault(suspect.table, []).append(suspect)
            searched = await search.differing(tuple(tables))
            placed = placement(owners, keyspace)
            for table, group in tables.items():
                if table in searched.differing:
                    left += differences_in(group, searched.differing[table], placed)
                elif table in searched.undecided:
                    unsettled += group
                elif table in searched.too_many:
                    if await self._source_differs(group[0], ring):
                        unsettled += group
                    else:
                        left += differences(group)
        return left, unsettled

    async def _source_differs(self, suspect: Suspect, ring: RingFacts) -> bool:
        """Whether the source's own replicas differ in that table too: then it is traffic, and ranges are looked at singly.

        The replicas compare as they come: here the look that sees more of the traffic accuses less. Of one replica there is
        nothing to compare, and Cassandra would refuse to: so it is not asked.
        """
        keyspace, source = ring.keyspace(suspect.keyspace), self._source.region.datacenter
        if keyspace is not None and min(keyspace.replication.factor(source), len(ring.of(source))) < 2:
            return False
        pods = await self._source.pods()
        job = Job(suspect.keyspace, (*AS_THEY_COME, "-local", suspect.keyspace, suspect.table))
        logs = await self._previewer.run(self._source, pods[0].name, "verify-source", [job])
        previews = parsed(logs[suspect.keyspace], suspect.keyspace)
        return not previews or any(not p.in_sync for p in previews)


def preview_job(keyspace: str, words: Mapping[str, Sequence[str]]) -> Job:
    """The preview of one keyspace."""
    return Job(keyspace, (*words.get(keyspace, AS_THEY_COME), keyspace))


def preview_jobs(
    names: Sequence[str], everything: frozenset[str], words: Mapping[str, Sequence[str]]
) -> list[Job]:
    """One preview a keyspace; at first one command for all where a node compares all, which saves a JVM for each."""
    if words or len(names) < 2 or not everything <= set(names):
        return [preview_job(name, words) for name in names]
    rest = [preview_job(name, words) for name in names if name not in everything]
    return [Job(_ALL, AS_THEY_COME), *rest]


def _named_by(key: str) -> str:
    """The keyspace of a job; none where one compares all of them."""
    return "" if key == _ALL else key


def is_whole(preview: Preview) -> bool:
    """Whether it says how many ranges it compared, and which tables differ if some do; or that there are no two replicas."""
    is_told = preview.in_sync or bool(preview.differences)
    return (preview.ranges > 0 and is_told) or preview.nothing_to_compare


def _no_verdict(keyspaces: str, pod: str) -> TemporaryFailure:
    return TemporaryFailure(
        "HS-VERIFY-002",
        f"the comparison of {keyspaces} gave no verdict",
        where=f"pod {pod}",
        why="nodetool said twice neither that replicas are in sync nor that they differ",
        hint=f"the log of {pod} has what became of its repair sessions",
    )


def assignments(
    ring: RingFacts, owners: Sequence[TokenOwner], datacenter: str, names: Sequence[str]
) -> Mapping[str, tuple[str, ...]]:
    """Node → keyspaces: few nodes of the data center that together hold every range of each keyspace."""
    assigned: dict[str, list[str]] = {}
    for name in names:
        keyspace = ring.keyspace(name)
        factor = keyspace.replication.factor(datacenter) if keyspace else 0
        for address in covering(replicas(owners, datacenter, factor)):
            assigned.setdefault(address, []).append(name)
    return {address: tuple(found) for address, found in assigned.items()}
