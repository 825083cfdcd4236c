"""What each new node must receive, decided by its own progress record and by what our journal says we streamed.

Cassandra 4.0 skips, silently and with success, every range that `system.available_ranges_v2` lists, whoever put it there.
So a record that our journal does not know is never believed: it is cleared, and the keyspace is streamed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hybridspan.facts.apigee import DatastoreFacts
from hybridspan.facts.cassandra import KeyspaceFacts, RingFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Decision, PlannedStep, StepId, done, later, needed
from hybridspan.plan.phases.foreign_records import cleared, forgotten
from hybridspan.plan.phases.keyspace_names import organization_names, replicated
from hybridspan.plan.phases.ring_commands import cqlsh, nodetool, pods_of
from hybridspan.plan.phases.source_repair import source_repair
from hybridspan.topology.model import Region, Topology
from hybridspan.topology.releases import replication_of


@dataclass(frozen=True, slots=True)
class KeyspaceProgress:
    """What a node's record and our journal say of one keyspace."""

    keyspace: str
    recorded: bool
    """The node has a record of received ranges."""
    complete: bool
    """The record covers every range that the node must hold."""
    ours: bool
    """Our journal knows that we began to stream it to this very node."""


@dataclass(frozen=True, slots=True)
class RebuildWork:
    """What is to be done on one node."""

    stream: tuple[str, ...]
    clear: tuple[str, ...]
    """Keyspaces whose record is not ours and must be removed first."""


def rebuild_key(region: str, pod: str) -> str:
    """Where the journal keeps what we streamed to a node: `host_id`, and `begun`, names of keyspaces."""
    return f"rebuild/{region}/{pod}"


def begun_by_us(decided: Mapping[str, Any] | None, host_id: str) -> frozenset[str]:
    """Keyspaces that the journal says we streamed to the node of that identity; a node that was replaced has another."""
    if not decided or decided.get("host_id") != host_id:
        return frozenset()
    return frozenset(decided.get("begun", ()))


def copied_by_operator(topology: Topology, store: DatastoreFacts | None, pod: str) -> bool:
    """Whether the operator, asked to copy, says that it has rebuilt that node: what the node lists is then as good as ours."""
    if not replication_of(topology).is_resource:
        return False
    node = store.replication.nodes.get(pod) if store and store.replication else None
    return node is not None and node.state == "complete"


def to_stream(ring: RingFacts, region: Region) -> tuple[str, ...]:
    """The keyspaces that name both the source data center and the new one."""
    return tuple(
        k.name
        for k in replicated(ring)
        if k.replication.factor(str(region.copy_from)) and k.replication.factor(region.datacenter)
    )


def can_be_at_once(ring: RingFacts, region: Region) -> bool:
    """Whether one `nodetool rebuild` for all keyspaces finds a source for each: all that name the region name the source."""
    here = [k for k in replicated(ring) if k.replication.factor(region.datacenter)]
    return all(k.replication.factor(str(region.copy_from)) for k in here)


def work_for(progress: Sequence[KeyspaceProgress]) -> RebuildWork:
    """Stream what is not complete or not ours; clear what is recorded and not ours."""
    stream = tuple(p.keyspace for p in progress if not (p.complete and p.ours))
    return RebuildWork(stream, tuple(p.keyspace for p in progress if p.recorded and not p.ours))


def decide_rebuild(progress: Sequence[KeyspaceProgress], region: Region, pod: str) -> Decision:
    """Whether the node still has something to receive."""
    work = work_for(progress)
    if not progress:
        return later(f"no keyspace names both {region.copy_from} and {region.datacenter} yet")
    if not work.stream:
        return done(
            f"{pod} has received {len(progress)} keyspaces from {region.copy_from}, every range that it holds"
        )
    listed = ", ".join(work.stream)
    if work.clear:
        return needed(
            f"{pod} believes to have received {', '.join(work.clear)}, but no run of ours streamed that, and Cassandra would skip "
            f"it: the record is cleared, then {pod} receives {listed} from {region.copy_from}"
        )
    return needed(f"{pod} receives {listed} from {region.copy_from}")


def plan_rebuild(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """For every new region the source's repair, then each node in turn."""
    steps: list[PlannedStep] = []
    for region in topology.new_regions:
        pods = pods_of(topology, region)
        copied = all(_planned_decision(topology, region, pod, facts).is_done for pod in pods)
        steps.append(source_repair(topology, region, facts, copied=copied))
        steps += _nodes(topology, region, facts)
    return steps


def _planned_names(ring: RingFacts | None, region: Region) -> tuple[str, ...]:
    """Keyspaces that will name both data centers once the ALTER steps have run."""
    found = replicated(ring) if ring else ()
    return tuple(
        k.name
        for k in found
        if k.replication.strategy != "EverywhereStrategy" and not _comes_from_elsewhere(k, region)
    )


def _comes_from_elsewhere(keyspace: KeyspaceFacts, region: Region) -> bool:
    """It names the region already, and the data center that the region copies from will never be altered into it."""
    named = keyspace.replication.factor
    return named(region.datacenter) > 0 and not named(str(region.copy_from))


def _nodes(topology: Topology, region: Region, facts: WorldFacts) -> list[PlannedStep]:
    steps: list[PlannedStep] = []
    before = (
        f"replication/{region.name}"
        if replication_of(topology).is_resource
        else f"source-repair/{region.name}"
    )
    for pod in pods_of(topology, region):
        steps.append(_node(topology, region, pod, before, facts))
        before = steps[-1].id
    return steps


def _node(topology: Topology, region: Region, pod: str, before: str, facts: WorldFacts) -> PlannedStep:
    decision = _planned_decision(topology, region, pod, facts)
    names = _planned_names(facts.ring, region)
    if replication_of(topology).is_resource and facts.ring is not None:
        theirs = organization_names(facts.ring, topology.organization)
        names = tuple(name for name in names if name not in theirs)
    older = facts.ring.before_4 if facts.ring else ""
    strange = [name for name in names if name not in _ours(topology, region, pod, facts)]
    commands = [cleared(topology, region, pod, strange, older)] if strange else []
    commands += [nodetool(region, pod, "rebuild", "-ks", n, "--", str(region.copy_from)) for n in names]
    clear = [cqlsh(region, pod, "admin", forgotten(name, older)) for name in names]
    return PlannedStep(
        id=StepId(f"rebuild/{region.name}/{pod}"),
        phase="rebuild",
        region=region.name,
        title=f"{pod} of {region.datacenter} receives the data of {region.copy_from}"
        + (", as far as the operator left it out" if replication_of(topology).is_resource else ""),
        decision=decision,
        commands=() if decision.is_done else tuple(commands),
        needs=(StepId(before),),
        lanes=("ring",),
        procedure_rows=(15, 16),
        undo=tuple(clear),
        undo_note=f"The data stays on {pod} until its volume is deleted; cleared records let a later rebuild start over.",
    )


def _ours(topology: Topology, region: Region, pod: str, facts: WorldFacts) -> frozenset[str]:
    """The keyspaces whose record on the node is known to be of a run of ours, or the operator's."""
    node = next((n for n in facts.regions[region.name].nodes if n.pod == pod), None)
    if facts.ring is None or node is None:
        return frozenset()
    member = next((n for n in facts.ring.nodes if n.address == node.address), None)
    ours = begun_by_us(facts.decided.get(rebuild_key(region.name, pod)), member.host_id if member else "")
    own = facts.regions[region.name].apigee
    if own is not None and copied_by_operator(topology, own.datastore, pod):
        ours |= frozenset(to_stream(facts.ring, region))
    return ours


def _planned_decision(topology: Topology, region: Region, pod: str, facts: WorldFacts) -> Decision:
    node = next((n for n in facts.regions[region.name].nodes if n.pod == pod), None)
    what = "what the operator leaves out" if replication_of(topology).is_resource else "every keyspace"
    if facts.ring is None or node is None:
        return later(f"{pod} has not joined yet; it receives {what} from {region.copy_from}")
    names = to_stream(facts.ring, region)
    if not names or len(names) < len(_planned_names(facts.ring, region)):
        return later(
            f"{pod} receives {what} from {region.copy_from}, once each keyspace names {region.datacenter}"
        )
    ours = _ours(topology, region, pod, facts)
    recorded = {a.keyspace for a in node.available_ranges if a.full_ranges}
    # Whether the record covers every range is looked at when the step is checked; here it counts that there is one.
    progress = [KeyspaceProgress(n, n in recorded, n in recorded, n in ours) for n in names]
    return decide_rebuild(progress, region, pod)
