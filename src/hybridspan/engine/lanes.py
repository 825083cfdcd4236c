"""Lanes take one step at a time; a step that needs several gets all of them at once or waits with none.

Holding one while waiting for the next would let a single busy lane stop those that do not even use it: with 780 pairs of
40 networks almost everything would stand in one queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager


class Lanes:
    """Who may go; earlier ones first wherever their lanes are free."""

    def __init__(self) -> None:
        self._busy: set[str] = set()
        self._waiting: dict[asyncio.Future[None], frozenset[str]] = {}

    @asynccontextmanager
    async def held(self, names: Sequence[str]) -> AsyncIterator[None]:
        """All of these lanes, for as long as the block takes."""
        wanted = frozenset(names)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[turn] = wanted
        self._let_go()
        try:
            await turn
        except asyncio.CancelledError:
            if self._waiting.pop(turn, None) is None:  # it had been given them meanwhile
                self._release(wanted)
            raise
        try:
            yield
        finally:
            self._release(wanted)

    def _release(self, lanes: frozenset[str]) -> None:
        self._busy -= lanes
        self._let_go()

    def _let_go(self) -> None:
        for turn, wanted in list(self._waiting.items()):
            if wanted & self._busy:
                continue
            del self._waiting[turn]
            self._busy |= wanted
            turn.set_result(None)
