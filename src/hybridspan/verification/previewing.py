"""Carries previews through in a pod, once more where a node was too busy for one.

Before it compares, a node asks every replica to take part, and gives up on those that do not answer within a moment. A cluster
that serves traffic has such moments; they say nothing about its data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from hybridspan.cassandra.detached import Job, TaskState
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.cassandra.repairing import ended
from hybridspan.clock import Clock
from hybridspan.errors import TemporaryFailure
from hybridspan.progress import Progress

PAUSES: Final = (2.0, 5.0, 15.0, 30.0)
"""Seconds before a comparison that did not come to its end is asked again: as often as there are pauses."""

AT_ONE_MOMENT: Final = ("repair", "--preview", "--full", "-seq")
"""Words of a comparison that is to see little of the traffic.

All replicas take a snapshot first, nearly at one moment, and compare those one after the other. Without it each compares what it
holds when its turn comes: on busy nodes seconds apart, and every row written in between is a difference. The snapshots are hard
links, which the nodes clear themselves (org.apache.cassandra.repair.RepairJob).
"""


class Previewer:
    """Runs previews in pods; read-only."""

    def __init__(self, clock: Clock, progress: Progress) -> None:
        self._clock = clock
        self._progress = progress

    async def run(
        self, region: CassandraRegion, pod: str, name: str, jobs: Sequence[Job]
    ) -> Mapping[str, str]:
        """The output of each job, by key, under a task of that name; TemporaryFailure where one fails time and again."""
        logs: dict[str, str] = {}
        for pause in (*PAUSES, None):
            left = [job for job in jobs if job.key not in logs]
            state, printed = await self._once(region, pod, name, left)
            logs |= printed
            missing = [job.key for job in left if job.key not in logs]
            if not missing:
                break
            why = state.log.strip()[-600:] or "the container restarted meanwhile"
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
        task = await region.task(pod, name)
        first = await task.look()
        if first.phase in ("ended", "dead"):
            await task.clear()
        keys = ", ".join(job.key for job in jobs[:4])

        def tell(state: TaskState) -> None:
            self._progress(
                f"comparing {state.current or keys} through {pod}",
                len(state.succeeded) / max(len(state.codes), 1),
                {"node": pod, "keyspace": state.current or ""},
            )

        state = await ended(task, jobs, self._clock, tell)
        logs = await task.logs(state.succeeded)
        await task.clear()
        return state, {job.key: logs[job.key] for job in jobs if job.key in logs}


def _no_end(key: str, where: str, why: str) -> TemporaryFailure:
    return TemporaryFailure(
        "HS-VERIFY-001",
        f"the comparison of {key} did not come to its end in {len(PAUSES) + 1} tries",
        where=where,
        why=why,
        hint="nodetool status must show every node UN; then verify again",
    )
