"""Peerings, every pair of regions in both directions; rows 3, 4 and 5 of the procedure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

from hybridspan.facts.azure import NetworkFacts, PeeringFacts, same_id
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Decision, PlannedStep, StepId, done, needed, refused
from hybridspan.plan.phases import networks
from hybridspan.plan.phases.networks import ranges
from hybridspan.plan.phases.peering_forms import commands_of, deletion, resources_of
from hybridspan.plan.phases.torn_peerings import TornSide, torn_key_of
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region, Topology

Pair = tuple[Region, Region]


def pairs(topology: Topology) -> Iterator[Pair]:
    """Every two regions once, in the file's order: Cassandra wants a full mesh."""
    return combinations(topology.regions, 2)


def plan_peerings(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """A step for each pair of regions."""
    return [
        _step(
            topology,
            (a, b),
            facts.regions[a.name].azure.network,
            facts.regions[b.name].azure.network,
            facts.decided,
        )
        for a, b in pairs(topology)
    ]


def step_id(pair: Pair) -> StepId:
    """The step's id."""
    return StepId(f"peering/{pair[0].name}+{pair[1].name}")


def pair_of(topology: Topology, step: str) -> Pair:
    """The pair that a step's id names; KeyError where it names none."""
    first, _, second = step.rpartition("/")[2].partition("+")
    return topology.region(first), topology.region(second)


def peering_name(
    topology: Topology,
    local: Region,
    remote: Region,
    network: NetworkFacts | None,
    torn: TornSide | None = None,
) -> str:
    """The name of a direction: its own where it exists, or where we tore it down; else one that no other peering of the network has.

    The first two regions get the documentation's names, `<group>-vnet1-peering` and `<group>-vnet2-peering`.
    """
    if network is not None and (present := _towards(network, remote)):
        return present.name
    if network is not None and torn is not None and torn.is_free_in(network):
        return torn.name
    number, other = topology.regions.index(local) + 1, topology.regions.index(remote) + 1
    numbered = f"{local.resource_group}-vnet{number}-peering"
    if {number, other} != {1, 2}:
        numbered = f"{local.resource_group}-vnet{number}-vnet{other}-peering"
    taken = {p.name.lower() for p in network.peerings} if network else set()
    return numbered if numbered.lower() not in taken else f"{local.name}-to-{remote.name}"


def _towards(network: NetworkFacts, remote: Region) -> PeeringFacts | None:
    return network.peering_to(azure_ids.network_id(remote))


def decide_peering(pair: Pair, first: NetworkFacts | None, second: NetworkFacts | None) -> Decision:
    """Whether the pair's two peerings are to be made or mended."""
    a, b = pair
    if apart := connected_otherwise(pair):
        return done(apart)
    if first is None or second is None:
        absent = [r.network.name for r, f in ((a, first), (b, second)) if f is None]
        words = f"network {absent[0]} does" if len(absent) == 1 else f"networks {' and '.join(absent)} do"
        return _overlap(pair, first, second) or needed(f"{words} not exist yet, so nothing is peered")
    sides = ((first, second), (second, first))
    found = [(local, local.peering_to(remote.id), remote) for local, remote in sides]
    closed = [p for _, p, _ in found if p is not None and not p.allow_access]
    if closed and not all(r.network.manage for r in pair):
        return refused(
            f"peering {closed[0].name} exists and is told not to let traffic through",
            "say network.manage: true in both regions to have it opened, or: "
            f"az network vnet peering update --ids {closed[0].id} --set allowVirtualNetworkAccess=true",
        )
    if all(p is not None and p.carries_traffic for _, p, _ in found):
        return done(
            f"{a.network.name} and {b.network.name} are peered: Connected and FullyInSync on both sides"
        )
    return _overlap(pair, first, second) or needed(_what_is_wrong(found))


def connected_otherwise(pair: Pair) -> str:
    """Why nothing is peered between the two, or empty where their peerings are ours to make."""
    apart = [r.name for r in pair if r.network.connected == "otherwise"]
    if not apart:
        return ""
    names = f"{pair[0].network.name} and {pair[1].network.name}"
    return f"{names} are connected otherwise, as the file says of {' and '.join(apart)}: only reachability is verified"


def _what_is_wrong(found: list[tuple[NetworkFacts, PeeringFacts | None, NetworkFacts]]) -> str:
    missing = [f"{local.name} has no peering to {remote.name}" for local, p, remote in found if p is None]
    broken = [p for _, p, _ in found if p is not None and p.state == "Disconnected"]
    if broken:
        names = " and ".join(p.name for p in broken)
        return f"peering {names} is Disconnected: both sides are deleted and made again"
    if missing:
        return " and ".join(missing)
    present = [p for _, p, _ in found if p is not None and not p.carries_traffic]
    return ", ".join(_state(p) for p in present)


def _state(peering: PeeringFacts) -> str:
    closed = "" if peering.allow_access else ", and told not to let traffic through"
    return f"peering {peering.name} is {peering.state} and {peering.sync_level}{closed}"


def _overlap(pair: Pair, first: NetworkFacts | None, second: NetworkFacts | None) -> Decision | None:
    """Azure refuses to peer networks whose ranges overlap, those of third parties included."""
    a, b = pair
    ours = first.address_prefixes if first else a.network.address_prefixes
    theirs = second.address_prefixes if second else b.network.address_prefixes
    clash = [(x, y) for x in ours for y in theirs if x.overlaps(y)]
    if clash:
        return refused(
            f"{a.network.name} ({ranges(ours)}) and {b.network.name} ({ranges(theirs)}) overlap, and cannot be peered",
            "give the new network other ranges",
        )
    return _third_party(first, second, theirs) or _third_party(second, first, ours)


def _third_party(
    local: NetworkFacts | None, remote: NetworkFacts | None, wanted: tuple[IPv4Network, ...]
) -> Decision | None:
    if local is None:
        return None
    for peering in local.peerings:
        if remote is not None and same_id(peering.remote_network_id, remote.id):
            continue
        if any(x.overlaps(y) for x in peering.remote_prefixes for y in wanted):
            other = peering.remote_network_id.rsplit("/", 1)[-1]
            return refused(
                f"{local.name} is peered with {other} ({ranges(peering.remote_prefixes)}) already, which overlaps "
                f"{ranges(wanted)}",
                "give the new network ranges that none of its peers' peers has",
            )
    return None


def _step(
    topology: Topology,
    pair: Pair,
    first: NetworkFacts | None,
    second: NetworkFacts | None,
    decided: Mapping[str, Any],
) -> PlannedStep:
    a, b = pair
    if connected_otherwise(pair):
        return _left_to_others(pair)
    torn = tuple(
        TornSide.read(decided.get(torn_key_of(local, remote))) for local, remote in (pair, pair[::-1])
    )
    names = (
        peering_name(topology, a, b, first, torn[0]),
        peering_name(topology, b, a, second, torn[1]),
    )
    directions = ((a, b, names[0]), (b, a, names[1]))
    return PlannedStep(
        id=step_id(pair),
        phase="peering",
        region=b.name,
        title=f"Peering between {a.network.name} ({a.name}) and {b.network.name} ({b.name})",
        decision=decide_peering(pair, first, second),
        commands=commands_of(directions, first, second, torn),
        needs=(networks.step_id(a), networks.step_id(b)),
        lanes=(networks.lane(a), networks.lane(b)),
        procedure_rows=(3, 4, 5),
        undo=tuple(deletion(local, name) for local, _, name in directions),
        resources=resources_of(directions, first, second, torn),
        undo_note="Cassandra's nodes lose sight of one another: only before a node of the new region has joined the ring.",
    )


def _left_to_others(pair: Pair) -> PlannedStep:
    """Nothing of it is ours: no command, and nothing to undo."""
    a, b = pair
    return PlannedStep(
        id=step_id(pair),
        phase="peering",
        region=b.name,
        title=f"Connection between {a.network.name} ({a.name}) and {b.network.name} ({b.name})",
        decision=decide_peering(pair, None, None),
        needs=(networks.step_id(a), networks.step_id(b)),
        procedure_rows=(3, 4, 5),
    )
