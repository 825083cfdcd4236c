"""Looks that fail now and then while something runs for hours: one of them says nothing of what is looked at.

What is started goes on in the pod. An API server that restarts, or a token that ends, is waited for; only when no look has been
good for a while is its failure the watcher's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from hybridspan.clock import Clock
from hybridspan.errors import TemporaryFailure
from hybridspan.progress import Progress

PATIENT_SECONDS: Final = 150.0
_FIRST_PAUSE: Final = 1.0
_MOST_PAUSE: Final = 15.0

Answer = TypeVar("Answer")
Trouble = Callable[[TemporaryFailure, float], None]
"""Told of a look that failed, and of the seconds until the next."""


class Patience:
    """Counts how long looks have failed without a good one in between."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: float | None = None

    def answered(self) -> None:
        """A look was good."""
        self._since = None

    def bear(self, failure: TemporaryFailure) -> None:
        """A look failed: raises its failure where none has been good for too long."""
        now = self._clock.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since >= PATIENT_SECONDS:
            raise failure


def untold(_failure: TemporaryFailure, _seconds: float) -> None:
    """A failed look that nobody is told of."""


def told_by(progress: Progress, what: str, pod: str) -> Trouble:
    """Failed looks told as progress: what cannot be asked, and why."""

    def tell(failure: TemporaryFailure, seconds: float) -> None:
        words = f"{what} cannot be looked at now, again in {seconds:.0f} s: {failure}"
        progress(words, None, {"node": pod, "code": failure.code})

    return tell


async def persistently(
    ask: Callable[[], Awaitable[Answer]], clock: Clock, trouble: Trouble = untold
) -> Answer:
    """The answer; a temporary failure is asked again until 150 s have passed since the first one, then raised."""
    patience, pause = Patience(clock), _FIRST_PAUSE
    while True:
        try:
            return await ask()
        except TemporaryFailure as failure:
            patience.bear(failure)
            delay = max(pause, failure.retry_after or 0.0)
            trouble(failure, delay)
        await clock.sleep(delay)
        pause = min(pause * 2, _MOST_PAUSE)
