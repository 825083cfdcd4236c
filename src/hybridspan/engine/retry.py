"""Temporary failures are tried again, with growing pauses, until patience is at its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from hybridspan.clock import Clock
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.patience import Patience

Result = TypeVar("Result")


def pauses(first: float = 0.5, factor: float = 2.0, most: float = 15.0) -> Iterator[float]:
    """Seconds to wait before each further try: 0.5, 1, 2, 4, … at most 15."""
    pause = first
    while True:
        yield pause
        pause = min(pause * factor, most)


async def persist(
    call: Callable[[], Awaitable[Result]],
    *,
    clock: Clock,
    patience: float,
    on_retry: Callable[[TemporaryFailure, float], None],
    reached: Callable[[], float] = lambda: 0.0,
) -> Result:
    """The call's result; a TemporaryFailure is retried for `patience` seconds from its coming, then becomes permanent.

    `reached` gives the part of the work, from 0 to 1, that the tries so far have brought about.
    """
    start, left, waits = clock.monotonic(), Patience(patience), pauses()
    while True:
        began = clock.monotonic()
        try:
            return await call()
        except TemporaryFailure as failure:
            now = clock.monotonic()
            left = left.after(failure, began=began, now=now, reached=reached())
            waits = pauses() if left.row == 1 else waits
            delay = max(next(waits), failure.retry_after or 0.0)
            if not left.allows(now + delay):
                raise _given_up(failure, left.tries, now - start) from failure
            on_retry(failure, delay)
        await clock.sleep(delay)


def _given_up(failure: TemporaryFailure, tries: int, seconds: float) -> PermanentFailure:
    why = f"{failure.why}; " if failure.why else ""
    times = f"tried {tries} times" if tries > 1 else "tried once"
    return PermanentFailure(
        failure.code,
        failure.message,
        where=failure.where,
        why=f"{why}{times} in {seconds:.0f} s without success",
        hint=failure.hint or "look at the cause, then run apply again: it goes on where the world is",
    )
