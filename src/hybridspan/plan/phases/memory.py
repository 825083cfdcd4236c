"""Which of the journal's values the planner reads: what earlier runs did and nobody can see."""

from __future__ import annotations

from hybridspan.plan.phases.keyspaces import SIMPLE_KEY, auth_key
from hybridspan.plan.phases.rebuild import rebuild_key
from hybridspan.plan.phases.ring_commands import pods_of
from hybridspan.plan.phases.source_repair import source_repair_key
from hybridspan.plan.phases.verification import verification_key
from hybridspan.topology.model import Topology


def remembered(topology: Topology) -> tuple[str, ...]:
    """The keys, for all regions of the topology."""
    keys = [SIMPLE_KEY]
    for region in topology.new_regions:
        keys += [auth_key(region), source_repair_key(region.name)]
        keys += [rebuild_key(region.name, pod) for pod in pods_of(topology, region)]
        keys += [verification_key(phase, region.name) for phase in ("verify", "verify-again")]
    return tuple(keys)
