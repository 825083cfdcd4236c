"""Whether pods of the first region can be called from another one; if not, a step changes that before anything joins."""

from __future__ import annotations

from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import StepId
from hybridspan.topology.model import Topology


def is_wanted(topology: Topology, facts: WorldFacts) -> bool:
    """Whether there is another region, and pods of the first one have addresses of their own."""
    cluster = facts.regions[topology.first.name].azure.cluster
    return bool(topology.new_regions) and cluster is not None and not cluster.pods_are_routable


def step_id(topology: Topology) -> StepId:
    """The step's id."""
    return StepId(f"host-network/{topology.first.name}")
