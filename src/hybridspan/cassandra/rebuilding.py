"""One node's rebuild: whether there is room for it, whether it receives now, starting it, and watching it.

Only one rebuild may run on a node. Before one is started the task folder and `nodetool netstats` are looked at; whatever
runs is attached to, whoever started it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hybridspan.cassandra import probing
from hybridspan.cassandra.detached import Job, TaskState
from hybridspan.cassandra.patience import Trouble, persistently, told_by
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.cassandra.sizes import expected_sizes
from hybridspan.cassandra.streaming import Meter, Received, readable_bytes, readable_seconds
from hybridspan.cassandra.texts import parse_netstats, running_operations
from hybridspan.clock import Clock
from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure
from hybridspan.facts.cassandra import StreamProgress
from hybridspan.progress import Progress

TASK: Final = "rebuild"
QUIET_SECONDS: Final = 10.0
"""How long bytes may stand still before the way to the source is tried."""
STALL_SECONDS: Final = 900.0
"""How long bytes may stand still though the way is open: Cassandra itself gives a dead stream up after ten minutes."""
SMALL_BYTES: Final = 64 * 1024**2
"""Below this all keyspaces are rebuilt by one command; above it each by its own, so that none is begun anew for another."""
LEAST_BYTES: Final = 8 * 1024**2
"""Below this a keyspace's size on disk says nothing."""


class Rebuild:
    """The rebuild of one pod from one source region."""

    def __init__(
        self, target: CassandraRegion, source: CassandraRegion, pod: str, port: int, clock: Clock
    ) -> None:
        self._target = target
        self._source = source
        self._pod = pod
        self._port = port
        self._clock = clock
        self._where = f"{target.region.name}, pod {target.region.namespace}/{pod}"
        self._expected = 0

    async def room_for(self, keyspaces: Sequence[str]) -> None:
        """PermanentFailure where the pod's disk is too small for what is to come, by the source's size."""
        self._expected = sum((await self.expected_sizes(keyspaces)).values())
        await self._has_room(self._expected)

    async def room_beside(self, keyspaces: Sequence[str]) -> None:
        """The same before the operator copies: it alters the keyspaces itself, and what the node holds does not come twice."""
        expected, held = await asyncio.gather(
            self.expected_sizes(keyspaces, once_replicated=True),
            self._target.keyspace_sizes(self._pod, keyspaces),
        )
        await self._has_room(sum(max(size - held.get(name, 0), 0) for name, size in expected.items()))

    async def _has_room(self, size: int) -> None:
        host = await self._target.host(self._pod)
        if host.free_bytes is not None and host.free_bytes < size * 1.1:
            raise PermanentFailure(
                "HS-CASS-021",
                f"the disk of {self._pod} has no room for the data that it would receive",
                where=self._where,
                why=f"{readable_bytes(host.free_bytes)} are free, about {readable_bytes(size)} would come",
                hint="enlarge the volume of its claim, then run apply again; nothing was started",
            )

    async def full(self) -> int | None:
        """Bytes that are free on the pod's disk where that is next to nothing."""
        free = (await self._target.host(self._pod)).free_bytes
        return free if free is not None and free < probing.FULL_BYTES else None

    async def forget(self, statements: Sequence[str]) -> None:
        """Remove progress records of the pod that are not ours."""
        async with self._target.session(self._pod) as cql:
            for statement in statements:
                await cql.query(statement)

    async def start(self, keyspaces: Sequence[str], *, at_once: bool) -> None:
        """Start the rebuilds in the pod unless ours run there already; the folder of an ended task is put away first.

        `at_once` says that all keyspaces may be rebuilt by one command: done where there is little data, because each
        command costs seconds. Whether somebody else's rebuild runs is asked before, with `receives`.
        """
        task = await self._target.task(self._pod, TASK)
        jobs = rebuild_jobs(
            keyspaces, self._source.region.datacenter, at_once=at_once and self._expected < SMALL_BYTES
        )
        if not await task.start(jobs):
            if (await task.look()).phase == "running":
                return
            await task.clear()
            await task.start(jobs)

    async def receives(self) -> bool:
        """Whether Cassandra itself says that a rebuild streams to this node."""
        return "Rebuild" in running_operations(await self._target.nodetool(self._pod, "netstats"))

    async def observe(self, progress: Progress) -> None:
        """Watch until nothing runs any more.

        PermanentFailure where the way to the source is closed (it names the peering's regions) or bytes stand still; TemporaryFailure
        where a rebuild failed or the node restarted, or where no look has been good for 150 s.
        """
        trouble = told_by(progress, f"what {self._pod} receives", self._pod)
        task = await self._target.task(self._pod, TASK)
        meter, closed_before, looks = Meter(self._expected), False, 0
        while True:
            state = await persistently(task.look, self._clock, trouble)
            streams: tuple[StreamProgress, ...] = ()
            if state.phase == "ended":
                break
            if state.phase != "running" and not await persistently(self.receives, self._clock, trouble):
                break
            if looks >= 2 or state.phase != "running":
                streams = await persistently(self.streams, self._clock, trouble)
            received = meter.look(self._clock.monotonic(), streams, state.succeeded, state.phase)
            progress(*self._told(state, received, streams))
            quiet = self._clock.monotonic() - (meter.moved_at or 0.0)
            if quiet > QUIET_SECONDS:
                closed_before = await self._judge(quiet, closed_before, trouble)
            looks += 1
            await self._clock.sleep(min(0.5 + looks * 0.5, 5.0))
        await self._concluded(state, trouble)

    async def streams(self) -> tuple[StreamProgress, ...]:
        """What streams to the node now, whoever started it."""
        return parse_netstats(await self._target.nodetool(self._pod, "netstats"))

    def _told(
        self, state: TaskState, received: Received, streams: Sequence[StreamProgress]
    ) -> tuple[str, float | None, Mapping[str, Any]]:
        left = received.seconds_left
        words = f"{self._pod} has received {readable_bytes(received.bytes)}"
        if received.bytes_expected > received.bytes:
            words += f" of about {readable_bytes(received.bytes_expected)}"
        words += f" in {received.files} files"
        words += f", {state.current} now" if state.current else ""
        words += f", {readable_seconds(left)} left" if left is not None else ""
        details: dict[str, Any] = {
            "node": self._pod,
            "keyspace": state.current or "",
            "bytes": received.bytes,
            "bytes_total": received.bytes_expected,
            "files": received.files,
            "seconds_left": left,
            "peers": [stream.peer for stream in streams],
        }
        done, count = len(state.succeeded), max(len(state.codes), 1)
        fraction = received.fraction if received.bytes else done / count
        return words, fraction, details

    async def _judge(self, quiet: float, closed_before: bool, trouble: Trouble) -> bool:
        """Whether the way to the source is closed now; raises when it was closed at the last look too."""
        closed, whole = await persistently(self.closed, self._clock, trouble)
        if closed and closed_before:
            raise self._cut(f"no byte for {quiet:.0f} s", closed, whole=whole)
        if quiet > STALL_SECONDS:
            raise PermanentFailure(
                "HS-CASS-024",
                f"the data that {self._pod} receives stands still, though its sources answer on port {self._port}",
                where=self._where,
                why=f"no byte for {readable_seconds(quiet)}",
                hint=f"look at the logs of {self._pod}; restarting the pod ends the stream, then run apply again",
            )
        return bool(closed)

    async def closed(self) -> tuple[tuple[str, ...], bool]:
        """The source's addresses that the pod does not reach, and whether these are all of them."""
        addresses = [pod.address for pod in await self._source.pods()]
        closed = await self._target.unreachable_from(self._pod, addresses, self._port)
        return closed, len(closed) == len(addresses)

    def _cut(self, seen: str, closed: Sequence[str], *, whole: bool) -> PermanentFailure:
        here, there = self._target.region.name, self._source.region.name
        cause = (
            f"the peering between {here} and {there} carries nothing" if whole else f"{there} answers in part"
        )
        return PermanentFailure(
            "HS-CASS-020",
            f"the data that {self._pod} receives stands still: {cause}",
            where=self._where,
            why=f"{seen}, and {self._pod} does not reach {', '.join(closed)} of "
            f"{self._source.region.datacenter} on port {self._port}",
            hint="run apply again: it looks at the peering, mends it, and goes on with this node",
        )

    async def _concluded(self, state: TaskState, trouble: Trouble) -> None:
        """Put the ended task away; a failure of it becomes ours."""
        if state.phase == "absent":
            return  # it was someone else's, or the container restarted: the record of ranges tells
        task = await self._target.task(self._pod, TASK)
        failed = state.failed or (state.current if state.phase == "dead" else None)
        keys = [failed] if failed else []
        logs = await persistently(lambda: task.logs(keys), self._clock, trouble)
        await persistently(task.clear, self._clock, trouble)
        if failed:
            raise await self._failure(failed, logs.get(failed, "").strip(), trouble)

    async def _failure(self, keyspace: str, log: str, trouble: Trouble) -> HybridspanError:
        last = "; ".join(line.strip() for line in log.splitlines()[:6] if line.strip())
        free = await persistently(self.full, self._clock, trouble)
        if free is not None:
            return PermanentFailure(
                "HS-CASS-021",
                f"the disk of {self._pod} is full",
                where=self._where,
                why=f"{readable_bytes(free)} are free; {last}",
                hint="enlarge the volume of its claim, then run apply again: what has arrived is not streamed twice",
            )
        closed, whole = await persistently(self.closed, self._clock, trouble)
        if closed:
            return self._cut(f"Cassandra gave up: {last}", closed, whole=whole)
        kind = PermanentFailure if _is_permanent(log) else TemporaryFailure
        return kind(
            "HS-CASS-025",
            f"the rebuild of {keyspace} on {self._pod} failed",
            where=self._where,
            why=last,
            hint="the logs of the pod and of its sources say more; run apply again: it goes on with what is missing",
        )

    async def plausible(self, keyspaces: Sequence[str]) -> None:
        """PermanentFailure where Cassandra reports success over next to nothing though the source holds much."""
        expected = await persistently(lambda: self.expected_sizes(keyspaces), self._clock)
        sizes = await persistently(lambda: self._target.keyspace_sizes(self._pod, keyspaces), self._clock)
        for name, size in expected.items():
            if size > LEAST_BYTES and sizes.get(name, 0) < size * 0.2:
                raise PermanentFailure(
                    "HS-CASS-026",
                    f"the rebuild of {name} reported success, but {self._pod} holds next to nothing of it",
                    where=self._where,
                    why=f"{readable_bytes(sizes.get(name, 0))} on disk, about {readable_bytes(size)} expected",
                    hint=f"compare {self._source.region.datacenter}'s own data: nodetool tablestats {name}",
                )

    async def expected_sizes(
        self, keyspaces: Sequence[str], *, once_replicated: bool = False
    ) -> Mapping[str, int]:
        """Bytes that this node should hold of each keyspace, by what the source's nodes hold on average."""
        return await expected_sizes(self._target, self._source, keyspaces, once_replicated=once_replicated)


def rebuild_jobs(keyspaces: Sequence[str], source: str, *, at_once: bool) -> tuple[Job, ...]:
    """One command a keyspace, or one for all of them."""
    if at_once:
        return (Job("all", ("rebuild", "--", source)),)
    return tuple(Job(name, ("rebuild", "-ks", name, "--", source)) for name in keyspaces)


def _is_permanent(log: str) -> bool:
    """Failures that no second try cures, by Cassandra's words."""
    words = ("is not a valid data center", "is not a valid datacenter", "Unable to find sufficient sources")
    return any(word in log for word in words)
