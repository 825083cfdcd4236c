"""What a node has received so far, from looks that each show only what is under way. Pure.

Cassandra forgets a stream when it has ended; what was received by then is kept here. A stream that was cut looks, in
Cassandra's own eyes, alive for ten minutes: that bytes no longer move is ours to see.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hybridspan.facts.cassandra import StreamProgress

WINDOW_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Received:
    """Totals of one node."""

    bytes: int
    files: int
    bytes_expected: int
    bytes_per_second: float | None

    @property
    def fraction(self) -> float | None:
        if not self.bytes_expected:
            return None
        return min(self.bytes / self.bytes_expected, 1.0)

    @property
    def seconds_left(self) -> float | None:
        """At the present rate; None where there is none, or too little has come for it to mean anything."""
        if not self.bytes_per_second or self.bytes < self.bytes_expected / 50:
            return None
        return max(self.bytes_expected - self.bytes, 0) / self.bytes_per_second


class Meter:
    """Adds up looks; `expected` is the estimate before anything has been announced, in bytes."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._streams: dict[tuple[str, str], StreamProgress] = {}
        self._sizes: tuple[object, ...] = ()
        self._looks: deque[tuple[float, int]] = deque()
        self.moved_at: float | None = None
        """Monotonic time of the last look that saw a change; None before the first look."""

    def expect(self, count: int) -> None:
        """Set the estimate, where it could not be made before."""
        self._expected = count

    def look(self, now: float, streams: Iterable[StreamProgress], *marks: object) -> Received:
        """Take in one look; a change of any of `marks` counts as movement, as bytes do."""
        before = self._bytes()
        for stream in streams:
            key = (stream.plan, stream.peer)
            seen = self._streams.get(key)
            if seen is None or stream.bytes >= seen.bytes:
                self._streams[key] = stream
        if self.moved_at is None or self._bytes() != before or marks != self._sizes:
            self.moved_at = now
        self._sizes = marks
        self._looks.append((now, self._bytes()))
        while now - self._looks[0][0] > WINDOW_SECONDS:
            self._looks.popleft()
        return self.received()

    def received(self) -> Received:
        announced = sum(s.bytes_total for s in self._streams.values())
        files = sum(s.files for s in self._streams.values())
        return Received(self._bytes(), files, max(announced, self._expected), self._rate())

    def _bytes(self) -> int:
        return sum(s.bytes for s in self._streams.values())

    def _rate(self) -> float | None:
        if len(self._looks) < 2:
            return None
        (began, first), (ended, last) = self._looks[0], self._looks[-1]
        return (last - first) / (ended - began) if ended > began and last > first else None


def readable_bytes(count: float) -> str:
    """`1.5 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def readable_seconds(seconds: float) -> str:
    """`2 h 05 min`, `3 min 20 s` or `12 s`."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"
