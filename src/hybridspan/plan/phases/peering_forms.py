"""A pair's peering as a person types it, and as a declaration has it: both directions, in the order in which Azure takes them."""

from __future__ import annotations

import shlex

from hybridspan.facts import azure_bodies as bodies
from hybridspan.facts.azure import NetworkFacts, PeeringFacts
from hybridspan.plan.model import Command, Resource
from hybridspan.plan.phases.networks import network_id_query, place, unless
from hybridspan.plan.phases.torn_peerings import TornSide, waits_for_the_other
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region

Direction = tuple[Region, Region, str]
"""From, to, and the peering's name."""


def commands_of(
    directions: tuple[Direction, ...],
    first: NetworkFacts | None,
    second: NetworkFacts | None,
    torn: tuple[TornSide | None, ...],
) -> tuple[Command, ...]:
    """What a person types: torn pairs deleted first, missing directions created, stale ones synchronised, all looked at."""
    seen = _seen(directions, first, second)
    deletions = [_torn_down(directions)] if _is_torn(seen) else []
    synchronised = [
        Command(("az", *_of(local, name, "sync")))
        for (local, _, name), p in zip(directions, seen, strict=True)
        if p is not None and p.state == "Connected" and p.sync_level != "FullyInSync"
    ]
    opened = [
        Command(("az", *_of(local, name, "update"), "--set", "allowVirtualNetworkAccess=true"))
        for (local, _, name), p in zip(directions, seen, strict=True)
        if p is not None and not p.allow_access and local.network.manage
    ]
    created = [
        Command(script=_create(local, remote, name, kept))
        for (local, remote, name), kept in _in_order(directions, torn)
    ]
    shown = [
        Command(("az", *_of(local, name, "show"), "--query", "peeringState"), comment="prints Connected")
        for local, _, name in directions
    ]
    return (*deletions, *created, *opened, *synchronised, *shown)


def resources_of(
    directions: tuple[Direction, ...],
    first: NetworkFacts | None,
    second: NetworkFacts | None,
    torn: tuple[TornSide | None, ...],
) -> tuple[Resource, ...]:
    """The directions that are missing; a torn pair must be deleted first, which no declaration does."""
    seen = _seen(directions, first, second)
    if _is_torn(seen):
        return ()
    there = {local.name for (local, _, _), present in zip(directions, seen, strict=True) if present}
    return tuple(
        Resource(
            f"{azure_ids.network_id(local)}/virtualNetworkPeerings/{name}",
            bodies.peering(azure_ids.network_id(remote)) if kept is None else dict(kept.body),
        )
        for (local, remote, name), kept in _in_order(directions, torn)
        if local.name not in there
    )


def _seen(
    directions: tuple[Direction, ...], first: NetworkFacts | None, second: NetworkFacts | None
) -> list[PeeringFacts | None]:
    """Each direction as Azure has it."""
    return [
        network.peering_to(azure_ids.network_id(remote)) if network else None
        for network, (_, remote, _) in zip((first, second), directions, strict=True)
    ]


def _is_torn(seen: list[PeeringFacts | None]) -> bool:
    return any(p is not None and p.state == "Disconnected" for p in seen)


def _in_order(
    directions: tuple[Direction, ...], torn: tuple[TornSide | None, ...]
) -> list[tuple[Direction, TornSide | None]]:
    """Both directions with what they were, the one that must wait for the other last."""
    return sorted(zip(directions, torn, strict=True), key=lambda each: waits_for_the_other(each[1]))


def _of(local: Region, name: str, verb: str) -> tuple[str, ...]:
    options = ("--name", name, *place(local), "--vnet-name", local.network.name)
    return ("network", "vnet", "peering", verb, *options)


_SWITCHES = {
    "allowVirtualNetworkAccess": "--allow-vnet-access",
    "allowForwardedTraffic": "--allow-forwarded-traffic",
    "allowGatewayTransit": "--allow-gateway-transit",
    "useRemoteGateways": "--use-remote-gateways",
}
"""Of a direction's options, those that az has a switch for; each is off where it is not named."""


def _create(local: Region, remote: Region, name: str, kept: TornSide | None) -> str:
    create = f"{shlex.join(('az', *_of(local, name, 'create')))} --remote-vnet {network_id_query(remote)}"
    body = bodies.peering(azure_ids.network_id(remote)) if kept is None else kept.body
    switches = [switch for option, switch in _SWITCHES.items() if body["properties"].get(option)]
    return unless(("az", *_of(local, name, "show")), " ".join((create, *switches)))


def _torn_down(directions: tuple[Direction, ...]) -> Command:
    """Both directions deleted where one still is Disconnected: done again, it would cut what has been made whole since."""
    looks = [_state_query(local, name) for local, _, name in directions]
    deletions = [f"  {deletion(local, name).text()}" for local, _, name in directions]
    lines = [
        f"HERE={looks[0]}",
        f"THERE={looks[1]}",
        'if [[ "$HERE $THERE" == *Disconnected* ]]; then',
        *deletions,
    ]
    return Command(
        script="\n".join((*lines, "fi")), comment="Both, and only where one still is Disconnected."
    )


def _state_query(local: Region, name: str) -> str:
    """Bash for a direction's state, empty where it is missing: of one that is missing, `show` fails as it does without a way to Azure."""
    of = (*place(local), "--vnet-name", local.network.name, "--query", f"[?name=='{name}'].peeringState")
    return f"$({shlex.join(('az', 'network', 'vnet', 'peering', 'list', *of, '--out', 'tsv'))})"


def deletion(local: Region, name: str) -> Command:
    """One direction taken away."""
    return Command(("az", *_of(local, name, "delete")))
