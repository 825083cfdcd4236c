"""Whether Cassandra's port is open between two regions' subnets; row 7 of the procedure.

Azure's default rules let peered networks through, so mostly nothing is to be done. Where a subnet's own security group
denies it, one allowing rule goes in front of the denying one. AKS's own group, in the cluster's node resource group, is never touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network

from hybridspan.facts import azure_bodies as bodies
from hybridspan.facts.azure import RegionAzureFacts, SecurityGroupFacts, SecurityRuleFacts, same_id
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import (
    Command,
    Decision,
    PlannedStep,
    Resource,
    StepId,
    done,
    later,
    needed,
    refused,
)
from hybridspan.plan.phases import networks, peerings
from hybridspan.plan.phases.peerings import Pair
from hybridspan.plan.phases.rule_commands import command, listed
from hybridspan.plan.phases.security_rules import Direction, Flow, Verdict, free_priority, judge
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region, Topology

_AKS_NAME = re.compile(r"aks-agentpool-\d+-nsg", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Closing:
    """A flow that a security group closes, and the rule that would open it; None, with the reason, where none may be added."""

    region: Region
    group: SecurityGroupFacts
    direction: Direction
    flow: Flow
    by: str
    remedy: SecurityRuleFacts | None
    hopeless: str = ""
    """Why no rule of ours helps, in words."""
    hint: str = ""


def plan_ports(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """A step for each pair of regions; pairs that share a security group do not take one another's priorities."""
    steps: list[PlannedStep] = []
    planned: dict[str, list[SecurityRuleFacts]] = {}
    for pair in peerings.pairs(topology):
        first, second = (facts.regions[region.name].azure for region in pair)
        found = closings(topology, pair, _with(first, planned), _with(second, planned))
        for closing in found:
            if closing.remedy is not None:
                planned.setdefault(closing.group.id.lower(), []).append(closing.remedy)
        steps.append(_step(topology, pair, first, second, found))
    return steps


def _with(facts: RegionAzureFacts, planned: Mapping[str, Sequence[SecurityRuleFacts]]) -> RegionAzureFacts:
    """The same with the rules that other pairs' steps will have added."""
    if not planned:
        return facts
    groups = (replace(g, rules=(*g.rules, *planned.get(g.id.lower(), ()))) for g in facts.security_groups)
    return replace(facts, security_groups=tuple(groups))


def step_id(pair: Pair) -> StepId:
    """The step's id."""
    return StepId(f"ports/{pair[0].name}+{pair[1].name}")


def wanted_ports(topology: Topology) -> tuple[int, ...]:
    """The TLS port; the plain one, a way back while troubleshooting, only where the file asks for it."""
    cassandra = topology.cassandra
    return (cassandra.tls_port, cassandra.plain_port) if cassandra.open_plain_port else (cassandra.tls_port,)


def decide_ports(
    topology: Topology, pair: Pair, first: RegionAzureFacts, second: RegionAzureFacts
) -> Decision:
    """Whether a rule must be added so that Cassandra's nodes of the pair reach one another."""
    if apart := peerings.connected_otherwise(pair):
        return done(f"{apart}: no rule is judged or added")
    ports = " and ".join(str(p) for p in wanted_ports(topology))
    found = closings(topology, pair, first, second)
    if hopeless := next((c for c in found if c.remedy is None), None):
        return refused(f"{_words(hopeless)}, and {hopeless.hopeless}", hopeless.hint)
    if found:
        return needed("; ".join(_words(c) for c in found))
    absent = [r.network.name for r, f in zip(pair, (first, second), strict=True) if f.network is None]
    if absent:
        return later(f"TCP {ports} is looked at once network {' and '.join(absent)} exists")
    return done(f"TCP {ports} is open both ways between the subnets of {pair[0].name} and {pair[1].name}")


def _words(closing: Closing) -> str:
    flow = closing.flow
    return (
        f"{closing.by} of {closing.group.name} closes TCP {flow.port} from {flow.source} to {flow.destination} "
        f"({closing.direction.lower()} at {closing.region.network.cassandra_subnet.name})"
    )


def closings(
    topology: Topology, pair: Pair, first: RegionAzureFacts, second: RegionAzureFacts
) -> list[Closing]:
    """Everything in the two subnets' own groups that closes one of the wanted ports, in a stable order."""
    if peerings.connected_otherwise(pair):
        return []
    found: list[Closing] = []
    for region, direction, facts, flow, space in _looks(topology, pair, first, second):
        group = _group_of(region, facts)
        if group is None:
            continue
        known = [c.remedy for c in found if c.remedy is not None and same_id(c.group.id, group.id)]
        verdict = judge((*group.rules, *known), direction, flow, space)
        if not verdict.is_open:
            found.append(_closing(region, group, direction, flow, verdict, known))
    return found


def _looks(
    topology: Topology, pair: Pair, first: RegionAzureFacts, second: RegionAzureFacts
) -> Iterator[tuple[Region, Direction, RegionAzureFacts, Flow, tuple[IPv4Network, ...]]]:
    """Each group that a packet passes: out of its subnet, then into the other one; both ways, each port."""
    space = (*_space(pair[0], first), *_space(pair[1], second))
    sides = ((pair[0], first), (pair[1], second))
    for (local, ours), (remote, theirs) in (sides, sides[::-1]):
        for port in wanted_ports(topology):
            flow = Flow(local.network.cassandra_subnet.prefix, remote.network.cassandra_subnet.prefix, port)
            yield local, "Outbound", ours, flow, space
            yield remote, "Inbound", theirs, flow, space


def _space(region: Region, facts: RegionAzureFacts) -> tuple[IPv4Network, ...]:
    return facts.network.address_prefixes if facts.network else region.network.address_prefixes


def _group_of(region: Region, facts: RegionAzureFacts) -> SecurityGroupFacts | None:
    subnet = facts.network.subnet(region.network.cassandra_subnet.name) if facts.network else None
    if subnet is None or subnet.security_group_id is None:
        return None
    wanted = subnet.security_group_id
    return next((g for g in facts.security_groups if same_id(g.id, wanted)), None)


def _closing(
    region: Region,
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
    why, hint = _hopeless(group, wanted, by, has_room=priority is not None)
    return Closing(region, group, direction, flow, by, None if why else wanted, why, hint)


def _hopeless(
    group: SecurityGroupFacts, wanted: SecurityRuleFacts, by: str, *, has_room: bool
) -> tuple[str, str]:
    """Why no rule may be added, and what a person does instead; empty where one may."""
    if _is_of_aks(group):
        hint = "AKS writes its own group again whenever it likes: give the subnet a group of yours, or ask who added the rule"
        return "the group is AKS's own, which is never touched", hint
    ours = next((r for r in group.rules if r.name.lower() == wanted.name.lower()), None)
    if ours is not None:
        hint = f"ask who added it; remove it, or give it a number above {ours.priority}"
        return f"it wins over {ours.name} (priority {ours.priority}), which would open it", hint
    if not has_room:
        hint = f"make room in {group.name}, or add the rule by hand"
        return f"no priority is free in front of {by}", hint
    return "", ""


def _is_of_aks(group: SecurityGroupFacts) -> bool:
    """Whether AKS made it: in a cluster's own resource group, or by AKS's kind of name."""
    in_its_group = azure_ids.parse(group.id).resource_group.lower().startswith("mc_")
    return in_its_group or bool(_AKS_NAME.fullmatch(group.name))


def _allow(direction: Direction, flow: Flow, priority: int) -> SecurityRuleFacts:
    """Exactly the two subnets, exactly the port."""
    other = flow.source if direction == "Inbound" else flow.destination
    peer = str(other).replace(".", "-").replace("/", "-")
    return SecurityRuleFacts(
        name=f"hybridspan-cassandra-{flow.port}-{'from' if direction == 'Inbound' else 'to'}-{peer}",
        priority=priority,
        direction=direction,
        access="Allow",
        protocol="Tcp",
        sources=(str(flow.source),),
        source_ports=("*",),
        destinations=(str(flow.destination),),
        destination_ports=(str(flow.port),),
    )


def _step(
    topology: Topology,
    pair: Pair,
    first: RegionAzureFacts,
    second: RegionAzureFacts,
    found: Sequence[Closing],
) -> PlannedStep:
    a, b = pair
    decision = decide_ports(topology, pair, first, second)
    remedies = [(c.group.id, c.remedy) for c in found if c.remedy is not None]
    return PlannedStep(
        id=step_id(pair),
        phase="ports",
        region=b.name,
        title=f"Cassandra's ports between {a.name} and {b.name}",
        decision=decision,
        commands=tuple(command("create", group, rule) for group, rule in remedies)
        or _shown(pair, first, second),
        needs=(peerings.step_id(pair),),
        lanes=_lanes(pair, first, second),
        procedure_rows=(7,),
        undo=tuple(command("delete", group, rule) for group, rule in remedies),
        resources=tuple(
            Resource(f"{group}/securityRules/{rule.name}", bodies.rule(rule)) for group, rule in remedies
        ),
    )


def _lanes(pair: Pair, first: RegionAzureFacts, second: RegionAzureFacts) -> tuple[str, ...]:
    """Each group takes one writer at a time; two regions may share one."""
    groups = [_group_of(r, f) for r, f in zip(pair, (first, second), strict=True)]
    ids = {f"security-group/{g.id.lower()}" for g in groups if g is not None}
    return tuple(sorted(ids)) or tuple(networks.lane(r) for r in pair)


def _shown(pair: Pair, first: RegionAzureFacts, second: RegionAzureFacts) -> tuple[Command, ...]:
    """Where nothing is to be added: the look that a person takes."""
    groups = [_group_of(r, f) for r, f in zip(pair, (first, second), strict=True)]
    return tuple(listed(group) for group in groups if group is not None)
