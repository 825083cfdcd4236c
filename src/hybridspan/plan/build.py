"""Joins the phases into one plan: topology and facts in, an ordered graph with reasons out; no I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import chain

from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Plan, PlannedStep
from hybridspan.plan.order import in_order
from hybridspan.plan.phases import definitions, in_service, shared_secrets
from hybridspan.plan.phases.clusters import plan_clusters
from hybridspan.plan.phases.groups import plan_groups
from hybridspan.plan.phases.host_network import plan_host_network
from hybridspan.plan.phases.install import plan_install
from hybridspan.plan.phases.keyspaces import plan_keyspaces
from hybridspan.plan.phases.networks import plan_networks
from hybridspan.plan.phases.operator import plan_operator, plan_organization
from hybridspan.plan.phases.overrides import plan_overrides
from hybridspan.plan.phases.peerings import plan_peerings
from hybridspan.plan.phases.ports import plan_ports
from hybridspan.plan.phases.reachability import plan_reachability
from hybridspan.plan.phases.rebuild import plan_rebuild
from hybridspan.plan.phases.replication import plan_replication
from hybridspan.plan.phases.runtime import plan_runtime
from hybridspan.plan.phases.seed_removal import plan_seed_removal
from hybridspan.plan.phases.trust import plan_trust
from hybridspan.plan.phases.verification import plan_verification
from hybridspan.plan.phases.way_back import with_way_back
from hybridspan.topology.loading import digest
from hybridspan.topology.model import Topology

Phase = Callable[[Topology, WorldFacts], list[PlannedStep]]

PHASES: tuple[Phase, ...] = (
    plan_groups,
    plan_networks,
    plan_peerings,
    plan_clusters,
    plan_ports,
    plan_host_network,
    plan_keyspaces,
    plan_trust,
    plan_overrides,
    plan_operator,
    plan_install,
    plan_reachability,
    plan_organization,
    plan_replication,
    plan_rebuild,
    plan_verification,
    plan_seed_removal,
    plan_runtime,
)


def build(topology: Topology, facts: WorldFacts) -> Plan:
    """The plan; ValueError where phases contradict one another (a defect, not the person's)."""
    phases = [step for phase in PHASES for step in phase(topology, facts)]
    served = in_service.left_alone(topology, facts, phases)
    steps = tuple(_without_acts(step) for step in in_order(with_way_back(topology, facts, served)))
    found = (phase.findings(topology, facts) for phase in (in_service, shared_secrets, definitions))
    findings = (*facts.findings, *chain.from_iterable(found))
    notes = tuple(f.message for f in facts.findings if f.check == "estimate")
    made = Plan(topology.name, digest(topology), _digest_of(steps), steps, findings, notes)
    first = facts.regions[topology.first.name].apigee
    store = first.datastore if first else None
    return replace(made, credentials_secret=store.credentials_secret) if store else made


def _without_acts(step: PlannedStep) -> PlannedStep:
    """A step that must not be done stands for no command: at night what is on the screen gets typed. Its way back stays."""
    if step.decision.state != "refused":
        return step
    return replace(step, commands=(), resources=())


def _digest_of(steps: tuple[PlannedStep, ...]) -> str:
    """Changes when a decision or a command changes, not when a byte count or a clock moves on."""
    content = [[s.id, s.decision.state, [c.text() for c in s.commands]] for s in steps]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
