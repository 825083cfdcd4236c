"""The phases that alter keyspaces: what each has to do, in words, and the commands that it stands for.

Two phases. Before any new node starts, what is on SimpleStrategy moves to NetworkTopologyStrategy naming the existing data
centers only: SimpleStrategy places replicas without regard to data centers, so empty new nodes would take over ranges.
After all new nodes are members, each keyspace gets the new data center, system_auth first, because it decides who can log
in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hybridspan.facts.cassandra import KeyspaceFacts, RingFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Command, Decision, PlannedStep, StepId, done, later, needed, refused
from hybridspan.plan.phases.alterations import (
    Alteration,
    is_spreadable,
    literal,
    projected,
    shown,
    simple_alterations,
    spread,
)
from hybridspan.plan.phases.keyspace_names import AUTH, names_of_ours, replicated, system_names
from hybridspan.plan.phases.ring_commands import User, cqlsh, nodetool, pod_name, pods_of
from hybridspan.plan.phases.simple_repairs import SIMPLE_KEY, SimpleRepairs
from hybridspan.topology.model import Region, Topology
from hybridspan.topology.releases import replication_of


def auth_key(region: Region) -> str:
    """Where the journal keeps on which nodes system_auth has been repaired."""
    return f"auth-repair/{region.name}"


def decide_simple(ring: RingFacts | None, repairs: SimpleRepairs) -> Decision:
    """Whether the first phase has something to do, which is also a repair that is still owed."""
    if ring is None:
        return later("no Cassandra node answers yet")
    found = simple_alterations(ring)
    if found:
        listed = ", ".join(f"{a.keyspace} ({a.before.factors.get('', 1)})" for a in found)
        return needed(
            f"on SimpleStrategy: {listed}. New nodes would take over ranges without having the data, so each moves to "
            f"{shown(found[0].after)} or its like before the first new node starts, and is repaired"
        )
    if repairs.owed:
        return needed(f"moved from SimpleStrategy but not repaired since: {', '.join(sorted(repairs.owed))}")
    return done("no keyspace is on SimpleStrategy")


def decide_spread(
    ring: RingFacts | None, region: Region, names: Sequence[str], added_after: Collection[str] = ()
) -> Decision:
    """Whether the keyspaces of those names must get the region's data center; `added_after` are the data centers of later
    regions."""
    if ring is None:
        return later("no Cassandra node answers yet")
    unsuited = [k for k in replicated(ring) if k.name in names and not _is_settled(k, region, added_after)]
    if unsuited:
        return _unsuited(unsuited[0], region, added_after)
    found = spread(ring, region, names)
    if found:
        listed = ", ".join(f"{a.keyspace} {shown(a.after)}" for a in found)
        return needed(f"{region.datacenter} is not named yet: {listed}")
    present = [k for k in replicated(ring) if k.name in names]
    listed = ", ".join(f"{k.name} {shown(k.replication)}" for k in present)
    return done(f"{region.datacenter} is named: {listed}" if listed else "there is no such keyspace")


def _is_settled(keyspace: KeyspaceFacts, region: Region, added_after: Collection[str]) -> bool:
    """Whether all that the region must hold of it can come from the data center that it copies from, or comes from nowhere."""
    if is_spreadable(keyspace, region) or keyspace.replication.strategy == "EverywhereStrategy":
        return True
    return keyspace.replication.factor(region.datacenter) > 0 and not _holders(keyspace, region, added_after)


def _holders(keyspace: KeyspaceFacts, region: Region, added_after: Collection[str]) -> tuple[str, ...]:
    """The data centers that held it before the region came: the region's replicas are empty until they are filled from there."""
    held = (datacenter for datacenter, factor in keyspace.replication.factors.items() if factor)
    return tuple(dc for dc in held if dc != region.datacenter and dc not in added_after)


def _unsuited(keyspace: KeyspaceFacts, region: Region, added_after: Collection[str]) -> Decision:
    name, source = keyspace.name, region.copy_from
    if keyspace.replication.strategy == "SimpleStrategy":
        return refused(
            f"{name} is on SimpleStrategy, which knows no data centers",
            "run apply again: its first phase moves it to NetworkTopologyStrategy",
        )
    copied = f"nothing of it is copied to {region.datacenter}, and {region.datacenter} would answer as if it had no rows"
    given = (
        f"give {name} replicas in {source} too (ALTER KEYSPACE) and fill them: nodetool repair -full {name}"
    )
    holders = " or ".join(_holders(keyspace, region, added_after))
    choice = f"choose a copyFrom for {region.name} that holds every keyspace ({name} is in {holders}), or "
    return refused(
        f"{name} is {shown(keyspace.replication)}: it has no replicas in {source}, the data center that "
        f"{region.datacenter} copies from. So {copied}",
        f"{choice if holders else ''}{given} on each node of {source}. Then run apply again",
    )


def decide_auth(
    ring: RingFacts | None, region: Region, decided: Mapping[str, Any], added_after: Collection[str] = ()
) -> Decision:
    """Whether system_auth must get the region's data center, or a repair on one of its nodes.

    `decided` is what the journal keeps: the host ids of the nodes on which it was repaired since it has that data center.
    """
    spreading = decide_spread(ring, region, (AUTH,), added_after)
    if ring is None or not spreading.is_done:
        return spreading
    repaired = set(decided.get("hosts", ()))
    missing = [n.address for n in ring.of(region.datacenter) if n.host_id not in repaired]
    if missing:
        return needed(
            f"system_auth is replicated to {region.datacenter}, but not repaired on {', '.join(missing)}"
        )
    return spreading


def plan_keyspaces(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """Both phases: once for the first region, then for every new one, each on what the earlier ones leave behind."""
    steps = [_simple(topology, facts)]
    ring = projected(facts.ring, simple_alterations(facts.ring)) if facts.ring else None
    for region in topology.new_regions:
        steps += [
            _auth(topology, region, ring, facts.decided.get(auth_key(region)) or {}),
            _system(topology, region, ring),
            _data(topology, region, ring),
        ]
        if ring is not None:
            ring = projected(ring, spread(ring, region, [k.name for k in replicated(ring)]))
    return steps


def _simple(topology: Topology, facts: WorldFacts) -> PlannedStep:
    first = topology.first
    found = simple_alterations(facts.ring) if facts.ring else ()
    pod = pod_name(topology, 0)
    repairs = [
        nodetool(first, p, "repair", "-full", a.keyspace) for a in found for p in pods_of(topology, first)
    ]
    return PlannedStep(
        id=StepId(f"simple-keyspaces/{first.name}"),
        phase="simple-keyspaces",
        region=first.name,
        title="Keyspaces on SimpleStrategy, before any new node starts",
        decision=decide_simple(facts.ring, SimpleRepairs.read(facts.decided.get(SIMPLE_KEY))),
        commands=(*(_moved(first, pod, a) for a in found), *repairs),
        lanes=("ring",),
        procedure_rows=(13,),
        undo_note="Nothing to undo: the same nodes hold the same ranges as before.",
    )


def _auth(
    topology: Topology, region: Region, ring: RingFacts | None, decided: Mapping[str, Any]
) -> PlannedStep:
    title = f"system_auth to {region.datacenter}, repaired on each new node, a login through each"
    altered = _spread(topology, region, ring, "auth-keyspace", title, (AUTH,))
    decision = decide_auth(ring, region, decided, topology.added_after(region))
    pods = pods_of(topology, region)
    repairs = [nodetool(region, pod, "repair", "-full", AUTH) for pod in pods]
    logins = [cqlsh(region, pod, "ddl", "SELECT release_version FROM system.local;") for pod in pods]
    return replace(
        altered,
        decision=decision,
        commands=() if decision.is_done else (*altered.commands, *repairs, *logins),
        needs=(StepId(f"reachability/{region.name}"),),
    )


def _system(topology: Topology, region: Region, ring: RingFacts | None) -> PlannedStep:
    title = f"Cassandra's other keyspaces to {region.datacenter}"
    names = system_names(ring) if ring else ()
    altered = _spread(topology, region, ring, "system-keyspaces", title, names)
    return replace(altered, needs=(StepId(f"auth-keyspace/{region.name}"),))


def _data(topology: Topology, region: Region, ring: RingFacts | None) -> PlannedStep:
    which = "Keyspaces of no organization" if replication_of(topology).is_resource else "Every other keyspace"
    names = names_of_ours(topology, ring) if ring else ()
    altered = _spread(topology, region, ring, "data-keyspaces", f"{which} to {region.datacenter}", names)
    return replace(
        altered,
        needs=(StepId(f"system-keyspaces/{region.name}"),),
        procedure_rows=(12, 13, 14),
        undo_note=f"Until {region.datacenter} has been rebuilt and verified, nothing may read from it.",
    )


def _spread(
    topology: Topology, region: Region, ring: RingFacts | None, phase: str, title: str, names: Sequence[str]
) -> PlannedStep:
    """What the three phases share: the keyspaces of those names get the region's data center."""
    found = spread(ring, region, names) if ring else ()
    return PlannedStep(
        id=StepId(f"{phase}/{region.name}"),
        phase=phase,
        region=region.name,
        title=title,
        decision=decide_spread(ring, region, names, topology.added_after(region)),
        commands=_alters(topology, region, found),
        lanes=("ring",),
        procedure_rows=(13, 14),
    )


def _alters(topology: Topology, region: Region, found: Sequence[Alteration]) -> tuple[Command, ...]:
    """Each where the data center is not named yet: by then another region may stand in the map too."""
    source = topology.region_of(str(region.copy_from))
    named = f"*\"'{region.datacenter}'\"*"
    return tuple(
        _looked_at(source, pod_name(topology, 0), a, f"[[ $HELD == {named} ]]", a.user) for a in found
    )


def _moved(region: Region, pod: str, alteration: Alteration) -> Command:
    """Only from SimpleStrategy: done again later, it would take the new data centers out of the map."""
    return _looked_at(region, pod, alteration, "[[ $HELD != *SimpleStrategy* ]]", "admin")


def _looked_at(region: Region, pod: str, alteration: Alteration, is_done: str, user: User) -> Command:
    name = literal(alteration.keyspace)
    query = f"SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = {name};"  # noqa: S608  # quoted
    look = cqlsh(region, pod, user, query).text()
    act = cqlsh(region, pod, user, alteration.statement).text()
    gist = cqlsh(region, pod, user, alteration.statement).gist
    return Command(script=f"HELD=$({look})\n{is_done} ||\n  {act}", gist=gist)
