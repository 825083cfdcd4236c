"""Carries previews through in a pod, once more where a node was too busy for one.

Before it compares, a node asks every replica to take part, and gives up on those that do not answer within a moment. A cluster
that serves traffic has such moments; they say nothing about its data.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from hybridspan.cassandra.detached import DetachedTask, Job, TaskState, written
from hybridspan.cassandra.ranges import TokenOwner
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.cassandra.repairing import ended
from hybridspan.cassandra.texts import sequential_repairs
from hybridspan.clock import Clock
from hybridspan.errors import HybridspanError, TemporaryFailure
from hybridspan.facts.cassandra import KeyspaceFacts
from hybridspan.progress import Progress
from hybridspan.verification.snapshots import Everywhere, SeenSnapshots, Snapshots

PAUSES: Final = (2.0, 5.0, 15.0, 30.0)
"""Seconds before a comparison that did not come to its end is asked again: as often as there are pauses."""

AS_THEY_COME: Final = ("repair", "--preview", "--full")
"""Words of a comparison in which each replica compares what it holds when its turn comes."""
AT_ONE_MOMENT: Final = (*AS_THEY_COME, "-seq")
"""Words of a comparison that sees less of the traffic.

All replicas take a snapshot first, nearly at one moment, and compare those one after the other. Without it busy nodes are seconds
apart, and every row written in between is a difference. The snapshots are hard links that the nodes clear at the end; for those
of a comparison that failed see hybridspan.verification.snapshots.
"""


_GONE: Final = "its folder is gone: another run may have put it away, or the container restarted"


def folder_of(name: str, jobs: Sequence[Job]) -> str:
    """The task's name with a digest of its commands, so that runs share a folder only where they ask the same.

    Runs of `verify` take no lock. Under one name for all, one would read what another was told of other ranges as its own.
    """
    return f"{name}-{hashlib.sha256(written(jobs).encode()).hexdigest()[:8]}"


def words_for(keyspace: KeyspaceFacts, owners: Iterable[TokenOwner]) -> tuple[str, ...]:
    """How a keyspace is compared again: at one moment where every node holds all of it.

    Where ranges are split, a node compares with others one group of ranges after the other, but takes only one snapshot: then
    later groups would compare an old one with a new one.
    """
    nodes = Counter(owner.datacenter for owner in owners)
    factors = {dc: factor for dc, factor in keyspace.replication.factors.items() if factor}
    is_whole = all(factor >= nodes[dc] for dc, factor in factors.items())
    return AT_ONE_MOMENT if is_whole else AS_THEY_COME


class Previewer:
    """Runs previews in pods; read-only. `everywhere` finds all regions whose nodes take part."""

    def __init__(self, clock: Clock, progress: Progress, everywhere: Everywhere) -> None:
        self._clock = clock
        self._progress = progress
        self._snapshots = Snapshots(everywhere, progress)

    async def run(
        self, region: CassandraRegion, pod: str, name: str, jobs: Sequence[Job]
    ) -> Mapping[str, str]:
        """The output of each job, by key, in folders that begin with that name; TemporaryFailure where one fails time and again."""
        logs: dict[str, str] = {}
        for pause in (*PAUSES, None):
            left = [job for job in jobs if job.key not in logs]
            try:
                state, printed = await self._once(region, pod, name, left)
            except HybridspanError:
                await self._snapshots.finish()
                raise
            logs |= printed
            missing = [job.key for job in left if job.key not in logs]
            if not missing or pause is None:
                await self._snapshots.finish()
            if not missing:
                break
            why = _why(state)
            if pause is None:
                raise _no_end(missing[0], f"{region.region.name}, pod {pod}", why)
            words = f"comparing {missing[0]} through {pod} again in {pause:.0f} s: {why.splitlines()[-1]}"
            self._progress(words, len(logs) / len(jobs), {"node": pod, "keyspace": ""})
            await self._clock.sleep(pause)
        return logs

    async def _once(
        self, region: CassandraRegion, pod: str, name: str, jobs: Sequence[Job]
    ) -> tuple[TaskState, Mapping[str, str]]:
        """How the jobs ended and what those that succeeded printed; what another run left behind is not used."""
        task = await region.task(pod, folder_of(name, jobs))
        first = await task.look()
        if first.phase in ("ended", "dead"):
            await self._put_away(task, first)
        state = await self._carried_out(task, jobs)
        logs = await task.logs(state.succeeded, of=jobs)
        await self._put_away(task, state)
        # Of a folder that was put away between two looks nothing is read; a command that ended well has always said something.
        return state, {job.key: logs[job.key] for job in jobs if logs.get(job.key, "").strip()}

    async def _carried_out(self, task: DetachedTask, jobs: Sequence[Job]) -> TaskState:
        """The state in which the jobs have ended; where that cannot be read any more, their snapshots are seen to."""
        keys = ", ".join(job.key for job in jobs[:4])
        seen = SeenSnapshots()

        def tell(state: TaskState) -> None:
            seen.look(state)
            self._progress(
                f"comparing {state.current or keys} through {task.pod}",
                len(state.succeeded) / max(len(state.codes), 1),
                {"node": task.pod, "keyspace": state.current or ""},
            )

        try:
            state = await ended(task, jobs, self._clock, tell, self._put_away)
        except HybridspanError as error:
            if seen.names:  # told and not cleared: the comparison may go on
                self._snapshots.tell(seen.names, str(error))
            raise
        if state.phase == "absent" and any("-seq" in job.arguments for job in jobs):
            await self._without_its_log(seen)
        return state

    async def _put_away(self, task: DetachedTask, state: TaskState) -> None:
        """Take an ended task's folder away; before, what a comparison that failed has left on the nodes."""
        if (key := state.failed or state.current) is not None:
            log = (await task.logs([key])).get(key, "")
            await self._snapshots.give_up(sequential_repairs(log))
        await task.clear()

    async def _without_its_log(self, seen: SeenSnapshots) -> None:
        """What a comparison has left of which nothing can be read any more, as its container restarted."""
        if seen.names:
            await self._snapshots.give_up(seen.names)
        else:
            self._snapshots.tell((), _GONE)


def _why(state: TaskState) -> str:
    """What the job that did not come to its end said last; where none failed, its folder is gone."""
    is_left = state.failed is not None or state.current is not None
    return (state.log.strip()[-600:] if is_left else "") or _GONE


def _no_end(key: str, where: str, why: str) -> TemporaryFailure:
    return TemporaryFailure(
        "HS-VERIFY-001",
        f"the comparison of {key} did not come to its end in {len(PAUSES) + 1} tries",
        where=where,
        why=why,
        hint="nodetool status must show every node UN; then verify again",
    )
