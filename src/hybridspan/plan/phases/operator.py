"""What Helm brings before the datastore: Apigee's CRDs, then the operator; and what comes with the organization."""

from __future__ import annotations

from dataclasses import dataclass

from hybridspan.facts.apigee import ApigeeFacts
from hybridspan.facts.helm import WantedRelease
from hybridspan.facts.world import Installation, WorldFacts
from hybridspan.plan.model import Decision, PlannedStep, StepId, done, needed, refused
from hybridspan.plan.phases.definitions import decide_crds
from hybridspan.plan.phases.identity import identity_step, is_federated
from hybridspan.plan.phases.kubectl import kubectl
from hybridspan.plan.phases.releases import (
    decide_release,
    definitions_applied,
    the_release,
    uninstalled,
    upgraded,
    wanted_releases,
)
from hybridspan.topology.model import Region, Topology
from hybridspan.topology.releases import replication_of
from hybridspan.topology.resource_names import organization_name


def plan_operator(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """`crds` and `operator` of every new region, with installer helm."""
    return [
        step for new in _new(topology, facts) for step in (_crds(topology, new), _operator(topology, new))
    ]


@dataclass(frozen=True, slots=True)
class _New:
    """A new region with what it has, and the first region's installation."""

    region: Region
    first: Installation
    here: Installation

    @property
    def own(self) -> ApigeeFacts | None:
        return self.here.apigee

    def step(self, phase: str) -> StepId:
        return StepId(f"{phase}/{self.region.name}")

    @property
    def lanes(self) -> tuple[str, ...]:
        return (f"apigee/{self.region.name}",)


def _new(topology: Topology, facts: WorldFacts) -> list[_New]:
    """Every new region; none with another installer."""
    first = facts.regions[topology.first.name].installation
    new = topology.new_regions if topology.installer == "helm" else ()
    return [_New(region, first, facts.regions[region.name].installation) for region in new]


def _crds(topology: Topology, new: _New) -> PlannedStep:
    region = new.region
    before = ("cert-manager", "secrets", "storage", "overrides")
    return PlannedStep(
        id=new.step("crds"),
        phase="crds",
        region=region.name,
        title=f"Definitions of Apigee's resources in {region.cluster.name}",
        decision=decide_crds(new.first.apigee, new.own),
        commands=(definitions_applied(topology, region),),
        needs=tuple(new.step(phase) for phase in before),
        lanes=new.lanes,
        procedure_rows=(11,),
        undo_note="only after all of Apigee's resources are gone from the cluster: deleting a definition takes them along",
    )


def decide_operator(topology: Topology, first: Installation, own: ApigeeFacts | None) -> Decision:
    """Done when the release is deployed and the operator answers."""
    decision = decide_release(topology, the_release(topology, first, "operator"), own)
    if own is not None and decision.is_done and not own.controller_ready:
        why = f": {own.controller_trouble}" if own.controller_trouble else ""
        return needed(f"the operator is installed, but not available{why}")
    return decision


def _operator(topology: Topology, new: _New) -> PlannedStep:
    region, wanted = new.region, the_release(topology, new.first, "operator")
    wait = ("wait", "deployment/apigee-controller-manager", "--for=condition=Available", "--timeout=10m")
    return PlannedStep(
        id=new.step("operator"),
        phase="operator",
        region=region.name,
        title=f"Apigee operator in {region.cluster.name}",
        decision=decide_operator(topology, new.first, new.own),
        commands=(
            *upgraded(topology, region, wanted, new.here),
            kubectl(region, "-n", region.namespace, *wait),
        ),
        needs=(new.step("crds"),),
        lanes=new.lanes,
        procedure_rows=(11,),
        undo=(uninstalled(region, wanted),),
        undo_note="only after the region's datastore is gone: without the operator its nodes cannot leave the ring",
    )


def plan_organization(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """The ingress manager, which the organization's gateways wait for, and the organization itself."""
    # Through the resource the organization comes first, because the resource names it. Otherwise it waits for the proof:
    # its management server would answer wrongly from an empty data center.
    before = "system-keyspaces" if replication_of(topology).is_resource else "verify-again"
    steps: list[PlannedStep] = []
    for new in _new(topology, facts):
        if is_federated(new.first):
            own = facts.regions[new.region.name]
            steps.append(identity_step(new.region, new.first, own, before))
        steps.append(release_step(topology, new.region, new.first, new.here, "ingress-manager", before))
        steps.append(_organization(topology, new))
    return steps


def organization_resource(topology: Topology, first: ApigeeFacts | None) -> str:
    """Name of the ApigeeOrganization in every region: the first region's, which must be what it is computed to be."""
    live = next((r.name for r in first.resources if r.kind == "ApigeeOrganization"), None) if first else None
    return live or organization_name(topology.organization)


def decide_organization(topology: Topology, first: Installation, own: ApigeeFacts | None) -> Decision:
    """Done when the release is deployed and the organization, under the name that every region has, is running."""
    decision = decide_release(topology, the_release(topology, first, "org"), own)
    if own is None or not decision.is_done:
        return decision
    name = organization_resource(topology, first.apigee)
    held = {r.name: r.state for r in own.resources if r.kind == "ApigeeOrganization"}
    if name not in held and held:
        hint = "the name is computed from the organization: `org` in the overrides is another one, or the chart of another release"
        return refused(f"the organization's resource is {', '.join(held)}, in the first region {name}", hint)
    if held.get(name) != "running":
        return needed(f"ApigeeOrganization {name} is {held.get(name) or 'not there yet'}")
    return done(f"ApigeeOrganization {name} is running, under the name that it has in the first region")


def _organization(topology: Topology, new: _New) -> PlannedStep:
    region, wanted = new.region, the_release(topology, new.first, "org")
    name = organization_resource(topology, new.first.apigee)
    running = ("wait", f"apigeeorg/{name}", "--for=jsonpath={.status.state}=running", "--timeout=30m")
    needs = [StepId(f"release/{region.name}/ingress-manager")]
    needs += [new.step("identity")] if is_federated(new.first) else []
    needs += [new.step("system-keyspaces")] if replication_of(topology).is_resource else []
    return PlannedStep(
        id=new.step("organization"),
        phase="organization",
        region=region.name,
        title=f"Organization {topology.organization} in {region.cluster.name}",
        decision=decide_organization(topology, new.first, new.own),
        commands=(
            *upgraded(topology, region, wanted, new.here),
            kubectl(region, "-n", region.namespace, *running),
        ),
        needs=tuple(needs),
        lanes=new.lanes,
        procedure_rows=(11,),
        undo=(uninstalled(region, wanted),),
        undo_note="Take traffic off the region first.",
    )


def release_step(
    topology: Topology,
    region: Region,
    first: Installation,
    own: Installation,
    key: str,
    *before: str,
) -> PlannedStep:
    """A release that needs nothing but to be deployed; `key` is its component, with a name where there are several."""
    wanted = next(r for r in wanted_releases(topology, first) if key_of(r) == key)
    subject = f" {wanted.subject}" if wanted.subject else ""
    return PlannedStep(
        id=StepId(f"release/{region.name}/{key}"),
        phase="release",
        region=region.name,
        title=f"Release {wanted.name} ({wanted.chart}{subject}) in {region.cluster.name}",
        decision=decide_release(topology, wanted, own.apigee),
        commands=upgraded(topology, region, wanted, own),
        needs=tuple(StepId(f"{phase}/{region.name}") for phase in before),
        lanes=(f"apigee/{region.name}",),
        procedure_rows=(11,),
        undo=(uninstalled(region, wanted),),
    )


def key_of(wanted: WantedRelease) -> str:
    """`env/prod`, or `redis` where there is one only."""
    return wanted.key
