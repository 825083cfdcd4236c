"""As fast as Azure allows and not faster: a request that would be throttled is a request wasted, and others pay for it too.

Resource Manager gives each principal, in each subscription, buckets of requests that fill up again by the second, and says in
its answers how many are left. The documented sizes are the beginning, what it says counts more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Event, Lock
from typing import Final, Literal

Kind = Literal["reads", "writes", "deletes"]


GIVEN_UP: Final[ContextVar[Event | None]] = ContextVar("given_up", default=None)
"""In a request's thread: set once nobody wants its answer any more."""


@dataclass(slots=True)
class Bucket:
    """Requests left, as far as is known; below zero stand those that wait for their turn."""

    size: float
    refill: float
    left: float
    at: float


SIZES: Final[Mapping[Kind, tuple[float, float]]] = {
    "reads": (250.0, 25.0),
    "writes": (200.0, 10.0),
    "deletes": (200.0, 10.0),
}
"""Size and refill per second, as documented since 2024."""


class Pace:
    """The buckets of one subscription; safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._ended = Event()
        now = clock()
        self._buckets = {kind: Bucket(size, refill, size, now) for kind, (size, refill) in SIZES.items()}

    def turn(self, kind: Kind) -> float:
        """Takes a request out of its bucket; the seconds to wait before it may be sent."""
        with self._lock:
            bucket = self._filled(kind)
            bucket.left -= 1
            return max(0.0, -bucket.left / bucket.refill)

    def wait(self, seconds: float) -> bool:
        """Whether the request is still wanted after that time; known at once when it is not."""
        return not (GIVEN_UP.get() or self._ended).wait(seconds)

    def end(self) -> None:
        """Nobody is to wait here any longer."""
        self._ended.set()

    def learn(self, kind: Kind, headers: Mapping[str, str]) -> None:
        """What an answer says of what is left: less than we thought where somebody else asks too."""
        said = headers.get(f"x-ms-ratelimit-remaining-subscription-{kind}")
        if said is None or not said.isdigit():
            return
        with self._lock:
            bucket = self._filled(kind)
            bucket.left = min(bucket.left, float(said))

    def _filled(self, kind: Kind) -> Bucket:
        bucket, now = self._buckets[kind], self._clock()
        bucket.left = min(bucket.size, bucket.left + (now - bucket.at) * bucket.refill)
        bucket.at = now
        return bucket


def kind_of(method: str) -> Kind:
    """The bucket that a method counts in."""
    if method in ("GET", "HEAD"):
        return "reads"
    return "deletes" if method == "DELETE" else "writes"
