"""Virtual networks with the clusters' subnets; rows 1 and 2 of the procedure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import Final

from hybridspan.facts import azure_bodies as bodies
from hybridspan.facts.azure import NetworkFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Command, Decision, PlannedStep, Resource, StepId, done, needed, refused
from hybridspan.plan.phases import groups
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region, Subnet, Topology

MARKED: Final = "A run of hybridspan made it: it carries this topology's tag. "
"""Said on the way back of what is there and ours."""


def plan_networks(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """A step for each region's network."""
    return [_step(topology, region, facts.regions[region.name].azure.network) for region in topology.regions]


def step_id(region: Region) -> StepId:
    """The step's id."""
    return StepId(f"network/{region.name}")


def lane(region: Region) -> str:
    """The network takes one writer at a time."""
    return f"network/{azure_ids.network_id(region).lower()}"


def decide_network(topology: Topology, region: Region, network: NetworkFacts | None) -> Decision:
    """Whether the region's network, or its subnet, is to be made. What is there is never changed."""
    if network is None:
        return _missing(topology, region)
    if problem := _differs(region, network):
        return problem
    if added := missing_prefixes(region, network):
        return needed(
            f"network {network.name} lacks {ranges(added)}, which the file manages: added to what it has"
        )
    wanted = region.network.subnets
    absent = [s.name for s in wanted if network.subnet(s.name) is None]
    if absent:
        return needed(f"network {network.name} exists and has no subnet {' and '.join(absent)}")
    states = [found.provisioning_state for s in wanted if (found := network.subnet(s.name))]
    waiting = [s for s in (network.provisioning_state, *states) if s != "Succeeded"]
    if waiting:
        return needed(f"network {network.name} exists and is not ready: {waiting[0]}")
    return done(
        f"network {network.name} ({ranges(network.address_prefixes)}) exists" + _note(region, network)
    )


def missing_prefixes(region: Region, network: NetworkFacts) -> list[IPv4Network]:
    """Declared ranges that the network lacks."""
    return [p for p in region.network.address_prefixes if not _covers(network.address_prefixes, p)]


def _listed(region: Region) -> str:
    return f"az network vnet list --subscription {region.subscription}"


def _missing(topology: Topology, region: Region) -> Decision:
    name = region.network.name
    if region.network.id is not None:
        return refused(
            f"the network that the file names does not exist: {region.network.id}",
            f"correct the id ({_listed(region)} --query '[].id'), or leave it out to have a network made",
        )
    if region == topology.first:
        return refused(
            f"the first region's network {name} does not exist in resource group {region.resource_group}",
            f"name the network that its cluster lies in: {_listed(region)} --output table",
        )
    return needed(f"there is no network {name} in resource group {region.resource_group}")


def _differs(region: Region, network: NetworkFacts) -> Decision | None:
    """What makes going on wrong: another place, other ranges for the subnet."""
    declared = region.network
    if network.location and network.location.replace(" ", "").lower() != region.name.lower():
        return refused(
            f"network {network.name} lies in {network.location}, and the file says {region.name}",
            "correct the region's name, or name a network of that region",
        )
    if missing_prefixes(region, network) and not declared.manage:
        return refused(
            f"network {network.name} has {ranges(network.address_prefixes)}, and the file says "
            f"{ranges(declared.address_prefixes)}",
            "write the network's real ranges into the file, or say network.manage: true to have ranges added",
        )
    for wanted in region.network.subnets:
        subnet = network.subnet(wanted.name)
        if subnet is not None and subnet.prefixes and wanted.prefix not in subnet.prefixes:
            return refused(
                f"subnet {subnet.name} of {network.name} has {ranges(subnet.prefixes)}, and the file says "
                f"{wanted.prefix}",
                "write the subnet's real range into the file; existing subnets are not changed",
            )
    return None


def _note(region: Region, network: NetworkFacts) -> str:
    extra = [p for p in network.address_prefixes if not _covers(region.network.address_prefixes, p)]
    return f"; it also has {ranges(extra)}, left alone" if extra else ""


def _covers(wide: Sequence[IPv4Network], narrow: IPv4Network) -> bool:
    return any(narrow.subnet_of(prefix) for prefix in wide)


def ranges(prefixes: Sequence[IPv4Network]) -> str:
    """Ranges in words."""
    return ", ".join(str(p) for p in prefixes)


def place(region: Region) -> tuple[str, ...]:
    """The options that say where the region's network lies."""
    return options_of(azure_ids.network_place(region))


def options_of(found: azure_ids.ResourceId) -> tuple[str, ...]:
    """The options that say where a resource lies."""
    return ("--resource-group", found.resource_group, "--subscription", found.subscription)


def network_id_query(region: Region) -> str:
    """Bash for the network's id, as a person asks for it."""
    argv = ("az", "network", "vnet", "show", *place(region), "--name", region.network.name)
    return f'"$({shlex.join(argv)} --query id --out tsv)"'


def unless(look: Sequence[str], act: str) -> str:
    """Bash that acts only where the look fails: a second PUT of what exists could change it."""
    return f"{shlex.join(look)} --output none 2>/dev/null ||\n  {act}"


def _step(topology: Topology, region: Region, network: NetworkFacts | None) -> PlannedStep:
    decision = decide_network(topology, region, network)
    name = ("--name", region.network.name)
    is_ours = _is_ours(topology, region, network)
    delete = Command(("az", "network", "vnet", "delete", *place(region), *name))
    return PlannedStep(
        id=step_id(region),
        phase="network",
        region=region.name,
        title=f"Virtual network {region.network.name} in {region.name}",
        decision=decision,
        commands=_commands(region, network),
        needs=(groups.step_id(region),),
        lanes=(lane(region),),
        procedure_rows=(1, 2),
        undo=(delete,) if is_ours else (),
        undo_note=MARKED.strip() if is_ours and network else "",
        resources=_resources(topology, region, network),
    )


def _is_ours(topology: Topology, region: Region, network: NetworkFacts | None) -> bool:
    """Whether it is, or will be, of our making; the first region's never is."""
    if region == topology.first:
        return False
    return network is None or bodies.is_marked(topology.name, network.tags)


def _resources(topology: Topology, region: Region, network: NetworkFacts | None) -> tuple[Resource, ...]:
    """The network whole, or the subnets that it lacks."""
    whole = azure_ids.network_id(region)
    if network is None:
        marks = bodies.tags(topology.name, region)
        return () if region.network.id else (Resource(whole, bodies.network(region, marks)),)
    absent = [s for s in region.network.subnets if network.subnet(s.name) is None]
    return tuple(Resource(f"{whole}/subnets/{s.name}", bodies.subnet(s)) for s in absent)


def _commands(region: Region, network: NetworkFacts | None) -> tuple[Command, ...]:
    declared = region.network
    show = ("az", "network", "vnet", "show", *place(region), "--name", declared.name)
    if network is not None:
        return _commands_for_existing(region, network)
    create = [
        *("az", "network", "vnet", "create", "--name", declared.name, "--location", region.name),
        *place(region),
        *("--address-prefixes", *(str(p) for p in declared.address_prefixes)),
        *("--subnet-name", declared.subnet.name, "--subnet-prefix", str(declared.subnet.prefix)),
    ]
    made = Command(script=unless(show, shlex.join(create)))
    pods = [Command(script=unless(*_subnet_commands(region, s))) for s in region.network.subnets[1:]]
    return (made, *pods, _asked(show))


def _asked(show: Sequence[str]) -> Command:
    return Command((*show, "--query", "id", "--out", "tsv"), comment="The id that the peerings name.")


def _commands_for_existing(region: Region, network: NetworkFacts) -> tuple[Command, ...]:
    """Ranges that the file manages and subnets that are missing; else the look that a person takes."""
    name = ("--name", region.network.name)
    show = ("az", "network", "vnet", "show", *place(region), *name)
    commands = []
    if (added := missing_prefixes(region, network)) and region.network.manage:
        every = [str(p) for p in (*network.address_prefixes, *added)]
        update = ("az", "network", "vnet", "update", *place(region), *name, "--address-prefixes", *every)
        commands.append(Command(update))
    absent = [s for s in region.network.subnets if network.subnet(s.name) is None]
    commands += [Command(script=unless(*_subnet_commands(region, s))) for s in absent]
    return (*commands, _asked(show))


def _subnet_commands(region: Region, subnet: Subnet) -> tuple[tuple[str, ...], str]:
    of = (*place(region), "--vnet-name", region.network.name, "--name", subnet.name)
    create = ("az", "network", "vnet", "subnet", "create", *of)
    prefix = ("--address-prefixes", str(subnet.prefix))
    return ("az", "network", "vnet", "subnet", "show", *of), shlex.join((*create, *prefix))
