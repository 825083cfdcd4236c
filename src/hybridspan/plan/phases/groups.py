"""Resource groups: one a region, or one for several."""

from __future__ import annotations

from hybridspan.facts import azure_bodies as bodies
from hybridspan.facts.azure import same_id
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Command, Decision, PlannedStep, Resource, StepId, done, needed, refused
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region, Topology


def plan_groups(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """A step for each region's resource group."""
    return [
        _step(topology, region, facts.regions[region.name].azure.resource_group_exists)
        for region in topology.regions
    ]


def step_id(region: Region) -> StepId:
    """The step's id."""
    return StepId(f"group/{region.name}")


def decide_group(topology: Topology, region: Region, exists: bool) -> Decision:
    """Whether the region's resource group is to be made."""
    if exists:
        return done(f"resource group {region.resource_group} exists")
    if region == topology.first:
        return refused(
            f"the first region's resource group {region.resource_group} does not exist",
            "the first region is an installation that exists: correct resourceGroup or subscription",
        )
    return needed(f"there is no resource group {region.resource_group} in subscription {region.subscription}")


def _resource(topology: Topology, region: Region) -> Resource:
    return Resource(azure_ids.group_id(region), bodies.group(region, bodies.tags(topology.name, region)))


def _is_of_first(topology: Topology, region: Region) -> bool:
    return same_id(azure_ids.group_id(region), azure_ids.group_id(topology.first))


def _step(topology: Topology, region: Region, exists: bool) -> PlannedStep:
    decision = decide_group(topology, region, exists)
    where = ("--subscription", region.subscription)
    name = ("--name", region.resource_group)
    undo = Command(
        ("az", "group", "delete", *name, *where, "--yes"), comment="Only if nothing else lies in it."
    )
    return PlannedStep(
        id=step_id(region),
        phase="group",
        region=region.name,
        title=f"Resource group {region.resource_group} for {region.name}",
        decision=decision,
        commands=(Command(("az", "group", "create", *name, "--location", region.name, *where)),),
        lanes=(f"group/{azure_ids.group_id(region).lower()}",),
        undo=() if decision.is_done or _is_of_first(topology, region) else (undo,),
        resources=() if decision.is_done else (_resource(topology, region),),
    )
