"""What a new node has already, by its own record of received ranges: what decides which keyspaces it must still rebuild."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from hybridspan.cassandra import ring as tables
from hybridspan.cassandra.ranges import owned, replicas, uncovered
from hybridspan.cassandra.rebuilding import TASK
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.facts.cassandra import RingFacts


@dataclass(frozen=True, slots=True)
class NodeState:
    """A new node as the rebuild step judges it."""

    ring: RingFacts
    host_id: str
    recorded: frozenset[str]
    """Keyspaces of which it has a record of received ranges."""
    complete: frozenset[str]
    """Keyspaces whose record covers all ranges that it must hold."""
    is_streaming: bool


async def node_state(target: CassandraRegion, source: CassandraRegion, pod: str) -> NodeState:
    """Read it from the node itself; the ring and the keyspaces from the source."""
    ring, phase, (host_id, available, owners) = await asyncio.gather(
        source.members(), _task_phase(target, pod), _own_tables(target, pod)
    )
    address = next((n.address for n in ring.nodes if n.host_id == host_id), "")
    complete: set[str] = set()
    for keyspace in ring.keyspaces:
        factor = keyspace.replication.factor(target.region.datacenter)
        if keyspace.name in available and factor:
            wanted = owned(replicas(owners, target.region.datacenter, factor), address)
            if wanted and not uncovered(wanted, available[keyspace.name]):
                complete.add(keyspace.name)
    recorded = frozenset(name for name, ranges in available.items() if ranges)
    return NodeState(ring, host_id, recorded, frozenset(complete), phase == "running")


async def _task_phase(target: CassandraRegion, pod: str) -> str:
    return (await (await target.task(pod, TASK)).look()).phase


async def _own_tables(target: CassandraRegion, pod: str) -> tuple[str, Any, Any]:
    async with target.session(pod) as cql:
        local, peers, available = await asyncio.gather(
            cql.query(tables.LOCAL), cql.query(tables.PEERS), target.available(cql)
        )
    return str(local[0]["host_id"]), available, tables.read_owners(local[0], peers)
