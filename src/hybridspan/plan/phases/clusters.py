"""AKS clusters of the new regions; row 6 of the procedure."""

from __future__ import annotations

import shlex
import uuid
from typing import Final

from hybridspan.facts import azure_bodies as bodies
from hybridspan.facts.azure import ClusterFacts, OfferFacts, RegionAzureFacts, has_failed, same_id
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Command, Decision, PlannedStep, Resource, StepId, done, needed, refused
from hybridspan.plan.phases import networks
from hybridspan.plan.phases.cluster_commands import (
    commands,
    owners_move,
    place,
    write_again,
    write_pool_again,
)
from hybridspan.plan.phases.new_clusters import (
    chosen_version,
    completed,
    minor,
    minors,
    offered_to,
    words,
)
from hybridspan.plan.phases.pools import (
    failed_pools,
    missing_pools,
    raised_pools,
    strange_pools,
)
from hybridspan.topology import azure_ids
from hybridspan.topology.model import NetworkPlugin, Region, Topology

_AT_REST: Final = ("succeeded", "failed", "canceled")
_NOT_AS_MEMBERS: Final = (
    "Only before its Cassandra nodes have joined the ring, or after they have been decommissioned."
)


def plan_clusters(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """A step for each new region's cluster."""
    first = facts.regions[topology.first.name].azure.cluster
    return [
        _step(topology, region, facts.regions[region.name].azure, first) for region in topology.new_regions
    ]


def step_id(region: Region) -> StepId:
    """The step's id."""
    return StepId(f"cluster/{region.name}")


def plugin_of(cluster: ClusterFacts) -> NetworkPlugin:
    """The network plugin of a cluster that exists, in the topology's words."""
    if cluster.network_plugin != "azure":
        return "kubenet"
    if cluster.network_plugin_mode == "overlay":
        return "azure-overlay"
    from_own_subnet = any(pool.pod_subnet_id for pool in cluster.node_pools)
    return "azure-pod-subnet" if from_own_subnet else "azure"


def decide_cluster(
    region: Region,
    cluster: ClusterFacts | None,
    first: ClusterFacts | None,
    offer: OfferFacts | None = None,
    *,
    topology_name: str = "",
) -> Decision:
    """Whether the region's cluster, or a pool of it, is to be made. What is there is changed only where the file manages it.

    What Azure could not finish is written once more where the cluster, or the pool itself, carries the tag of `topology_name`; else
    it is its owner's.
    """
    name = region.cluster.name
    if first is None:
        return refused(
            "the first region has no AKS cluster to be like", "install hybrid there first, by its own guide"
        )
    if cluster is None:
        return _refused_beforehand(region, first, offer) or needed(
            f"there is no AKS cluster {name} in resource group {region.resource_group}; "
            f"it gets {first.name}'s network plugin, {plugin_of(first)}, and "
            + words(region, completed(region, first, offer), is_long_term=first.is_long_term)
        )
    if problem := _differs(region, cluster, first):
        return problem
    moving = [s for s in _states(cluster) if s.lower() not in _AT_REST]
    if not moving and (problem := _strange(region, cluster, topology_name)):
        return problem
    if due := _due(region, cluster, topology_name):
        return needed(f"AKS cluster {name} exists and {'; it '.join(due)}")
    if moving:
        return needed(f"AKS cluster {name} exists and is not ready: {moving[0]}")
    return done(
        f"AKS cluster {name} exists with network plugin {plugin_of(cluster)}" + _notes(region, cluster)
    )


def _due(region: Region, cluster: ClusterFacts, topology_name: str) -> list[str]:
    """All that will be written to a cluster that exists, in words."""
    found = []
    if _is_written_again(cluster, topology_name):
        found.append(
            f"is in state {cluster.provisioning_state}: a run of hybridspan made it, and it is written once more as Azure has it"
        )
    found += [
        f"has node pool {p.name} in state {own.provisioning_state}: it is written once more, with {p.count} nodes"
        for p, own in failed_pools(region, cluster, topology_name)
    ]
    if missing := missing_pools(region, cluster):
        found.append(f"has no node pool {', '.join(p.name for p in missing)}")
    if raised := raised_pools(region, cluster):
        listed = ", ".join(f"{p.name} to {p.count} nodes" for p in raised)
        found.append(f"is managed by the file: {listed}, with the file's labels")
    return found


def _is_written_again(cluster: ClusterFacts, topology_name: str) -> bool:
    """Whether Azure could not finish the cluster itself, and it is ours to write once more."""
    return has_failed(cluster.provisioning_state) and bodies.is_marked(topology_name, cluster.tags)


def _strange(region: Region, cluster: ClusterFacts, topology_name: str) -> Decision | None:
    """Somebody else's cluster, or a declared pool of theirs, that Azure could not finish."""
    if has_failed(cluster.provisioning_state) and not bodies.is_marked(topology_name, cluster.tags):
        return refused(
            f"AKS cluster {cluster.name} is in state {cluster.provisioning_state}, and hybridspan did not make it",
            owners_move(write_again(region)),
        )
    for pool in strange_pools(region, cluster, topology_name):
        return refused(
            f"node pool {pool.name} of {cluster.name} is in state {pool.provisioning_state}, and hybridspan made neither",
            owners_move(write_pool_again(region, pool)),
        )
    return None


def _states(cluster: ClusterFacts) -> list[str]:
    return [s for s in (cluster.provisioning_state, *(p.provisioning_state for p in cluster.node_pools)) if s]


def _refused_beforehand(region: Region, first: ClusterFacts, offer: OfferFacts | None) -> Decision | None:
    if region.cluster.id is not None:
        return refused(
            f"the AKS cluster that the file names does not exist: {region.cluster.id}",
            f"correct the id (az aks list --subscription {region.subscription} --query '[].id'), or leave it out to have a cluster made",
        )
    if chosen_version(region, first, offer) is None and offer is not None:
        wanted = region.cluster.kubernetes_version or first.kubernetes_version
        offers = f"AKS in {region.name} offers Kubernetes {minors(offered_to(first, offer))}, and"
        if minor(wanted) in {minor(version) for version in offer.long_term_versions}:
            return refused(
                f"{offers} {minor(wanted)} only with long-term support, which {first.name} has not",
                "upgrade the first region's cluster, or give it that plan: az aks update --tier premium "
                f"--k8s-support-plan AKSLongTermSupport --name {first.name}",
            )
        return refused(
            f"{offers} not {wanted}",
            "upgrade the first region's cluster, or set cluster.kubernetesVersion to one that is offered",
        )
    return _unlike_declared(region, first)


def _unlike_declared(region: Region, first: ClusterFacts) -> Decision | None:
    declared, plugin = region.cluster.network_plugin, plugin_of(first)
    if declared is not None and declared != plugin:
        return refused(
            f"the file gives {region.cluster.name} network plugin {declared}, and {first.name} has {plugin}",
            "leave networkPlugin out: all clusters of a ring need the same one",
        )
    if (plugin == "azure-pod-subnet") != (region.network.pod_subnet is not None):
        has = "from a subnet of their own" if plugin == "azure-pod-subnet" else "from no subnet of their own"
        return refused(
            f"{first.name}'s pods take their addresses {has}, and the file says otherwise of {region.name}",
            "give network.podSubnet a prefix in every region, or in none: all clusters of a ring need the same plugin",
        )
    return None


def _differs(region: Region, cluster: ClusterFacts, first: ClusterFacts) -> Decision | None:
    """What makes going on wrong: another kind of network, another subnet, a cluster that is stopped."""
    if cluster.pods_are_routable != first.pods_are_routable:
        return refused(
            f"AKS cluster {cluster.name} has network plugin {plugin_of(cluster)}, and {first.name} has {plugin_of(first)}: "
            "the pods of one are not reachable from the other",
            "a network plugin cannot be changed: create the cluster again with the first one's",
        )
    if cluster.power_state.lower() == "stopped":
        return refused(
            f"AKS cluster {cluster.name} is stopped",
            shlex.join(("az", "aks", "start", *place(region), "--name", cluster.name)),
        )
    if elsewhere := [p for p in cluster.node_pools if p.subnet_id and not _in_network(region, p.subnet_id)]:
        return refused(
            f"node pool {elsewhere[0].name} of {cluster.name} lies in {elsewhere[0].subnet_id}, "
            f"and the file says network {region.network.name}",
            "name the network that the cluster lies in",
        )
    return None


def _in_network(region: Region, subnet_id: str) -> bool:
    return same_id(subnet_id.lower().split("/subnets/")[0], azure_ids.network_id(region))


def _notes(region: Region, cluster: ClusterFacts) -> str:
    """Differences that do no harm, in words; they are left alone."""
    there = {p.name.lower(): p for p in cluster.node_pools}
    notes = [
        f"pool {p.name} has {there[p.name.lower()].count} nodes, the file says {p.count}"
        for p in region.cluster.node_pools
        if there[p.name.lower()].count != p.count
    ]
    service = region.cluster.service_cidr
    if cluster.service_cidr is not None and cluster.service_cidr != service:
        notes.append(f"its service range is {cluster.service_cidr}, the file says {service}")
    declared = {p.name.lower() for p in region.cluster.node_pools}
    notes += [
        f"pool {p.name}, which the file does not name, is in state {p.provisioning_state}"
        for p in cluster.node_pools
        if p.name.lower() not in declared and has_failed(p.provisioning_state)
    ]
    return "".join(f"; {note}, left alone" for note in notes)


def _step(
    topology: Topology, region: Region, facts: RegionAzureFacts, first: ClusterFacts | None
) -> PlannedStep:
    cluster = facts.cluster
    decision = decide_cluster(region, cluster, first, facts.offer, topology_name=topology.name)
    is_ours = cluster is None or bodies.is_marked(topology.name, cluster.tags)
    delete = ("az", "aks", "delete", *place(region), "--name", region.cluster.name, "--yes")
    return PlannedStep(
        id=step_id(region),
        phase="cluster",
        region=region.name,
        title=f"AKS cluster {region.cluster.name} in {region.name}",
        decision=decision,
        commands=() if first is None else _commands(topology.name, region, facts, first),
        needs=(networks.step_id(region),),
        lanes=(f"cluster/{azure_ids.cluster_id(region).lower()}",),
        procedure_rows=(6,),
        resources=()
        if first is None or region.cluster.id
        else _resources(topology, completed(region, first, facts.offer, cluster), cluster, first),
        undo=(Command(delete),) if is_ours else (),
        undo_note=(networks.MARKED if cluster else "") + _NOT_AS_MEMBERS if is_ours else "",
    )


def _commands(
    topology_name: str, region: Region, facts: RegionAzureFacts, first: ClusterFacts
) -> tuple[Command, ...]:
    made, own = completed(region, first, facts.offer, facts.cluster), facts.cluster
    if own is None:
        return commands(made, first)
    failed, there = failed_pools(region, own, topology_name), {p.name.lower(): p for p in own.node_pools}
    mended = [write_again(region)] if _is_written_again(own, topology_name) else []
    mended += [write_pool_again(region, pool) for _, pool in failed]
    raised = [(pool, there[pool.name.lower()]) for pool in raised_pools(region, own)]
    return commands(made, first, mended, [*failed, *raised])


def _resources(
    topology: Topology, region: Region, cluster: ClusterFacts | None, like: ClusterFacts
) -> tuple[Resource, ...]:
    """The cluster with its right on its subnets, or the pools that it lacks."""
    whole = azure_ids.cluster_id(region)
    subnets = [azure_ids.subnet_id(region, s) for s in region.network.subnets]
    place, marks = bodies.Placement(*subnets), bodies.tags(topology.name, region)
    if cluster is not None:
        absent = missing_pools(region, cluster)
        return tuple(Resource(f"{whole}/agentPools/{p.name}", bodies.pool(p, place, marks)) for p in absent)
    made = Resource(whole, bodies.cluster(region, place, like, marks))
    return (made, *(_grant(region, subnet) for subnet in subnets))


def _grant(region: Region, subnet: str) -> Resource:
    """Named by what it joins: the identity itself has no id yet."""
    cluster = azure_ids.cluster_id(region)
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{subnet.lower()}|{cluster.lower()}|{bodies.NETWORK_CONTRIBUTOR}")
    where = f"{subnet}/providers/Microsoft.Authorization/roleAssignments/{name}"
    return Resource(where, bodies.grant(region, ""), principal_of=cluster)
