"""The seed goes out again: once all nodes are members, they find each other without it."""

from __future__ import annotations

from hybridspan.facts.apigee import DatastoreFacts
from hybridspan.facts.cassandra import RingFacts
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Command, Decision, PlannedStep, StepId, done, later, needed
from hybridspan.plan.phases.install import not_joined
from hybridspan.plan.phases.kubectl import change_is_seen, datastore_runs, kubectl
from hybridspan.plan.phases.overrides import is_complete
from hybridspan.plan.phases.releases import datastore_applied
from hybridspan.topology.model import Region, Topology


def plan_seed_removal(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """One step for every new region."""
    return [
        _seed_out(
            region,
            facts.regions[region.name].overrides,
            _store(facts, region),
            facts.ring,
            datastore_applied(topology, region, facts),
        )
        for region in topology.new_regions
    ]


def _store(facts: WorldFacts, region: Region) -> DatastoreFacts | None:
    apigee = facts.regions[region.name].apigee
    return apigee.datastore if apigee else None


def decide_seed_removal(
    region: Region, overrides: OverridesFacts | None, store: DatastoreFacts | None, ring: RingFacts | None
) -> Decision:
    """Done when neither the file nor the live resource names a seed and every node is up after the restart."""
    if store is None:
        return later("nothing is installed yet")
    in_file = overrides.seed if overrides and overrides.exists else None
    missing = not_joined(region, store, ring)
    if in_file is None and store.seed_host is None:
        return (
            done("no seed is named any more")
            if missing is None
            else needed(f"after the seed went: {missing}")
        )
    if missing is not None:
        # Taking it out restarts every node, one after the other: no more of them may be away then.
        hint = (
            "bring these nodes up (nodetool status), then run apply again"
            if is_complete(ring, region)
            else ""
        )
        return later(f"the seed stays until all nodes have joined: {missing}", hint)
    places = [
        name
        for name, seed in ((region.overrides.name, in_file), ("the live datastore", store.seed_host))
        if seed
    ]
    verb = "still name" if len(places) > 1 else "still names"
    return needed(f"{' and '.join(places)} {verb} the seed {in_file or store.seed_host}")


def _seed_out(
    region: Region,
    overrides: OverridesFacts | None,
    store: DatastoreFacts | None,
    ring: RingFacts | None,
    installing: tuple[Command, ...],
) -> PlannedStep:
    path = "{.spec.components.cassandra.properties.multiRegionSeedHost}"
    namespace = ("-n", region.namespace)
    return PlannedStep(
        id=StepId(f"seed-out/{region.name}"),
        phase="seed-out",
        region=region.name,
        title=f"Seed out of {region.datacenter}",
        decision=decide_seed_removal(region, overrides, store, ring),
        commands=(
            Command(("sed", "-i", "/^ *multiRegionSeedHost:/d", str(region.overrides))),
            *installing,
            change_is_seen(region),
            datastore_runs(region),
            kubectl(region, *namespace, "get", "apigeeds", "default", "-o", f"jsonpath={path}"),
        ),
        needs=(StepId(f"verify/{region.name}"),),
        lanes=("ring", f"apigee/{region.name}"),
        procedure_rows=(17,),
        undo_note="nothing to undo: members need no seed",
    )
