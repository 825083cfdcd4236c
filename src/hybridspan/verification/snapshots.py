"""Gives up the snapshots that a failed comparison has left: they keep files on the disk that nothing else needs any more.

The node that compares clears its own when it gives up; its replicas clear theirs after a success only, and else when they start
(org.apache.cassandra.service.ActiveRepairService, 4.0). A snapshot has the name of its repair.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from hybridspan.cassandra.detached import TaskState
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.cassandra.texts import sequential_repairs
from hybridspan.errors import HybridspanError
from hybridspan.progress import Progress

Everywhere = Callable[[], Awaitable[Sequence[CassandraRegion]]]
"""Finds the regions that have nodes in the ring."""


class Snapshots:
    """Those of one verification's failed comparisons."""

    def __init__(self, everywhere: Everywhere, progress: Progress) -> None:
        self._everywhere = everywhere
        self._progress = progress
        self._kept: tuple[str, ...] = ()
        """Names that some node could not be told."""
        self._why: tuple[str, ...] = ()
        self._turn = asyncio.Lock()
        """Comparisons that run at the same time fail at the same time: none may overwrite what another could not clear."""

    async def give_up(self, names: Sequence[str]) -> None:
        """Has every node clear these snapshots, and those that were left before."""
        async with self._turn:
            await self._clear_also(names)

    async def _clear_also(self, more: Sequence[str]) -> None:
        names = tuple(dict.fromkeys((*self._kept, *more)))
        if not names:
            return
        try:
            pods = [(region, pod.name) for region in await self._everywhere() for pod in await region.pods()]
            failures = await asyncio.gather(*(_clear(region, pod, names) for region, pod in pods))
        except HybridspanError as error:
            failures = [str(error)]
        self._why = tuple(filter(None, failures))
        self._kept = names if self._why else ()

    async def finish(self) -> None:
        """Tries once more where a node could not be asked: it may have been what the comparison failed by. Tells what stays."""
        await self.give_up(())
        for why in self._why:
            self.tell(self._kept, why)

    def tell(self, names: Sequence[str], why: str) -> None:
        """Says that these may stay; where none is given, that there may be one, and how it is found and cleared by hand."""
        unknown = (
            "whose name is not known (nodetool listsnapshots shows it, nodetool clearsnapshot -t clears it)"
        )
        words = f"the snapshot {', '.join(names) or unknown} may stay until the node restarts: {why}"
        self._progress(words, None, {"keyspace": ""})


class SeenSnapshots:
    """Those of the comparison that runs in a task, by the looks at it: its log goes with the container that restarts."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self._job: str | None = None

    def look(self, state: TaskState) -> None:
        """Take in one look; the line with the name is soon not among the last any more."""
        if state.phase != "running":
            return
        found = sequential_repairs(state.log)
        if found or state.current != self._job:
            self.names, self._job = found, state.current


async def _clear(region: CassandraRegion, pod: str, names: Sequence[str]) -> str:
    """Why that could not be done; empty where it was."""
    try:
        for name in names:
            await region.nodetool(pod, "clearsnapshot", "-t", name)
    except HybridspanError as error:
        return f"{region.region.name}, {pod}: {error}"
    return ""
