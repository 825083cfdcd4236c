"""What all nodes of a region receive while somebody else rebuilds them: progress, the time left, and whether bytes move.

Apigee's operator says `running` for hours and nothing more; Cassandra itself knows what streams.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from hybridspan.cassandra.patience import Patience
from hybridspan.cassandra.rebuilding import QUIET_SECONDS, STALL_SECONDS, Rebuild
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.cassandra.streaming import Meter, Received, readable_bytes, readable_seconds
from hybridspan.clock import Clock
from hybridspan.errors import TemporaryFailure
from hybridspan.facts.cassandra import Hindrances, StreamProgress

STANDSTILL: Final = 3 * QUIET_SECONDS
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Glance:
    """One look at all nodes."""

    words: str
    fraction: float | None
    details: Mapping[str, Any]
    quiet: float
    """Seconds since anything moved on any node."""


class Receiving:
    """The nodes of one region that receive from another."""

    def __init__(self, rebuilds: Mapping[str, Rebuild], clock: Clock) -> None:
        self._rebuilds = rebuilds
        self._clock = clock
        self._meters: dict[str, Meter] = {}
        self._estimated: set[str] = set()
        self._closed_before = False
        self._patience = Patience(clock)

    async def look(self, keyspaces: Sequence[str], *marks: object, complete: Collection[str] = ()) -> Glance:
        """Take in one look; a change of `marks` counts as movement. A node that cannot be asked now counts as still.

        Pods that are `complete` wait for nothing more: what an earlier run copied there is in no stream of this one.
        """
        now = self._clock.monotonic()
        seen = await asyncio.gather(*(self._node(pod, keyspaces, marks) for pod in self._rebuilds))
        received = [
            replace(r, bytes_expected=r.bytes) if pod in complete else r
            for pod, (r, _) in zip(self._rebuilds, seen, strict=True)
        ]
        total, expected = sum(r.bytes for r in received), sum(r.bytes_expected for r in received)
        rate = sum(r.bytes_per_second or 0.0 for r in received)
        left = (expected - total) / rate if rate and expected > total else None
        words = f"{len(received)} nodes have received {readable_bytes(total)}"
        words += f" of about {readable_bytes(expected)}" if expected > total else ""
        words += f", {readable_seconds(left)} left" if left is not None else ""
        fraction = min(total / expected, 1.0) if expected else None
        peers = sorted({peer for _, found in seen for peer in found})
        details = {"bytes": total, "bytes_total": expected, "seconds_left": left, "peers": peers}
        return Glance(
            words,
            fraction,
            details,
            now - max(now if m.moved_at is None else m.moved_at for m in self._meters.values()),
        )

    async def _node(
        self, pod: str, keyspaces: Sequence[str], marks: tuple[object, ...]
    ) -> tuple[Received, tuple[str, ...]]:
        rebuild = self._rebuilds[pod]
        meter = self._meters.setdefault(pod, Meter(0))
        streams: tuple[StreamProgress, ...] = ()
        try:
            if pod not in self._estimated:
                await self._estimate(pod, keyspaces)
            streams = await rebuild.streams()
        except TemporaryFailure:
            pass  # a node that restarts: it counts as still
        received = meter.look(self._clock.monotonic(), streams, *marks)
        return received, tuple(s.peer for s in streams)

    async def _estimate(self, pod: str, keyspaces: Sequence[str]) -> None:
        """What the node is to receive; nothing is known before the keyspaces name its data center."""
        expected = sum((await self._rebuilds[pod].expected_sizes(keyspaces)).values())
        if expected:
            self._meters[pod].expect(expected)
            self._estimated.add(pod)

    async def room(self, keyspaces: Sequence[str]) -> None:
        """PermanentFailure where a node's disk is too small for what is to come."""
        await asyncio.gather(*(rebuild.room_beside(keyspaces) for rebuild in self._rebuilds.values()))

    async def plausible(self, keyspaces: Sequence[str]) -> None:
        """PermanentFailure where a node holds next to nothing of what it should, whoever says that all is copied."""
        await asyncio.gather(*(rebuild.plausible(keyspaces) for rebuild in self._rebuilds.values()))

    async def hindrances(self) -> Hindrances:
        """Full disks and closed ways, which nobody names whose stream has just failed; a node that is away shows none."""
        free = await asyncio.gather(*(_unless_away(r.full()) for r in self._rebuilds.values()))
        ways = await asyncio.gather(*(_unless_away(r.closed()) for r in self._rebuilds.values()))
        full = {pod: size for pod, size in zip(self._rebuilds, free, strict=True) if size is not None}
        closed = sorted({address for way in ways if way for address in way[0]})
        return Hindrances(full, tuple(closed))

    async def blocked(self, glance: Glance) -> str:
        """Why nothing moves, in words, once that is certain; empty while there is hope.

        A way to the source that is closed at two looks is certain soon; a standstill with all ways open takes a quarter of an hour.
        TemporaryFailure where nodes cannot be asked for their ways for 150 s; until then there is hope.
        """
        if glance.quiet < STANDSTILL:
            self._closed_before = False
            self._patience.answered()
            return ""
        ways = await asyncio.gather(*(_or_failure(r.closed()) for r in self._rebuilds.values()))
        away = [way for way in ways if isinstance(way, TemporaryFailure)]
        closed = sorted({a for way in ways if not isinstance(way, TemporaryFailure) for a in way[0]})
        if closed and self._closed_before:
            return f"no byte for {glance.quiet:.0f} s, and {', '.join(closed)} cannot be reached from the new nodes"
        self._closed_before = bool(closed)
        if away:
            self._patience.bear(away[0])
            return ""
        self._patience.answered()
        if glance.quiet > STALL_SECONDS:
            return f"no byte for {readable_seconds(glance.quiet)}, though every way is open"
        return ""


async def _or_failure(asked: Awaitable[_Answer]) -> _Answer | TemporaryFailure:
    try:
        return await asked
    except TemporaryFailure as failure:
        return failure


async def _unless_away(asked: Awaitable[_Answer]) -> _Answer | None:
    answer = await _or_failure(asked)
    return None if isinstance(answer, TemporaryFailure) else answer


async def receiving(target: CassandraRegion, source: CassandraRegion, port: int, clock: Clock) -> Receiving:
    """The way to look at every node of the target."""
    pods = [pod.name for pod in await target.pods()]
    return Receiving({pod: Rebuild(target, source, pod, port, clock) for pod in pods}, clock)
