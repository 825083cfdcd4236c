"""How many bytes a rebuild is to bring, reckoned from what the source's nodes have on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from hybridspan.cassandra.region import CassandraRegion


async def expected_sizes(
    target: CassandraRegion,
    source: CassandraRegion,
    keyspaces: Sequence[str],
    *,
    once_replicated: bool = False,
) -> Mapping[str, int]:
    """Bytes that each node of the target should hold of each keyspace, by what the source's nodes hold on average.

    Left out is what the source does not hold: of that nothing can be expected. `once_replicated` counts a keyspace that does not
    name the target's data center yet as if it had as many replicas there as in the source's.
    """
    ring, pods = await asyncio.gather(source.members(), source.pods())
    sizes = await asyncio.gather(*(source.keyspace_sizes(pod.name, keyspaces) for pod in pods))
    here, there = target.region.datacenter, source.region.datacenter
    nodes_here, nodes_there = max(len(ring.of(here)), 1), max(len(ring.of(there)), 1)
    expected: dict[str, int] = {}
    for name in keyspaces:
        keyspace = ring.keyspace(name)
        if keyspace is None or not keyspace.replication.factor(there) or not sizes:
            continue
        average = sum(s.get(name, 0) for s in sizes) / len(sizes)
        factor = keyspace.replication.factor(here)
        if once_replicated and not factor:
            factor = keyspace.replication.factor(there)
        share_here = factor / nodes_here
        expected[name] = round(average * share_here * nodes_there / keyspace.replication.factor(there))
    return expected
