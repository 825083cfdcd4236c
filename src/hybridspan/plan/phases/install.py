"""Hybrid's installer in a new region: what it needs first, then the datastore and nothing else until the data is proved."""

from __future__ import annotations

from itertools import combinations

from hybridspan.facts.apigee import ApigeeFacts, DatastoreFacts
from hybridspan.facts.cassandra import RingFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Command, Decision, PlannedStep, StepId, done, later, needed, refused
from hybridspan.plan.phases.kubectl import apigeectl, datastore_runs, deleted, kubectl
from hybridspan.plan.phases.overrides import members
from hybridspan.plan.phases.releases import datastore_applied, datastore_deleted
from hybridspan.plan.phases.ring_commands import nodetool, pod_name, pods_of
from hybridspan.plan.phases.unseen import NOT_YET
from hybridspan.topology.model import Region, Topology


def plan_install(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """`init` and `datastore` of every new region, one region after the other."""
    steps: list[PlannedStep] = []
    for number, region in enumerate(topology.new_regions):
        own = facts.regions[region.name]
        earlier = topology.new_regions[number - 1] if number else None
        if topology.installer == "apigeectl":
            steps.append(_init(topology, region, own.apigee))
        steps.append(_datastore(topology, region, earlier, facts))
    return steps


def decide_init(topology: Topology, apigee: ApigeeFacts | None) -> Decision:
    """Whether the controller and what it needs must be installed; refused beside another release."""
    if apigee is None:
        return later(NOT_YET)
    version = apigee.hybrid_version
    if version is not None and version != topology.hybrid_version:
        hint = "all regions need one release: upgrade or remove this region's, or correct hybridVersion"
        return refused(f"the cluster has hybrid {version}, the topology says {topology.hybrid_version}", hint)
    if apigee.controller_ready:
        return done("the Apigee controller is available")
    return needed("the cluster has no Apigee controller that is available")


def _init(topology: Topology, region: Region, apigee: ApigeeFacts | None) -> PlannedStep:
    before = ("cert-manager", "secrets", "storage", "overrides")
    return PlannedStep(
        id=StepId(f"init/{region.name}"),
        phase="init",
        region=region.name,
        title=f"Apigee controller in {region.cluster.name}",
        decision=decide_init(topology, apigee),
        commands=(*apigeectl(region, "init"), _controller_runs(region)),
        needs=tuple(StepId(f"{phase}/{region.name}") for phase in before),
        lanes=(f"apigee/{region.name}",),
        procedure_rows=(11,),
        undo=(deleted(region, "namespace", "apigee-system"),),
        undo_note="only after the region's datastore is gone",
    )


def _controller_runs(region: Region) -> Command:
    """Nothing can be applied before its webhook answers."""
    wait = ("wait", "deployment", "--all", "--for=condition=Available", "--timeout=10m")
    return kubectl(region, "-n", "apigee-system", *wait)


def decide_datastore(region: Region, store: DatastoreFacts | None, ring: RingFacts | None) -> Decision:
    """Whether the datastore must be installed; done when the ring shows the declared nodes up and normal."""
    if store is not None and store.datacenter != region.datacenter:
        hint = "a data center's name cannot be changed: correct the topology, or delete the datastore and its volume claims"
        return refused(
            f"the datastore's data center is {store.datacenter}, the topology says {region.datacenter}", hint
        )
    if foreign := foreign_members(region, store, ring):
        return refused(*foreign)
    missing = not_joined(region, store, ring)
    if missing is None:
        return done(f"{region.cassandra_nodes} nodes of {region.datacenter} are up and normal in the ring")
    return needed(missing) if ring is not None else later("the ring is not seen")


def foreign_members(
    region: Region, store: DatastoreFacts | None, ring: RingFacts | None
) -> tuple[str, str] | None:
    """Nodes that the ring still lists for this data center though nothing of it is installed; with the remedy."""
    stale = [n for n in members(ring, region) if n.status == "D"]
    if store is not None or not stale:
        return None
    listed = ", ".join(f"{n.address} ({n.host_id})" for n in stale)
    return (
        f"the ring still lists nodes of {region.datacenter}, and no datastore is there: {listed}",
        "they are of an earlier installation: nodetool removenode HOST_ID for each, from a live node",
    )


def not_joined(region: Region, store: DatastoreFacts | None, ring: RingFacts | None) -> str | None:
    """What is missing until all declared nodes are members, in words; None when nothing is."""
    if store is None:
        return f"{region.cluster.name} has no datastore"
    joined = members(ring, region)
    normal = [n for n in joined if n.is_up_normal]
    if len(normal) < region.cassandra_nodes:
        return f"{len(normal)} of {region.cassandra_nodes} nodes of {region.datacenter} are up and normal in the ring"
    others = [n for n in joined if not n.is_up_normal]
    if others:
        return "not up and normal: " + ", ".join(f"{n.address} is {n.status}{n.state}" for n in others)
    if store.state != "running":
        return f"the datastore is {store.state or 'not reconciled yet'}"
    if store.ready_replicas < region.cassandra_nodes:
        return f"{store.ready_replicas} of {region.cassandra_nodes} Cassandra pods are ready"
    return None


def _datastore(
    topology: Topology,
    region: Region,
    earlier: Region | None,
    facts: WorldFacts,
) -> PlannedStep:
    apigee, ring = facts.regions[region.name].apigee, facts.ring
    store = apigee.datastore if apigee else None
    return PlannedStep(
        id=StepId(f"datastore/{region.name}"),
        phase="datastore",
        region=region.name,
        title=f"Cassandra of {region.datacenter} joins the ring",
        decision=decide_datastore(region, store, ring),
        commands=(
            *datastore_applied(topology, region, facts),
            datastore_runs(region),
            nodetool(topology.first, pod_name(topology, 0), "status"),
        ),
        needs=_before_joining(topology, region, earlier, ring),
        lanes=("ring", f"apigee/{region.name}"),
        irreversible=(
            f"the nodes of {region.datacenter} join the ring: from then on the way back is to take every"
            " keyspace off that data center and decommission its nodes one by one"
        ),
        procedure_rows=(11,),
        undo=_leave(topology, region, facts),
        undo_note="each node must have left the ring (nodetool status in another region) before its claim is deleted",
    )


def _before_joining(
    topology: Topology, region: Region, earlier: Region | None, ring: RingFacts | None
) -> tuple[StepId, ...]:
    """A node joins only where it can reach every member: those of earlier regions, and of any that is in the ring already."""
    names = [r.name for r in topology.regions]
    before = names[: names.index(region.name)]
    present = [r.name for r in topology.regions if ring is not None and ring.of(r.datacenter)]
    met = {region.name, *before, *present}
    ways = [
        (a, b) for a, b in combinations(topology.regions, 2) if region in (a, b) and {a.name, b.name} <= met
    ]
    controller = "init" if topology.installer == "apigeectl" else "operator"
    needs = [f"{controller}/{region.name}", f"seed/{region.name}"]
    needs += [f"{phase}/{a.name}+{b.name}" for phase in ("peering", "ports") for a, b in ways]
    needs += [f"runtime/{earlier.name}"] if earlier else []
    return tuple(StepId(n) for n in needs)


def _leave(topology: Topology, region: Region, facts: WorldFacts) -> tuple[Command, ...]:
    return (
        *(nodetool(region, pod, "decommission") for pod in reversed(pods_of(topology, region))),
        *datastore_deleted(topology, region, facts),
        kubectl(region, "-n", region.namespace, "delete", "pvc", "-l", "app=apigee-cassandra"),
    )
