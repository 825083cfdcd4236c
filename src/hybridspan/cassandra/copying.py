"""What a copy is to be judged by beforehand: its source's last repair, how much there is to copy, and room for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hybridspan.cassandra.streaming import readable_bytes, readable_seconds
from hybridspan.facts.cassandra import REPAIR_AGE_SECONDS, NodeFacts, RingFacts
from hybridspan.facts.world import Finding, RegionFacts, Severity
from hybridspan.topology.model import Region, Topology

STREAM_MEGABITS: Final = 200
"""Cassandra's own cap of what one node sends, in Mbit/s; where `nodetool getstreamthroughput` does not say otherwise."""


def repair_findings(
    topology: Topology, facts: Mapping[str, RegionFacts], ring: RingFacts, now: float
) -> list[Finding]:
    """When each data center that is copied from was last repaired; of one that has not joined yet nothing is known.

    What follows from it for a copy is the decision of a step.
    """
    sources = dict.fromkeys(topology.region_of(str(r.copy_from)) for r in topology.new_regions)
    return [
        _repair_finding(topology, source, facts[source.name].nodes, ring, now)
        for source in sources or {topology.first: None}
        if facts[source.name].nodes
    ]


def _repair_finding(
    topology: Topology, source: Region, nodes: Sequence[NodeFacts], ring: RingFacts, now: float
) -> Finding:
    name, last = source.datacenter, nodes[0].last_repair
    old = [
        f"{k.name} ({_age(last.get(k.name), now)})"
        for k in ring.data_keyspaces
        if k.replication.factor(name) > 1 and now - last.get(k.name, 0.0) > REPAIR_AGE_SECONDS
    ]
    if not old:
        return Finding("last-repair", "pass", source.name, f"{name} was repaired within the last ten days")
    words = f"{name} had no full repair within the last ten days: {', '.join(old)}"
    hint = (
        f"a copy from it is then as cassandra.sourceRepair says, which is {topology.source_repair}: see the step"
        " source-repair of the plan"
    )
    return Finding("last-repair", "warn", source.name, words, hint)


def _age(last: float | None, now: float) -> str:
    return f"{(now - last) / 86400:.0f} days ago" if last else "none within thirty days"


@dataclass(frozen=True, slots=True)
class Copy:
    """What a region is to receive, judged by what its source's nodes hold now."""

    region: Region
    source: Region
    total_bytes: float
    senders: int

    @property
    def node_bytes(self) -> float:
        """What each of its nodes will hold."""
        return self.total_bytes / max(self.region.cassandra_nodes, 1)


def copying_findings(topology: Topology, facts: Mapping[str, RegionFacts], ring: RingFacts) -> list[Finding]:
    """How much crosses to each region that has not joined yet, and whether each new node has room for its share."""
    copies = [c for r in topology.new_regions if (c := _copy(topology, r, facts))]
    found = [_estimate(copy) for copy in copies if not ring.of(copy.region.datacenter)]
    for copy in copies:
        found += _room(copy, facts[copy.region.name])
    return found


def _copy(topology: Topology, region: Region, facts: Mapping[str, RegionFacts]) -> Copy | None:
    """None where no node of the source, or else of the first region, tells its size."""
    named = topology.region_of(str(region.copy_from))
    source = named if facts[named.name].nodes else topology.first
    sizes = [n.data_bytes for n in facts[source.name].nodes if n.data_bytes is not None]
    if not sizes:
        return None
    factor = topology.cassandra.replication_factor
    here, there = min(region.cassandra_nodes, factor), min(len(sizes), factor)
    return Copy(region, named, sum(sizes) * here / there, len(sizes))


def _estimate(copy: Copy) -> Finding:
    """Bytes, hours at Cassandra's own cap and gigabytes between regions."""
    alone = copy.total_bytes * 8 / (STREAM_MEGABITS * 1e6)
    name, source = copy.region.name, copy.source.datacenter
    words = (
        f"{name}: about {readable_bytes(copy.total_bytes)} cross from {source} ({copy.total_bytes / 1e9:.1f} GB between regions),"
        f" one node after the other: {readable_seconds(alone / copy.senders)} where all {copy.senders} nodes of {source} send at their"
        f" cap of {STREAM_MEGABITS} Mbit/s, {readable_seconds(alone)} where one does"
    )
    return Finding("estimate", "pass", name, words)


def _room(copy: Copy, facts: RegionFacts) -> list[Finding]:
    """Room on the disks that are there and still empty; before that, on the volumes that the overrides ask for."""
    need = copy.node_bytes
    hint = "enlarge it before data is copied: the copy would end half-way, and compaction needs room beside the data"
    found: list[Finding] = []
    for place, size in _rooms(facts, need):
        severity: Severity = "refuse" if size < need else "warn"
        words = f"room for {readable_bytes(size)}, and each node will hold about {readable_bytes(need)}"
        if size < need or (not facts.nodes and size < 2 * need):
            found.append(Finding("disk", severity, f"{copy.region.name}, {place}", words, hint))
    return found


def _rooms(facts: RegionFacts, need: float) -> list[tuple[str, int]]:
    """What there is, by place; a node that holds its share already has shown that it has room."""
    if not facts.nodes:
        told = facts.overrides
        return (
            [] if told is None or told.storage_bytes is None else [(told.storage_place, told.storage_bytes)]
        )
    return [
        (f"pod {n.pod}", n.disk_free_bytes + n.data_bytes)
        for n in facts.nodes
        if n.disk_free_bytes is not None and n.data_bytes is not None and n.data_bytes < need / 2
    ]
