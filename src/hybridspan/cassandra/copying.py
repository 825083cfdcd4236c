"""What a copy from the first data center is to be judged by beforehand: its last repair, and how much there is to copy. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hybridspan.cassandra.streaming import readable_bytes, readable_seconds
from hybridspan.facts.cassandra import REPAIR_AGE_SECONDS, NodeFacts, RingFacts
from hybridspan.facts.world import Finding
from hybridspan.topology.model import Topology

STREAM_MEGABITS: Final = 200
"""Cassandra's own cap of what one node sends, in Mbit/s; where `nodetool getstreamthroughput` does not say otherwise."""


def repair_finding(topology: Topology, nodes: Sequence[NodeFacts], ring: RingFacts, now: float) -> Finding:
    """When the first data center was last repaired. What follows from that for a copy is the decision of a step."""
    name, last = topology.first.datacenter, nodes[0].last_repair
    old = [
        f"{k.name} ({_age(last.get(k.name), now)})"
        for k in ring.data_keyspaces
        if k.replication.factor(name) > 1 and now - last.get(k.name, 0.0) > REPAIR_AGE_SECONDS
    ]
    if not old:
        return Finding(
            "last-repair", "pass", topology.first.name, f"{name} was repaired within the last ten days"
        )
    words = f"{name} had no full repair within the last ten days: {', '.join(old)}"
    hint = (
        f"a copy from it is then as cassandra.sourceRepair says, which is {topology.source_repair}: see the step"
        " source-repair of the plan"
    )
    return Finding("last-repair", "warn", topology.first.name, words, hint)


def _age(last: float | None, now: float) -> str:
    return f"{(now - last) / 86400:.0f} days ago" if last else "none within thirty days"


def estimate(topology: Topology, ring: RingFacts, source: Sequence[NodeFacts]) -> list[Finding]:
    """Bytes, hours at Cassandra's own cap and gigabytes between regions, for the regions that have not joined yet."""
    sizes = [node.data_bytes for node in source if node.data_bytes is not None]
    waiting = [r for r in topology.new_regions if not ring.of(r.datacenter)]
    if not sizes or not waiting:
        return []
    found: list[Finding] = []
    for region in waiting:
        factor = topology.cassandra.replication_factor
        whole = sum(sizes) * min(region.cassandra_nodes, factor) / factor
        seconds = whole * 8 / (STREAM_MEGABITS * 1e6)
        words = (
            f"{region.name}: about {readable_bytes(whole)} cross from {region.copy_from} ({whole / 1e9:.1f} GB between regions), at "
            f"least {readable_seconds(seconds)} at {STREAM_MEGABITS} Mbit/s, one node after the other"
        )
        found.append(Finding("estimate", "pass", region.name, words))
    return found
