"""Whether Cassandra's port is open between two regions' subnets; row 7 of the procedure.

Azure's default rules let peered networks through, so mostly nothing is to be done. Where a subnet's own security group
denies it, one allowing rule goes in front of the denying one. AKS's own group, in the cluster's node resource group, is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hybridspan.facts import azure_bodies as bodies
from hybridspan.facts.azure import RegionAzureFacts, SecurityGroupFacts, SecurityRuleFacts
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
from hybridspan.plan.phases.closings import OUR_RULES, Closing, Side, closings, sides, wanted_ports
from hybridspan.plan.phases.peerings import Pair
from hybridspan.plan.phases.rule_commands import command, listed
from hybridspan.topology.model import Topology


def is_on_machines(topology: Topology, facts: WorldFacts) -> bool:
    """Whether Cassandra runs, or is to run, with hostNetwork: the first region's file says it for all."""
    overrides = facts.regions[topology.first.name].overrides
    return overrides is not None and overrides.host_network


def plan_ports(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """A step for each pair of regions; pairs that share a security group do not take one another's priorities."""
    steps: list[PlannedStep] = []
    planned: dict[str, list[SecurityRuleFacts]] = {}
    on_machines = is_on_machines(topology, facts)
    for pair in peerings.pairs(topology):
        first, second = (facts.regions[region.name].azure for region in pair)
        found = closings(
            topology, pair, _with(first, planned), _with(second, planned), on_machines=on_machines
        )
        for closing in found:
            if closing.remedy is not None:
                planned.setdefault(closing.group.id.lower(), []).append(closing.remedy)
        decision = decide_ports(topology, pair, first, second, on_machines=on_machines)
        steps.append(_step(pair, sides(pair, first, second, on_machines=on_machines), decision, found))
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


def decide_ports(
    topology: Topology,
    pair: Pair,
    first: RegionAzureFacts,
    second: RegionAzureFacts,
    *,
    on_machines: bool = False,
) -> Decision:
    """Whether a rule must be added so that Cassandra's nodes of the pair reach one another."""
    if apart := peerings.connected_otherwise(pair):
        return done(f"{apart}: no rule is judged or added")
    ports = " and ".join(str(p) for p in wanted_ports(topology))
    found = closings(topology, pair, first, second, on_machines=on_machines)
    if hopeless := next((c for c in found if c.remedy is None), None):
        return refused(f"{_words(hopeless)}, and {hopeless.hopeless}", hopeless.hint)
    if found:
        return needed("; ".join(_words(c) for c in found))
    absent = [r.network.name for r, f in zip(pair, (first, second), strict=True) if f.network is None]
    if absent:
        words = (
            f"network {absent[0]} exists" if len(absent) == 1 else f"networks {' and '.join(absent)} exist"
        )
        return later(f"TCP {ports} is looked at once {words}")
    return done(f"TCP {ports} is open both ways between the subnets of {pair[0].name} and {pair[1].name}")


def _words(closing: Closing) -> str:
    flow = closing.flow
    return (
        f"{closing.by} of {closing.group.name} closes TCP {flow.port} from {flow.source} to {flow.destination} "
        f"({closing.direction.lower()} at {closing.side.subnet.name})"
    )


def _step(pair: Pair, both: tuple[Side, Side], decision: Decision, found: Sequence[Closing]) -> PlannedStep:
    a, b = pair
    remedies = [(c.group.id, c.remedy) for c in found if c.remedy is not None]
    return PlannedStep(
        id=step_id(pair),
        phase="ports",
        region=b.name,
        title=f"Cassandra's ports between {a.name} and {b.name}",
        decision=decision,
        commands=tuple(command("create", group, rule) for group, rule in remedies) or _shown(both),
        needs=(peerings.step_id(pair),),
        lanes=_lanes(both),
        procedure_rows=(7,),
        undo=tuple(command("delete", group, rule) for group, rule in (*remedies, *_made(both))),
        resources=tuple(
            Resource(f"{group}/securityRules/{rule.name}", bodies.rule(rule)) for group, rule in remedies
        ),
    )


def _made(both: tuple[Side, Side]) -> list[tuple[str, SecurityRuleFacts]]:
    """The rules between the two that an earlier run has made: they are told by their names and by exactly these subnets."""
    ends = {str(each.subnet.prefix) for side in both for each in side.exits}
    return [
        (group.id, rule)
        for group in _groups(both)
        for rule in group.rules
        if rule.name.startswith(OUR_RULES) and ends.issuperset((*rule.sources, *rule.destinations))
    ]


def _lanes(both: tuple[Side, Side]) -> tuple[str, ...]:
    """Each group takes one writer at a time; two regions may share one."""
    ids = {f"security-group/{group.id.lower()}" for group in _groups(both)}
    return tuple(sorted(ids)) or tuple(networks.lane(side.region) for side in both)


def _shown(both: tuple[Side, Side]) -> tuple[Command, ...]:
    """Where nothing is to be added: the look that a person takes."""
    return tuple(listed(group) for group in _groups(both))


def _groups(both: tuple[Side, Side]) -> tuple[SecurityGroupFacts, ...]:
    """Every group that Cassandra's packets pass, each once."""
    passed = (exit_.group for side in both for exit_ in side.exits)
    return tuple({group.id.lower(): group for group in passed if group is not None}.values())
