"""Looks that several steps share for a moment: 40 networks in 780 pairs are not looked at 1,560 times to decide nothing.

Only checks use them. What is about to write looks for itself, and each write of ours ends what was seen of the resource and of
everything that it lies in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from hybridspan.clock import Clock

FRESH_SECONDS: Final = 5.0


class Looks:
    """Answers by resource id, as long as they are fresh; those who ask at the same time wait for one request."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._written: list[str] = []
        self._seen: dict[str, tuple[float, asyncio.Future[Any]]] = {}

    async def shared(self, resource_id: str, look: Callable[[], Awaitable[Any]]) -> Any:
        """What that look gave a moment ago, or gives now."""
        key, now = resource_id.lower(), self._clock.monotonic()
        known = self._seen.get(key)
        if known is None or now - known[0] > FRESH_SECONDS or _has_failed(known[1]):
            known = (now, asyncio.ensure_future(look()))
            known[1].add_done_callback(_has_failed)  # nobody may be left to hear of it
            self._seen[key] = known
        return await asyncio.shield(known[1])

    def moment(self) -> int:
        """Where in the order of our writes we are; a look that is to be remembered begins with it."""
        return len(self._written)

    def remember(self, resource_id: str, document: Any, began: int) -> None:
        """Keep what somebody has just seen, unless one of our writes has overtaken the look."""
        within = resource_id.lower() + "/"
        if any(written.startswith(within) for written in self._written[began:]):
            return
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer.set_result(document)
        self._seen[resource_id.lower()] = (self._clock.monotonic(), answer)

    def forget(self, resource_id: str) -> None:
        """What is written to, and everything that it lies in, must be looked at again."""
        changed = resource_id.lower() + "/"
        self._written.append(changed)
        for key in [key for key in self._seen if changed.startswith(key + "/")]:
            del self._seen[key]


def _has_failed(task: asyncio.Future[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
