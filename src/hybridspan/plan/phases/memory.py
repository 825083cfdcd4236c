"""Which of the journal's values the planner reads: what earlier runs did and nobody can see."""

from __future__ import annotations

from itertools import permutations

from hybridspan.plan.phases.keyspaces import auth_key
from hybridspan.plan.phases.rebuild import rebuild_key
from hybridspan.plan.phases.ring_commands import pods_of
from hybridspan.plan.phases.simple_repairs import SIMPLE_KEY
from hybridspan.plan.phases.source_repair import source_repair_key
from hybridspan.plan.phases.torn_peerings import torn_key_of
from hybridspan.plan.phases.verification import copied_key, verification_key
from hybridspan.topology.model import Topology


def remembered(topology: Topology) -> tuple[str, ...]:
    """The keys, for all regions of the topology."""
    keys = [SIMPLE_KEY, *(torn_key_of(*direction) for direction in permutations(topology.regions, 2))]
    phases = ("verify", "verify-again")
    for region in topology.new_regions:
        keys += [auth_key(region), source_repair_key(region.name)]
        keys += [rebuild_key(region.name, pod) for pod in pods_of(topology, region)]
        keys += [key(phase, region.name) for phase in phases for key in (verification_key, copied_key)]
    return tuple(keys)
