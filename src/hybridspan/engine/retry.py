"""Temporary failures are tried again, with growing pauses, until a deadline."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from hybridspan.clock import Clock
from hybridspan.errors import PermanentFailure, TemporaryFailure

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
) -> Result:
    """The call's result; a TemporaryFailure is retried for `patience` seconds, then becomes permanent."""
    began = clock.monotonic()
    deadline = began + patience
    for tries, pause in enumerate(pauses(), 1):
        try:
            return await call()
        except TemporaryFailure as failure:
            delay = max(pause, failure.retry_after or 0.0)
            if clock.monotonic() + delay > deadline:
                raise _given_up(failure, tries, clock.monotonic() - began) from failure
            on_retry(failure, delay)
        await clock.sleep(delay)
    raise AssertionError("unreachable: the pauses never end")


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
