"""Ends a nodetool that waits for a repair which has ended: by the nodes' own history of repairs.

nodetool learns that a repair is over by a notification of JMX, and under load notifications get lost. Since 4.0 it asks by itself
now and then; 3.11 waits for ever (org.apache.cassandra.tools.RepairRunner). Which repair it is stands in the first notification:
where that one is lost too, nothing is ended here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hybridspan.cassandra import repairs
from hybridspan.cassandra.detached import DetachedTask
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.cassandra.session import Row
from hybridspan.cassandra.texts import repair_of
from hybridspan.errors import HybridspanError

PAUSE: Final = 45.0
"""Seconds between two looks at the history. Only a repair that has ended in two of them, while nodetool runs on, is ended."""
_LAST_LOOK: Final = 3.0
"""Seconds that a look which is under way is given when the repair has ended."""

_MOST_WORDS: Final = 300
HISTORY: Final = f"{repairs.HISTORY} WHERE parent_id = %s"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a repair ended, by the history: `failure` is empty where all of it succeeded."""

    parent: str
    failure: str


@contextlib.asynccontextmanager
async def missed(region: CassandraRegion, task: DetachedTask) -> AsyncIterator[None]:
    """Inside it, a repair's end that nodetool was not told of is looked up in that region, and told."""
    over = asyncio.Event()
    listener = asyncio.create_task(_listen(region, task, over))
    try:
        yield
    finally:
        over.set()
        await asyncio.wait({listener}, timeout=_LAST_LOOK)
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


async def _listen(region: CassandraRegion, task: DetachedTask, over: asyncio.Event) -> None:
    before: Ending | None = None
    while not await _comes(over):
        # A node that cannot be asked now is asked again; what becomes of the repair is not decided here.
        with contextlib.suppress(HybridspanError):
            key = (await task.look()).current
            ending = await _ending(region, task, key) if key else None
            if key and ending is not None and ending == before:
                await task.tell(key, ending.parent, _words(ending.failure), is_good=not ending.failure)
            before = ending


async def _comes(over: asyncio.Event) -> bool:
    """Whether it comes before the next look."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), PAUSE)
    return over.is_set()


async def _ending(region: CassandraRegion, task: DetachedTask, key: str) -> Ending | None:
    """How the repair of the job that runs ended; None where it goes on, or is not known."""
    parent = repair_of((await task.logs((key,))).get(key, ""))
    if parent is None:
        return None

    async def ask(pod: str) -> list[Row]:
        async with region.session(pod) as cql:
            return await cql.query(HISTORY, (UUID(parent),))

    rows = await region.any_pod(ask)
    return ending_of(parent, rows[0]) if rows else None


def ending_of(parent: str, row: Mapping[str, Any]) -> Ending | None:
    """What a row of the history says of a repair's end; None where it goes on.

    A repair of which only some sessions failed has no exception there, but fewer ranges that succeeded than were requested.
    """
    if row["finished_at"] is None:
        return None
    if row["exception_message"] is not None:
        return Ending(parent, row["exception_message"] or "an exception without a message")
    requested, successful = (set(row[name] or ()) for name in ("requested_ranges", "successful_ranges"))
    if not requested or requested - successful:
        return Ending(parent, f"{len(requested - successful)} of {len(requested)} ranges did not succeed")
    return Ending(parent, "")


def _words(failure: str) -> str:
    if failure:
        said = f"the history of repairs says, nodetool was not told: {failure.splitlines()[0]}"
        return said[:_MOST_WORDS]
    return "Repair completed successfully: the history of repairs says so, nodetool was not told"
