"""The way back for what touches other regions too: which statements take a data center out of every keyspace, and which regions
nobody may be told to leave.

It is worked out from the maps as they are, not from what is still to be altered: the page is wanted most where a run stopped
half-way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from hybridspan.facts.cassandra import Replication, RingFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Command, PlannedStep
from hybridspan.plan.phases.alterations import Alteration, projected, simple_alterations, spread
from hybridspan.plan.phases.in_service import is_in_service
from hybridspan.plan.phases.keyspace_names import (
    AUTH,
    names_of_ours,
    organization_names,
    replicated,
    system_names,
)
from hybridspan.plan.phases.ring_commands import cqlsh, pod_name
from hybridspan.topology.model import Region, Topology
from hybridspan.topology.releases import replication_of

_PHASES: Final = ("auth-keyspace", "system-keyspaces", "data-keyspaces", "replication")
"""Those that name a data center in keyspaces."""


def with_way_back(topology: Topology, facts: WorldFacts, steps: Sequence[PlannedStep]) -> list[PlannedStep]:
    """The steps, each with what takes its data center out of its keyspaces; a region that serves has no way back here."""
    kept = {str(r.name) for r in topology.new_regions if is_in_service(topology, r, facts)}
    leaving = [r for r in topology.new_regions if str(r.name) not in kept]
    undone = _undone(topology, leaving, facts.ring) if facts.ring else {}
    return [
        replace(step, undo=(), undo_note="")
        if step.region in kept
        else replace(step, undo=(*step.undo, *undone.get(step.id, ())))
        for step in steps
    ]


def _undone(
    topology: Topology, leaving: Sequence[Region], ring: RingFacts
) -> Mapping[str, tuple[Command, ...]]:
    """The statements by step, on the ring as each region's steps leave it behind."""
    ring = projected(ring, simple_alterations(ring))
    found: dict[str, tuple[Command, ...]] = {}
    for number, region in enumerate(leaving):
        ring = projected(ring, spread(ring, region, [k.name for k in replicated(ring)]))
        # The page begins with the last region: by the time it comes to this one, those behind it are out of the maps.
        gone = {str(r.datacenter) for r in leaving[number:]}
        for phase in _PHASES:
            back = _without(ring, _names(topology, ring, phase), region, gone)
            found[f"{phase}/{region.name}"] = tuple(_sent(topology, region, a) for a in back)
    return found


def _names(topology: Topology, ring: RingFacts, phase: str) -> tuple[str, ...]:
    if phase == "auth-keyspace":
        return (AUTH,)
    if phase == "system-keyspaces":
        return system_names(ring)
    if phase == "data-keyspaces":
        return names_of_ours(topology, ring)
    is_resource = replication_of(topology).is_resource
    return organization_names(ring, topology.organization) if is_resource else ()


def _without(ring: RingFacts, names: Sequence[str], region: Region, gone: set[str]) -> Sequence[Alteration]:
    """Those that name the region's data center, without it; not one that lives nowhere else."""
    found: list[Alteration] = []
    for keyspace in (k for k in replicated(ring) if k.name in names):
        before = keyspace.replication
        left = {dc: factor for dc, factor in before.factors.items() if dc not in gone}
        if before.factor(region.datacenter) and any(left.values()):
            found.append(Alteration(keyspace.name, before, Replication(before.strategy, left)))
    return found


def _sent(topology: Topology, region: Region, alteration: Alteration) -> Command:
    """Through a node of the data center that the region copied from: it stays a little longer."""
    source = topology.region_of(str(region.copy_from))
    return cqlsh(source, pod_name(topology, 0), alteration.user, alteration.statement)
