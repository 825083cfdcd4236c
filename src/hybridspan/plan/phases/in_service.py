"""Regions that were expanded by somebody else, some time ago, and serve: what they hold is not copied to them again.

In the documented order the environments of a region come last, after its data was proved and the seed was taken out. So
where all of that is there, and no run that this journal knows ever worked on the region, it is somebody's finished
work. To clear its records and stream everything anew because no run of ours did it would be an outage for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from hybridspan.facts.apigee import ApigeeFacts
from hybridspan.facts.cassandra import RingFacts
from hybridspan.facts.world import Finding, WorldFacts
from hybridspan.plan.model import PlannedStep, done
from hybridspan.plan.phases.keyspace_names import replicated
from hybridspan.plan.phases.overrides import is_complete, members
from hybridspan.plan.phases.runtime import decide_runtime
from hybridspan.topology.model import Region, Topology

PHASES: Final = frozenset(
    {
        "cert-manager",
        "secrets",
        "crds",
        "reachability",
        "auth-keyspace",
        "source-repair",
        "replication",
        "rebuild",
        "verify",
        "verify-again",
    }
)
"""Phases that bring what another region has, or prove it before anything reads there."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What tells whether a region is in service."""

    ring: RingFacts | None
    first: ApigeeFacts | None
    """Apigee in the first region, and in the region itself."""
    own: ApigeeFacts | None
    decided: Mapping[str, Any]
    """What earlier runs kept in the journal, by key."""


def unfinished(region: Region, seen: Seen) -> str:
    """Why a region is not somebody's finished work, in words; empty where it is."""
    ring, store = seen.ring, seen.own.datastore if seen.own else None
    if begun := sorted(key for key in seen.decided if _concerns(key, region)):
        return f"a run of ours has worked on it: {', '.join(begun)}"
    if ring is None or store is None or store.state != "running":
        return "its datastore does not run"
    if store.seed_host:
        return f"its datastore still calls the seed {store.seed_host}"
    if not is_complete(ring, region) or not all(n.is_up_normal for n in members(ring, region)):
        return f"{region.datacenter} has not all of its {region.cassandra_nodes} nodes up and normal"
    if lacking := [k.name for k in replicated(ring) if not k.replication.factor(region.datacenter)]:
        return f"not replicated to {region.datacenter}: {', '.join(lacking)}"
    runtime = decide_runtime(seen.first, seen.own)
    return "" if runtime.is_done else runtime.reason


def is_in_service(topology: Topology, region: Region, facts: WorldFacts) -> bool:
    """Whether the region is somebody's finished work."""
    first, own = facts.regions[topology.first.name].apigee, facts.regions[region.name].apigee
    return not unfinished(region, Seen(facts.ring, first, own, facts.decided))


def left_alone(topology: Topology, facts: WorldFacts, steps: Sequence[PlannedStep]) -> list[PlannedStep]:
    """The steps, with those done that would copy or prove the data of a region in service."""
    served = {str(r.name): r for r in topology.new_regions if is_in_service(topology, r, facts)}
    return [_left(step, served[str(step.region)]) if _is_open(step, served) else step for step in steps]


def findings(topology: Topology, facts: WorldFacts) -> list[Finding]:
    """A warning for each region in service: it was not compared by a run that this journal knows."""
    return [
        Finding(
            "in-service",
            "warn",
            region.name,
            f"{region.datacenter} was made part of the ring by somebody else and serves: nothing is copied to it, and no run"
            " kept here has compared it",
            "hybridspan verify compares it with the others",
        )
        for region in topology.new_regions
        if is_in_service(topology, region, facts)
    ]


def _concerns(key: str, region: Region) -> bool:
    """Whether a key of the journal, such as `rebuild/centralus/apigee-cassandra-default-0`, is about the region."""
    parts = key.split("/")
    return len(parts) > 1 and parts[1] == region.name


def _is_open(step: PlannedStep, served: Mapping[str, Region]) -> bool:
    return step.region in served and step.phase in PHASES and not step.decision.is_done


def _left(step: PlannedStep, region: Region) -> PlannedStep:
    reason = (
        f"{region.datacenter} is in service: its environments run, its {region.cassandra_nodes} nodes are up and normal without a "
        "seed, every keyspace names it, and no run kept here has worked on it"
    )
    return replace(step, decision=done(reason), commands=(), in_service=True)
