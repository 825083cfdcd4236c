"""What each of a region's nodes tells of itself: its disk and clock, its record of received ranges, its last repairs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from hybridspan.cassandra import probing, ring
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.errors import TemporaryFailure
from hybridspan.facts.cassandra import AvailableRanges, NodeFacts
from hybridspan.facts.kubernetes import PodFacts


async def node_facts(region: CassandraRegion, *, without_users: bool = False) -> tuple[NodeFacts, ...]:
    """Every pod of the region that runs, in order; `without_users` asks nothing for which one must log in.

    Raises PermanentFailure HS-CASS-003 where a password is refused.
    """
    pods = await region.pods()
    history = {} if without_users else await region.last_repairs()
    return tuple(await asyncio.gather(*(_node(region, pod, history, without_users) for pod in pods)))


async def _node(
    region: CassandraRegion, pod: PodFacts, history: Mapping[str, float], without_users: bool
) -> NodeFacts:
    before = time.time()
    try:
        host = await region.host(pod.name)
        after = time.time()
        available = await _available_counts(region, pod.name) if pod.ready and not without_users else ()
    except TemporaryFailure:  # it is restarting: of one node nothing is known, of the others all
        host, after, available = probing.UNKNOWN, before, ()
    return NodeFacts(
        pod=pod.name,
        address=pod.address,
        datacenter=region.region.datacenter,
        data_bytes=host.data_bytes,
        disk_free_bytes=host.free_bytes,
        clock_offset_seconds=host.offset(before, after),
        own_name_resolves=host.own_name_resolves,
        available_ranges=available,
        clock_doubt_seconds=host.doubt(before, after),
        last_repair=history,
    )


async def _available_counts(region: CassandraRegion, pod: str) -> tuple[AvailableRanges, ...]:
    try:
        async with region.session(pod) as cql:
            rows = await cql.query(ring.AVAILABLE)
    except TemporaryFailure as failure:
        # Nobody can log in before system_auth is there: nothing was streamed.
        if failure.code == "HS-CASS-004":
            return ()
        raise
    return tuple(
        AvailableRanges(r["keyspace_name"], len(r["full_ranges"] or ()), len(r.get("transient_ranges") or ()))
        for r in rows
    )
