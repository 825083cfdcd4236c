"""Everything of Apigee but the datastore, in a region whose data has been proved."""

from __future__ import annotations

import shlex

from hybridspan.facts.apigee import ApigeeFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Command, Decision, PlannedStep, StepId, done, later, needed
from hybridspan.plan.phases.kubectl import apigeectl, kubectl
from hybridspan.plan.phases.operator import key_of, release_step
from hybridspan.plan.phases.releases import wanted_releases
from hybridspan.topology.model import Region, Topology


def plan_runtime(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """One step for every new region; with Helm each release before it."""
    if topology.installer == "helm":
        return [step for region in topology.new_regions for step in _releases(topology, region, facts)]
    first = facts.regions[topology.first.name].apigee
    return [_runtime(region, first, facts.regions[region.name].apigee) for region in topology.new_regions]


def _releases(topology: Topology, region: Region, facts: WorldFacts) -> list[PlannedStep]:
    """Everything that is not there yet, once the data is proved; then the look at all of it."""
    first, here = (facts.regions[r.name].installation for r in (topology.first, region))
    last = [
        w
        for w in wanted_releases(topology, first)
        if w.component in ("telemetry", "redis", "env", "virtualhost")
    ]
    steps = [
        release_step(topology, region, first, here, key_of(w), "verify-again", "replication") for w in last
    ]
    look = kubectl(
        region, "-n", region.namespace, "get", "apigeeds,apigeeorg,apigeeenv,apigeetelemetry,apigeeredis"
    )
    gate = PlannedStep(
        id=StepId(f"runtime/{region.name}"),
        phase="runtime",
        region=region.name,
        title=f"Apigee runs in {region.cluster.name}",
        decision=decide_runtime(first.apigee, here.apigee),
        commands=(look,),
        needs=tuple(step.id for step in steps),
        lanes=(f"apigee/{region.name}",),
        procedure_rows=(11,),
        undo_note="Take traffic off the region first. The datastore stays: its nodes leave the ring further down.",
    )
    return [*steps, gate]


def decide_runtime(first: ApigeeFacts | None, own: ApigeeFacts | None) -> Decision:
    """Done when every organization and environment of the first region, and whatever else is here, runs here too."""
    if own is None or own.datastore is None:
        return later("nothing is installed yet")
    expected = {(r.kind, r.name) for r in first.resources} if first else set()
    held = {(r.kind, r.name) for r in own.resources}
    wanted = {e for e in expected if e[0] in ("ApigeeOrganization", "ApigeeEnvironment")}
    if missing := sorted(f"{kind} {name}" for kind, name in wanted - held):
        return needed(f"not installed yet: {', '.join(missing)}")
    if not own.resources:
        return needed("no organization and no environment is installed yet")
    if waiting := [f"{r.kind} {r.name} is {r.state or 'new'}" for r in own.resources if r.state != "running"]:
        return needed(", ".join(waiting))
    return done(
        f"{len(own.resources)} resources are running: {', '.join(sorted(r.name for r in own.resources))}"
    )


def _runtime(region: Region, first: ApigeeFacts | None, own: ApigeeFacts | None) -> PlannedStep:
    return PlannedStep(
        id=StepId(f"runtime/{region.name}"),
        phase="runtime",
        region=region.name,
        title=f"Apigee runtime in {region.cluster.name}",
        decision=decide_runtime(first, own),
        commands=(*apigeectl(region, "apply"), _ready(region)),
        needs=(StepId(f"verify-again/{region.name}"),),
        lanes=(f"apigee/{region.name}",),
        procedure_rows=(11,),
        undo=(*apigeectl(region, "delete", "--all-envs"), apigeectl(region, "delete", "--org")[-1]),
        undo_note="Take traffic off the region first. The datastore stays: its nodes leave the ring further down.",
    )


def _ready(region: Region) -> Command:
    """check-ready says no as long as something is on its way."""
    asked = apigeectl(region, "check-ready")[-1].text()
    return Command(script=f"timeout 30m bash -c {shlex.quote(f'until {asked}; do sleep 5; done')}")
