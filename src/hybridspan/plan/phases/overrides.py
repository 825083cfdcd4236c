"""The new region's overrides file, and the seed in it: the one address that a new data center first calls."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from ipaddress import ip_address

from hybridspan.facts.apigee import DatastoreFacts
from hybridspan.facts.cassandra import RingFacts, RingNode
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Command, Decision, PlannedStep, StepId, done, later, needed, refused
from hybridspan.plan.phases import pod_addresses
from hybridspan.plan.phases.kubectl import context_of, kubectl
from hybridspan.topology.model import Region, Topology


@dataclass(frozen=True, slots=True)
class Seed:
    """The chosen seed; `address` is None where there is none, and then `reason` says why."""

    address: str | None
    reason: str


def plan_overrides(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """The file and the seed of every new region."""
    steps: list[PlannedStep] = []
    for number, region in enumerate(topology.new_regions):
        own = facts.regions[region.name]
        store = own.apigee.datastore if own.apigee else None
        steps.append(_overrides(topology, region, facts))
        earlier = topology.new_regions[number - 1] if number else None
        steps.append(_seed(topology, region, earlier, (facts.ring, own.overrides, store)))
    return steps


def decide_overrides(overrides: OverridesFacts | None) -> Decision:
    """Whether the file must be written; refused where it differs in what regions must share."""
    if overrides is None:
        return later("the overrides file was not looked at")
    if overrides.problem:
        hint = "correct the file, or its name in the topology file"
        return refused(f"the overrides cannot be used: {overrides.problem}", hint)
    if not overrides.exists:
        return needed(
            f"{overrides.path} does not exist: the first region's, with these differences\n{overrides.diff}"
        )
    if overrides.disallowed:
        listed = "; ".join(overrides.disallowed)
        return refused(
            f"{overrides.path} differs from the first region's in what must be the same: {listed}",
            "make it agree, or move it away and let apply write it"
            + (f". The difference:\n{overrides.diff}" if overrides.diff else ""),
        )
    return done(f"{overrides.path} differs from the first region's only where regions may")


def _overrides(topology: Topology, region: Region, facts: WorldFacts) -> PlannedStep:
    overrides = facts.regions[region.name].overrides
    # The first region's file is what this one is made from.
    before = (pod_addresses.step_id(topology),) if pod_addresses.is_wanted(topology, facts) else ()
    path = shlex.quote(str(region.overrides))
    commands = (
        (Command(script=f"[ -e {path} ] ||\n  {overrides.edit}"),) if overrides and overrides.edit else ()
    )
    return PlannedStep(
        id=StepId(f"overrides/{region.name}"),
        phase="overrides",
        region=region.name,
        title=f"Overrides {region.overrides.name}",
        decision=decide_overrides(overrides),
        commands=commands,
        needs=(StepId(f"cluster/{region.name}"), *before),
        procedure_rows=(9,),
        undo=(Command(("rm", str(region.overrides))),),
    )


def choose_seed(ring: RingFacts, region: Region, excluded: frozenset[str] = frozenset()) -> Seed:
    """A live normal node of a healthy data center: the one that is copied from, else the next; lowest address first.

    `excluded` are addresses that must not be taken.
    """
    others = [dc for dc in ring.datacenters if dc != region.datacenter]
    preferred = sorted(others, key=lambda dc: dc != region.copy_from)
    for datacenter in preferred:
        nodes = ring.of(datacenter)
        if not all(n.is_up_normal for n in nodes):
            continue
        candidates = sorted((n.address for n in nodes if n.address not in excluded), key=ip_address)
        if candidates:
            return Seed(candidates[0], f"{candidates[0]} is a live normal node of {datacenter}")
    down = ", ".join(
        f"{n.address} ({n.datacenter}) is {n.status}{n.state}" for n in ring.nodes if not n.is_up_normal
    )
    return Seed(None, f"no data center is healthy: {down}" if down else "the ring has no other data center")


def members(ring: RingFacts | None, region: Region) -> tuple[RingNode, ...]:
    """The region's nodes in the ring, in whatever state."""
    return ring.of(region.datacenter) if ring else ()


def is_complete(ring: RingFacts | None, region: Region) -> bool:
    """Whether the region has had its declared normal members: up or down now, they have joined."""
    return sum(n.state == "N" for n in members(ring, region)) >= region.cassandra_nodes


def decide_seed(
    region: Region, ring: RingFacts | None, overrides: OverridesFacts | None, store: DatastoreFacts | None
) -> Decision:
    """Wanted until the region first had its members, never changed once one has joined."""
    if ring is None:
        return later("the ring is not seen")
    joined = members(ring, region)
    if is_complete(ring, region):
        return done(f"{region.datacenter} has its {region.cassandra_nodes} members: no seed is wanted")
    present = (overrides.seed if overrides and overrides.exists else None) or (
        store.seed_host if store else None
    )
    if joined:
        return done(
            f"{len(joined)} of {region.cassandra_nodes} nodes have joined: the seed stays {present or 'unset'}"
        )
    chosen = choose_seed(ring, region)
    if chosen.address is None:
        return refused(chosen.reason, "bring the nodes up (nodetool status), then run apply again")
    in_file = overrides.seed if overrides and overrides.exists else None
    if in_file in {n.address for n in ring.nodes if n.is_up_normal}:
        return done(f"the seed {in_file} is a live normal node")
    if overrides and overrides.seed_problem:
        hint = (
            f"write the value out, or the line multiRegionSeedHost: {chosen.address} below cassandra by hand"
        )
        return refused(f"the overrides can take no seed: {overrides.seed_problem}", hint)
    if in_file is None:
        return needed(f"the new nodes need a first address to call: {chosen.reason}")
    return needed(f"the seed {in_file} is no live normal node of the ring; {chosen.reason}")


def _seed(
    topology: Topology,
    region: Region,
    earlier: Region | None,
    seen: tuple[RingFacts | None, OverridesFacts | None, DatastoreFacts | None],
) -> PlannedStep:
    ring, overrides, store = seen
    needs = [f"overrides/{region.name}", f"simple-keyspaces/{topology.first.name}"]
    needs += [f"runtime/{earlier.name}"] if earlier else []
    return PlannedStep(
        id=StepId(f"seed/{region.name}"),
        phase="seed",
        region=region.name,
        title=f"Seed of {region.datacenter}",
        decision=decide_seed(region, ring, overrides, store),
        commands=_seed_commands(topology, region, ring),
        needs=tuple(StepId(n) for n in needs),
        procedure_rows=(8, 9),
        undo=(Command(("sed", "-i", "/^ *multiRegionSeedHost:/d", str(region.overrides))),),
    )


def _seed_commands(topology: Topology, region: Region, ring: RingFacts | None) -> tuple[Command, ...]:
    chosen = choose_seed(ring, region).address if ring else None
    home = _home_of(topology, ring, chosen)
    pods = ("get", "pods", "-n", home.namespace, "-l", "app=apigee-cassandra", "-o")
    look = kubectl(home, *pods, "wide")
    if chosen is None:
        return (look,)
    addresses = kubectl(home, *pods, "jsonpath={.items[*].status.podIP}").text()
    gone = f"{chosen} is no Cassandra pod of {context_of(home)} any more: export this anew"
    line = f"s/^( *)datacenter: .*/&\\n\\1multiRegionSeedHost: {chosen}/"
    path = shlex.quote(str(region.overrides))
    installed = kubectl(region, "-n", region.namespace, "get", "apigeeds", "default").text()
    edit = (
        f"{installed} >/dev/null 2>&1 || grep -q multiRegionSeedHost {path} || {{\n"
        f"  {addresses} | grep -qwF {chosen} || {{ echo {shlex.quote(gone)} >&2; false; }}\n"
        f"  sed -i -E {shlex.quote(line)} {path}\n"
        "}"
    )
    return (look, Command(script=edit, comment="once, before the first node starts"))


def _home_of(topology: Topology, ring: RingFacts | None, address: str | None) -> Region:
    """The region of the node that was chosen; the first one where none was."""
    found = next((n.datacenter for n in ring.nodes if n.address == address), None) if ring else None
    return next((r for r in topology.regions if r.datacenter == found), topology.first)
