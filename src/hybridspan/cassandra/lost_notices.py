"""Ends a nodetool that waits for a repair which has ended: by the nodes' own history of repairs.

nodetool learns that a repair is over by a notification of JMX, and under load notifications get lost. Since 4.0 it asks by itself
now and then; 3.11 waits for ever (org.apache.cassandra.tools.RepairRunner).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from hybridspan.cassandra.detached import DetachedTask
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.errors import TemporaryFailure

PAUSE: Final = 45.0
"""Seconds between two looks at the history. Only a repair that has ended in two of them, while nodetool runs on, is ended."""

_BEGINS: Final = re.compile(r"Starting repair command #\d+ \(([0-9a-f-]{36})\)")
HISTORY: Final = (
    "SELECT finished_at, exception_message FROM system_distributed.parent_repair_history WHERE parent_id = %s"
)


@contextlib.asynccontextmanager
async def missed(region: CassandraRegion, task: DetachedTask) -> AsyncIterator[None]:
    """Inside it, a repair's end that nodetool was not told of is looked up, and told."""
    over = asyncio.Event()
    listener = asyncio.create_task(_listen(region, task, over))
    try:
        yield
    except BaseException:
        listener.cancel()
        raise
    finally:
        over.set()
        await asyncio.gather(listener, return_exceptions=True)


async def _listen(region: CassandraRegion, task: DetachedTask, over: asyncio.Event) -> None:
    before: tuple[str, str] | None = None
    while not await _comes(over):
        # A node that cannot be asked now is asked again; what becomes of the repair is not decided here.
        with contextlib.suppress(TemporaryFailure):
            key, ended = await _ended(region, task)
            if ended is not None and (key, ended[0]) == before:
                await task.tell(key, _words(ended[1]), is_good=not ended[1])
            before = (key, ended[0]) if ended is not None else None


async def _comes(over: asyncio.Event) -> bool:
    """Whether it comes before the next look."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), PAUSE)
    return over.is_set()


async def _ended(region: CassandraRegion, task: DetachedTask) -> tuple[str, tuple[str, str] | None]:
    """The job that runs, and (its repair, what made it fail) where that repair has ended."""
    key = (await task.look()).current or ""
    parent = repair_of((await task.logs((key,))).get(key, "")) if key else None
    if parent is None:
        return key, None
    async with region.session(task.pod) as cql:
        rows = await cql.query(HISTORY, (UUID(parent),))
    if not rows or rows[0]["finished_at"] is None:
        return key, None
    return key, (parent, rows[0]["exception_message"] or "")


def repair_of(log: str) -> str | None:
    """The id under which the history keeps the repair that this output of nodetool began with."""
    found: list[str] = _BEGINS.findall(log)
    return found[-1] if found else None


def _words(exception: str) -> str:
    if exception:
        return f"the history of repairs says, nodetool was not told: {exception.splitlines()[0]}"
    return "Repair completed successfully: the history of repairs says so, nodetool was not told"
