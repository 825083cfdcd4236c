"""Gives up the snapshots that a failed comparison has left: they keep files on the disk that nothing else needs any more.

The node that compares clears its own when it gives up; its replicas clear theirs after a success only, and else when they start
(org.apache.cassandra.service.ActiveRepairService, 4.0). A snapshot has the name of its repair.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from hybridspan.cassandra.region import CassandraRegion
from hybridspan.cassandra.texts import sequential_repairs
from hybridspan.errors import HybridspanError
from hybridspan.progress import Progress

Everywhere = Callable[[], Awaitable[Sequence[CassandraRegion]]]
"""Finds the regions that have nodes in the ring."""


async def give_up(everywhere: Everywhere, log: str, progress: Progress) -> None:
    """Has every node clear the snapshots of the repairs in a failed job's log.

    A node that cannot be asked is told of and left alone.
    """
    names = sequential_repairs(log)
    if not names:
        return
    try:
        pods = [(region, pod.name) for region in await everywhere() for pod in await region.pods()]
        failures = await asyncio.gather(*(_clear(region, pod, names) for region, pod in pods))
    except HybridspanError as error:
        failures = [str(error)]
    for failure in filter(None, failures):
        words = f"the snapshot {', '.join(names)} may stay until the node restarts: {failure}"
        progress(words, None, {"keyspace": ""})


async def _clear(region: CassandraRegion, pod: str, names: Sequence[str]) -> str:
    """Why that could not be done; empty where it was."""
    try:
        for name in names:
            await region.nodetool(pod, "clearsnapshot", "-t", name)
    except HybridspanError as error:
        return f"{region.region.name}, {pod}: {error}"
    return ""
