"""Repairs that are started detached in a pod and watched to their end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from hybridspan.cassandra.detached import DetachedTask, Job, TaskState
from hybridspan.cassandra.lost_notices import missed
from hybridspan.cassandra.patience import Trouble, persistently, told_by, untold
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.cassandra.texts import repair_succeeded
from hybridspan.clock import Clock
from hybridspan.errors import TemporaryFailure
from hybridspan.progress import Progress

_FIRST_PAUSE: Final = 0.4
_MOST_PAUSE: Final = 5.0


async def ended(
    task: DetachedTask,
    jobs: Sequence[Job],
    clock: Clock,
    on_look: Callable[[TaskState], None],
    put_away: Callable[[DetachedTask, TaskState], Awaitable[None]] | None = None,
    trouble: Trouble = untold,
) -> TaskState:
    """Start the jobs unless just these are under way, and watch until they have ended: the state is of just these jobs.

    What another run left behind under that name is waited for when it runs, and put away when it does not: with `put_away`,
    where more is to be done than to take its folder away. Another run may be quicker in starting its own then, so that this is
    done until the jobs were started here, or have ended well there. `absent` where they were started and the folder has gone.
    """
    while True:
        is_started = await task.start(jobs)
        state = await watched(task, clock, on_look, trouble)
        if state.phase == "absent" and is_started:
            return state
        if state.is_of(jobs) and (is_started or (state.phase == "ended" and state.failed is None)):
            return state
        if state.phase != "absent":
            await (put_away(task, state) if put_away else persistently(task.clear, clock, trouble))
        await clock.sleep(_FIRST_PAUSE)


async def watched(
    task: DetachedTask, clock: Clock, on_look: Callable[[TaskState], None], trouble: Trouble = untold
) -> TaskState:
    """The state in which it no longer runs; TemporaryFailure only where no look has been good for 150 s."""
    pause = _FIRST_PAUSE
    while True:
        state = await persistently(task.look, clock, trouble)
        on_look(state)
        if state.phase != "running":
            return state
        await clock.sleep(pause)
        pause = min(pause * 1.15, _MOST_PAUSE)


async def repaired(
    region: CassandraRegion,
    pod: str,
    name: str,
    jobs: Sequence[Job],
    clock: Clock,
    progress: Progress,
    history: CassandraRegion | None = None,
    *,
    since: float,
) -> float:
    """Carry the repairs through on that pod: the Unix time at which they began. TemporaryFailure where one did not complete.

    What an earlier run started is watched where it runs on; where it has ended it counts only if it began at `since`, a Unix time,
    or later: what it made equal may differ again. `history` is the region in which Cassandra's own record of repairs can be
    read, if it is not the pod's own.
    """
    task = await region.task(pod, name)
    keys = ", ".join(job.key for job in jobs)

    def tell(state: TaskState) -> None:
        fraction = len(state.succeeded) / len(jobs)
        progress(f"repairing {keys} on {pod}", fraction, {"node": pod, "keyspace": state.current or ""})

    trouble = told_by(progress, f"the repair of {keys} on {pod}", pod)
    await _put_away_older(task, since, clock, trouble)
    async with missed(history or region, task):
        state = await ended(task, jobs, clock, tell, trouble=trouble)
    began = clock.now() - state.age
    logs = await persistently(lambda: task.logs(state.succeeded, of=jobs), clock, trouble)
    if logs or not state.succeeded:  # else another run has put it away, and may have made its own
        await persistently(task.clear, clock, trouble)
    unfinished = [job.key for job in jobs if not repair_succeeded(logs.get(job.key, ""))]
    if unfinished:
        raise TemporaryFailure(
            "HS-CASS-019",
            f"the repair of {', '.join(unfinished)} did not complete",
            where=f"{region.region.name}, pod {pod}",
            why=state.log.strip()[-600:] or "the container restarted meanwhile",
            hint="nodetool status must show every node UN; then run apply again",
        )
    return began


async def _put_away_older(task: DetachedTask, since: float, clock: Clock, trouble: Trouble) -> None:
    """Put away what has ended and began before that Unix time; ages are the pod's own, so that its clock does not matter."""
    left = await persistently(task.look, clock, trouble)
    if left.phase == "ended" and clock.now() - left.age < since:
        await persistently(task.clear, clock, trouble)
