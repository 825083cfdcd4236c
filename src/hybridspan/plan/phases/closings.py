"""What closes Cassandra's port between two regions, and the rule that would open it: judged from the subnets' own groups."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from itertools import product

from hybridspan.facts.azure import RegionAzureFacts, SecurityGroupFacts, SecurityRuleFacts, same_id
from hybridspan.plan.phases import peerings
from hybridspan.plan.phases.peerings import Pair
from hybridspan.plan.phases.security_rules import Direction, Flow, Verdict, free_priority, judge
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region, Subnet, Topology

OUR_RULES = "hybridspan-cassandra-"
"""How the names of all rules of ours begin."""
_AKS_NAME = re.compile(r"aks-agentpool-\d+-nsg", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Side:
    """One region of a pair, with the subnet that Cassandra's addresses come from there."""

    region: Region
    facts: RegionAzureFacts
    subnet: Subnet

    @property
    def group(self) -> SecurityGroupFacts | None:
        """The subnet's own security group."""
        found = self.facts.network.subnet(self.subnet.name) if self.facts.network else None
        if found is None or found.security_group_id is None:
            return None
        wanted = found.security_group_id
        return next((g for g in self.facts.security_groups if same_id(g.id, wanted)), None)

    @property
    def exits(self) -> tuple[Side, ...]:
        """Where Cassandra's packets come from for the other region, which may see a pod as its node.

        AKS translates what a pod sends out of its virtual network to the address of its node, which is in another subnet where
        pods have their own.
        """
        nodes = self.region.network.subnet
        return (self,) if self.subnet == nodes else (self, replace(self, subnet=nodes))


@dataclass(frozen=True, slots=True)
class Closing:
    """A flow that a security group closes, and the rule that would open it; None, with the reason, where none may be added."""

    side: Side
    group: SecurityGroupFacts
    direction: Direction
    flow: Flow
    by: str
    remedy: SecurityRuleFacts | None
    hopeless: str = ""
    """Why no rule of ours helps, in words."""
    hint: str = ""

    @property
    def region(self) -> Region:
        """Where it closes."""
        return self.side.region


def sides(
    pair: Pair, first: RegionAzureFacts, second: RegionAzureFacts, *, on_machines: bool
) -> tuple[Side, Side]:
    """Both regions; with hostNetwork Cassandra has its machines' addresses, also where pods have a subnet of their own."""
    one, other = (r.network.subnet if on_machines else r.network.cassandra_subnet for r in pair)
    return Side(pair[0], first, one), Side(pair[1], second, other)


def wanted_ports(topology: Topology) -> tuple[int, ...]:
    """The TLS port; the plain one, a way back while troubleshooting, only where the file asks for it."""
    cassandra = topology.cassandra
    return (cassandra.tls_port, cassandra.plain_port) if cassandra.open_plain_port else (cassandra.tls_port,)


def closings(
    topology: Topology,
    pair: Pair,
    first: RegionAzureFacts,
    second: RegionAzureFacts,
    *,
    on_machines: bool = False,
) -> list[Closing]:
    """Everything in the two subnets' own groups that closes one of the wanted ports, in a stable order."""
    if peerings.connected_otherwise(pair):
        return []
    found: list[Closing] = []
    both = sides(pair, first, second, on_machines=on_machines)
    space = tuple(prefix for side in both for prefix in _space(side))
    for side, direction, flow in _looks(topology, both):
        if (group := side.group) is None:
            continue
        known = [c.remedy for c in found if c.remedy is not None and same_id(c.group.id, group.id)]
        verdict = judge((*group.rules, *known), direction, flow, space)
        if not verdict.is_open:
            found.append(_closing(side, group, direction, flow, verdict, known))
    return found


def _looks(topology: Topology, both: tuple[Side, Side]) -> Iterator[tuple[Side, Direction, Flow]]:
    """Each group that a packet passes: out of its subnet, then into the other one; both ways, each port."""
    for local, remote in (both, both[::-1]):
        for exit_, port in product(local.exits, wanted_ports(topology)):
            flow = Flow(exit_.subnet.prefix, remote.subnet.prefix, port)
            yield exit_, "Outbound", flow
            yield remote, "Inbound", flow


def _space(side: Side) -> tuple[IPv4Network, ...]:
    network = side.facts.network
    return network.address_prefixes if network else side.region.network.address_prefixes


def _closing(
    side: Side,
    group: SecurityGroupFacts,
    direction: Direction,
    flow: Flow,
    verdict: Verdict,
    known: Sequence[SecurityRuleFacts],
) -> Closing:
    by = (
        f"rule {verdict.rule.name} (priority {verdict.rule.priority})"
        if verdict.rule
        else "the default DenyAllInBound"
    )
    ceiling = verdict.rule.priority if verdict.rule else 4097
    priority = free_priority((*group.rules, *known), direction, ceiling)
    wanted = _allow(direction, flow, priority or ceiling)
    why, hint = _hopeless(group, wanted, direction, flow, by, has_room=priority is not None)
    return Closing(side, group, direction, flow, by, None if why else wanted, why, hint)


def _hopeless(
    group: SecurityGroupFacts,
    wanted: SecurityRuleFacts,
    direction: Direction,
    flow: Flow,
    by: str,
    *,
    has_room: bool,
) -> tuple[str, str]:
    """Why no rule may be added, and what a person does instead; empty where one may."""
    if _is_of_aks(group):
        hint = "AKS writes its own group again whenever it likes: give the subnet a group of yours, or ask who added the rule"
        return "the group is AKS's own, which is never touched", hint
    ours = next((r for r in group.rules if r.name.startswith(OUR_RULES) and _opens(r, direction, flow)), None)
    if ours is not None:
        hint = f"ask who added it; remove it, or give it a number above {ours.priority}"
        return f"it wins over {ours.name} (priority {ours.priority}), which would open it", hint
    if any(r.name.lower() == wanted.name.lower() for r in group.rules):
        hint = f"somebody has changed it: az network nsg rule show --ids {group.id}/securityRules/{wanted.name}; remove it"
        return f"the rule {wanted.name}, which would open it, says something else", hint
    if not has_room:
        hint = f"make room in {group.name}, or add the rule by hand"
        return f"no priority is free in front of {by}", hint
    return "", ""


def _opens(rule: SecurityRuleFacts, direction: Direction, flow: Flow) -> bool:
    """Whether that rule, alone, lets the flow pass; by what it says, for a name tells neither its ends nor what became of it."""
    verdict = judge((rule,), direction, flow, ())
    return verdict.is_open and verdict.rule is not None


def _is_of_aks(group: SecurityGroupFacts) -> bool:
    """Whether AKS made it: in a cluster's own resource group, or by AKS's kind of name."""
    in_its_group = azure_ids.parse(group.id).resource_group.lower().startswith("mc_")
    return in_its_group or bool(_AKS_NAME.fullmatch(group.name))


def _allow(direction: Direction, flow: Flow, priority: int) -> SecurityRuleFacts:
    """Exactly the two subnets, exactly the port.

    Both ends are in the name, because one group may guard the subnets of nodes and of pods: it then needs a rule for each.
    """
    source, destination = (
        f"{word}-{_in_a_name(end)}" for word, end in (("from", flow.source), ("to", flow.destination))
    )
    ends = f"{source}-{destination}" if direction == "Inbound" else f"{destination}-{source}"
    return SecurityRuleFacts(
        name=f"{OUR_RULES}{flow.port}-{ends}",
        priority=priority,
        direction=direction,
        access="Allow",
        protocol="Tcp",
        sources=(str(flow.source),),
        source_ports=("*",),
        destinations=(str(flow.destination),),
        destination_ports=(str(flow.port),),
    )


def _in_a_name(prefix: IPv4Network) -> str:
    """A range as Azure allows it in a name, which has 80 characters at most."""
    return str(prefix).replace(".", "-").replace("/", "-")
