"""Where no peering reaches pods, Cassandra takes its machines' addresses: in the existing region first, before another one joins.

Pods of an overlay or of kubenet leave with their node's address, while gossip tells others the pod's: a node of another
region could neither be called nor believed. So `cassandra.hostNetwork` must be true everywhere, and first where data already is.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from hybridspan.facts.apigee import ApigeeFacts, DatastoreFacts
from hybridspan.facts.azure import ClusterFacts
from hybridspan.facts.cassandra import RingFacts
from hybridspan.facts.kubernetes import ClusterObjects, NodeObjectFacts, PodFacts
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Command, Decision, PlannedStep, done, later, needed, refused
from hybridspan.plan.phases.clusters import plugin_of
from hybridspan.plan.phases.kubectl import change_is_seen, datastore_runs
from hybridspan.plan.phases.pod_addresses import is_wanted, step_id
from hybridspan.plan.phases.releases import datastore_applied
from hybridspan.plan.phases.ring_commands import nodetool, pod_name
from hybridspan.topology.model import Region, Topology


def plan_host_network(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """One step for the first region where its pods cannot be reached from another one; none otherwise."""
    if not is_wanted(topology, facts):
        return []
    first = topology.first
    own = facts.regions[first.name]
    store, application = own.apigee.datastore if own.apigee else None, by_argo(topology, own.apigee)
    decision = decide_host_network(
        first, own.azure.cluster, own.overrides, store, own.cluster, facts.ring, application
    )
    return [_step(topology, facts, decision, application)]


def by_argo(topology: Topology, own: ApigeeFacts | None) -> str:
    """The Argo CD application that the region's datastore is of, where Helm's charts are used; empty where there is none."""
    return own.tracked.get("datastore", "") if own is not None and topology.installer == "helm" else ""


def how_by_argo(application: str, path: str) -> str:
    """The next move where a change belongs into an application: hybridspan's own would be taken back by the next sync."""
    return (
        f"write cassandra.hostNetwork: true into the values of Argo CD's application {application} and into {path}, sync it,"
        " and wait until every Cassandra node is back, one after the other; then plan again"
    )


def decide_host_network(
    region: Region,
    cluster: ClusterFacts | None,
    overrides: OverridesFacts | None,
    store: DatastoreFacts | None,
    objects: ClusterObjects | None,
    ring: RingFacts | None,
    application: str = "",
) -> Decision:
    """Whether the first region's Cassandra must change to its machines' addresses, or is still changing.

    Refused where it must and the datastore is of an Argo CD application.
    """
    if cluster is None or overrides is None or store is None or objects is None:
        return later("the first region's installation was not seen")
    why = (
        f"{cluster.name} has network plugin {plugin_of(cluster)}: no peering reaches its pods, and without "
        "hostNetwork no node of another region could join"
    )
    if application and not store.host_network:
        return refused(
            f"{why}; the datastore is of Argo CD's application {application}, which hybridspan does not change",
            how_by_argo(application, overrides.path),
        )
    if not overrides.host_network:
        if store.host_network:
            return refused(
                f"Cassandra runs with hostNetwork, and {overrides.path} does not say so: applying it would take that back",
                "write cassandra.hostNetwork: true into the file",
            )
        return needed(f"{why}; cassandra.hostNetwork becomes true in all regions, here first")
    if not store.host_network:
        return needed(f"{why}; the overrides say hostNetwork: true, and the datastore does not have it yet")
    if waiting := not_moved(region, objects.cassandra_pods, objects.nodes, ring):
        return needed(f"hostNetwork is set, and the change is not over: {waiting}")
    return done(f"{why}; Cassandra of {region.datacenter} has its machines' addresses already")


def not_moved(
    region: Region, pods: Sequence[PodFacts], nodes: Sequence[NodeObjectFacts], ring: RingFacts | None
) -> str:
    """What is left until every node of the region is up under its machine's address, in words; empty when nothing is."""
    machines = {node.name: node.address for node in nodes}
    for pod in pods:
        if not pod.ready:
            return f"{pod.name} is not ready"
        if pod.address != machines.get(pod.node, pod.address):
            return f"{pod.name} still has {pod.address}, and its machine {machines[pod.node]}"
    if ring is None:
        return ""
    members = ring.of(region.datacenter)
    if away := [n for n in members if not n.is_up_normal]:
        return ", ".join(f"{n.address} is {n.status}{n.state}" for n in away)
    strange = [n.address for n in members if n.address not in machines.values()]
    return f"the ring still has {', '.join(strange)}" if strange else ""


def _step(topology: Topology, facts: WorldFacts, decision: Decision, application: str) -> PlannedStep:
    first = topology.first
    path = shlex.quote(str(first.overrides))
    # Of Argo CD's only the end of its own change is waited for.
    installed = () if application else datastore_applied(topology, first, facts)
    back = Command(script=_edited("true", "false", path), comment="before another region has joined")
    return PlannedStep(
        id=step_id(topology),
        phase="host-network",
        region=first.name,
        title=f"Cassandra of {first.datacenter} on its machines' addresses",
        decision=decision,
        commands=(
            Command(script=_edit(path)),
            *installed,
            change_is_seen(first),
            datastore_runs(first),
            nodetool(first, pod_name(topology, 0), "status"),
        ),
        lanes=("ring", f"apigee/{first.name}"),
        irreversible="" if decision.is_done else _named(first),
        undo=() if decision.is_done or application else (back, *installed),
        undo_note="the same rolling change the other way; once another region has joined it would be cut off by it",
    )


def _named(first: Region) -> str:
    return (
        f"every Cassandra node of {first.datacenter}, which serves traffic, restarts one after the other and comes back "
        "under its machine's address; its data stay, and the same change the other way takes it back until another region has joined"
    )


def _edit(path: str) -> str:
    """Replaces the key where it stands, adds it below `cassandra:` where it does not."""
    add = "s/^cassandra:.*/&\\n  hostNetwork: true/"
    return (
        f"grep -q 'hostNetwork: true' {path} ||\n  {{ grep -q 'hostNetwork:' {path} && {_edited('false', 'true', path)}; }} ||\n"
        f"  sed -i '{add}' {path}"
    )


def _edited(old: str, new: str, path: str) -> str:
    return f"sed -i -E 's/^( *hostNetwork:) *{old}/\\1 {new}/' {path}"
