"""The source data center's last repair: offered, required, or gone without by name, before anything is copied from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from hybridspan.errors import InputError
from hybridspan.facts.cassandra import REPAIR_AGE_SECONDS, RingFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Decision, Plan, PlannedStep, StepId, done, later, needed, refused, without
from hybridspan.plan.phases.keyspace_names import replicated
from hybridspan.plan.phases.ring_commands import nodetool, pods_of
from hybridspan.plan.phases.verification import fingerprint, verification_key
from hybridspan.topology.model import Region, Topology

_WAYS_ON: Final = (
    "repair it (nodetool repair -full -pr on each of its nodes), let apply do that (cassandra.sourceRepair: run), or go on"
    " without, which the journal keeps: --waive source-repair"
)


def source_repair_key(region: str) -> str:
    """Where the journal keeps that we repaired the source of a region: Unix time by keyspace."""
    return f"source-repair/{region}"


def decide_source_repair(
    topology: Topology,
    region: Region,
    names: Sequence[str],
    last: Mapping[str, float],
    now: float,
    waived: bool,
    copied: bool = False,
) -> Decision:
    """What is to be done about the source data center's last repair; `last` is Unix time by keyspace.

    A rebuild reads each range from one replica: where replicas disagree, the new data center may get the poorer one. Once
    every node has received its data (`copied`) the question is settled.
    """
    old = [name for name in names if now - last.get(name, 0.0) > REPAIR_AGE_SECONDS]
    source = region.copy_from
    if not names:
        return done(f"no keyspace has two replicas in {source} that could disagree")
    if not old:
        return done(
            f"every keyspace of {source} was repaired, or compared on all replicas, within the last ten days"
        )
    if copied:
        return done(f"nothing is left to be copied from {source} to {region.datacenter}")
    words = f"{source} has not been repaired within the last ten days: {', '.join(old)}"
    if waived:
        return without(f"{words}; waived by name, for this run (--waive)")
    if topology.source_repair == "waive":
        return without(f"{words}; waived by name (cassandra.sourceRepair: waive)")
    if topology.source_repair == "run":
        return needed(f"{words}; it is repaired before it is copied (cassandra.sourceRepair: run)")
    if topology.source_repair == "require":
        return refused(f"{words}; a repair is required first (cassandra.sourceRepair: require)", _WAYS_ON)
    return refused(f"{words}; a repair is offered, and a decision is needed", _WAYS_ON)


def refuse_slips(topology: Topology, names: Collection[str]) -> None:
    """InputError HS-PLAN-009 for a name that is no repair of this topology: a slip must not pass for a waiver."""
    known = ["source-repair", *(_repair_id(region) for region in topology.new_regions)]
    if unknown := sorted(set(names).difference(known)):
        raise InputError(
            "HS-PLAN-009",
            f"nothing called {unknown[0]!r} can be waived",
            where="--waive",
            hint=f"one of: {', '.join(known)}",
        )


def _repair_id(region: Region) -> StepId:
    return StepId(f"source-repair/{region.name}")


def with_waivers(topology: Topology, facts: WorldFacts, plan: Plan, names: frozenset[str]) -> Plan:
    """The plan without the source repairs that the person goes without: `source-repair`, or one step's id."""
    repairs = {s.id: s for s in plan.steps if s.phase == "source-repair" and not s.decision.is_done}
    waived = {
        id_: source_repair(topology, topology.region(step.region), facts, waived=True)
        for id_, step in repairs.items()
        if not names.isdisjoint({"source-repair", id_})
    }
    return replace(plan, steps=tuple(waived.get(s.id, s) for s in plan.steps))


def source_repair(
    topology: Topology, region: Region, facts: WorldFacts, *, copied: bool = False, waived: bool = False
) -> PlannedStep:
    """The step before a region's rebuilds; `copied`: every node of it has received its data."""
    source = topology.region_of(str(region.copy_from))
    names = repairable(facts.ring, source.datacenter) if facts.ring else ()
    decision = _planned_decision(topology, region, facts, waived=waived, copied=copied)
    commands = [
        nodetool(source, pod, "repair", "-full", "-pr", "-local", name)
        for name in names
        for pod in pods_of(topology, source)
    ]
    return PlannedStep(
        id=_repair_id(region),
        phase="source-repair",
        region=region.name,
        title=f"The last repair of {source.datacenter}, which {region.datacenter} copies from",
        decision=decision,
        commands=tuple(commands) if decision.state == "needed" else (),
        needs=(StepId(f"data-keyspaces/{region.name}"),),
        lanes=("ring",),
        undo_note="Nothing to undo: a repair makes replicas equal.",
    )


def repairable(ring: RingFacts, datacenter: str) -> tuple[str, ...]:
    """Keyspaces with more than one replica there: one alone has nothing to disagree with."""
    return tuple(k.name for k in replicated(ring) if k.replication.factor(datacenter) > 1)


def agreed_at(
    names: Collection[str], history: Mapping[str, float], ours: Mapping[str, float], proved: float
) -> Mapping[str, float]:
    """Unix time by keyspace at which its replicas were last made equal, or found to be: by Cassandra's own history of full
    repairs, by a repair of ours, or by a proof."""
    return {name: max(history.get(name, 0.0), ours.get(name, 0.0), proved) for name in names}


def proved_at(decided: Callable[[str], Mapping[str, Any] | None], ring: RingFacts, source: Region) -> float:
    """When the replicas of a data center that is now copied from were all compared; 0 where no proof holds."""
    now = fingerprint(ring, source.datacenter)
    proofs = [decided(verification_key(phase, source.name)) for phase in ("verify", "verify-again")]
    return max((float(p["at"]) for p in proofs if p and p.get("fingerprint") == now), default=0.0)


def _planned_decision(
    topology: Topology, region: Region, facts: WorldFacts, *, waived: bool, copied: bool
) -> Decision:
    source, ring = topology.region_of(str(region.copy_from)), facts.ring
    if ring is None:
        return later("no Cassandra node answers yet")
    if not ring.of(source.datacenter):
        return later(f"{source.datacenter} gets its data, and is compared, before anything is copied from it")
    nodes, names = facts.regions[source.name].nodes, repairable(ring, source.datacenter)
    history: Mapping[str, float] = nodes[0].last_repair if nodes else {}
    ours: Mapping[str, float] = facts.decided.get(source_repair_key(region.name)) or {}
    last = agreed_at(names, history, ours, proved_at(facts.decided.get, ring, source))
    return decide_source_repair(topology, region, names, last, facts.taken_at, waived=waived, copied=copied)
