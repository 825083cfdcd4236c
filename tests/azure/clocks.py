"""A clock for runs that would otherwise wait for minutes."""

from __future__ import annotations

import asyncio
import time

SPEED = 10


class Hurried:
    """A clock on which the run's own waiting passes so many times as fast."""

    def __init__(self, speed: float = SPEED) -> None:
        self.speed = speed

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic() * self.speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)
