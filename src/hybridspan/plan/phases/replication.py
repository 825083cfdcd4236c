"""The CassandraDataReplication: Apigee's operator copies the organization's data, and is believed only as far as it shows.

Through it (`replication: resource`) the operator alters the organization's keyspaces and rebuilds each node. It reports
`complete`; a keyspace that lacks the data center, or a node that has no record of having received one, says otherwise, and then
the resource is not believed. With `replication: direct` hybridspan has copied before, and the resource is made last, so that
the operator's own record says so too: it finds the ranges present.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hybridspan.facts.apigee import ApigeeFacts, DataReplicationFacts, ReplicationStatus
from hybridspan.facts.cassandra import RingFacts
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.model import Command, Decision, PlannedStep, StepId, done, later, needed
from hybridspan.plan.phases.foreign_records import cleared
from hybridspan.plan.phases.keyspace_names import organization_names
from hybridspan.plan.phases.kubectl import applied, context_of, deleted
from hybridspan.plan.phases.operator import organization_resource
from hybridspan.plan.phases.ring_commands import pods_of
from hybridspan.plan.phases.verification import fingerprint, verification_key
from hybridspan.topology.model import Region, Topology
from hybridspan.topology.releases import replication_of

RESOURCE: Final = "region-expansion"
FAILED: Final = frozenset({"error", "failed"})
"""The documentation names `error`; scripts in the field test for `failed`."""
COMPLETE: Final = "complete"


@dataclass(frozen=True, slots=True)
class ReplicationSeen:
    """What tells how far the operator is."""

    resource: DataReplicationFacts | None
    status: ReplicationStatus | None
    ring: RingFacts | None
    received: dict[str, frozenset[str]]
    """Keyspaces of which a pod has a record of received ranges, by pod."""
    is_proved: bool = False
    """Whether the data center has been compared since, with the same nodes and keyspaces."""

    @property
    def failure(self) -> str:
        """What the operator says went wrong, of the resource and of each pod; empty where nothing did."""
        resource, nodes = self.resource, self.status.nodes if self.status else {}
        told = [f"{pod}: {n.message or n.state}" for pod, n in nodes.items() if n.state in FAILED]
        if resource is not None and resource.state in FAILED:
            return "; ".join(told) or resource.message or resource.state
        return ""

    @property
    def is_complete(self) -> bool:
        resource = self.resource
        return resource is not None and resource.state == COMPLETE and _is_taken_up(resource)


def _is_taken_up(resource: DataReplicationFacts) -> bool:
    return resource.applied_generation is None or resource.is_taken_up


def replication_key(region: str) -> str:
    """Where the journal keeps that the resource is ours: `hosts`, the nodes' identities when it was made."""
    return f"replication/{region}"


def contradictions(topology: Topology, region: Region, seen: ReplicationSeen) -> tuple[str, ...]:
    """What the ring says against a resource that says complete, one sentence each; empty where they agree."""
    if seen.ring is None:
        return ()
    names = organization_names(seen.ring, topology.organization)
    lacking = [n for n in names if not _factor(seen.ring, n, region)]
    found = [f"{n} is not replicated to {region.datacenter}" for n in lacking]
    for pod, received in seen.received.items():
        empty = [n for n in names if n not in received and n not in lacking]
        if empty:
            found.append(f"{pod} has no record of having received {', '.join(empty)}")
    return tuple(found)


def _factor(ring: RingFacts, name: str, region: Region) -> int:
    keyspace = ring.keyspace(name)
    return keyspace.replication.factor(region.datacenter) if keyspace else 0


def mistakes(region: Region, organization: str, resource: DataReplicationFacts) -> tuple[str, ...]:
    """What is wrong in the resource itself, one sentence each."""
    found = []
    if resource.source != region.copy_from:
        found.append(
            f"source.region is {resource.source or 'empty'}, and must be the name of the Cassandra data center, {region.copy_from}"
        )
    if resource.organization_ref != organization:
        found.append(
            f"organizationRef is {resource.organization_ref or 'empty'}, the organization's resource is {organization}"
        )
    return tuple(found)


def decide_replication(
    topology: Topology, region: Region, organization: str, seen: ReplicationSeen
) -> Decision:
    """Whether the operator has anything left to do, or to be asked again."""
    chosen = replication_of(topology)
    if seen.ring is None or not seen.ring.of(region.datacenter):
        return later(f"{region.datacenter} has no nodes yet. {_sentence(chosen.reason)}")
    resource = seen.resource
    if resource is None:
        what = (
            "the operator copies the data"
            if chosen.is_resource
            else "the operator is told that the data is there"
        )
        return needed(
            f"{region.cluster.name} has no CassandraDataReplication: {what}. {_sentence(chosen.reason)}"
        )
    if wrong := mistakes(region, organization, resource):
        return needed(f"{resource.name}: {'; '.join(wrong)}")
    if seen.failure:
        return needed(f"{resource.name} ended with {seen.failure}; it is started again by force")
    if not seen.is_complete:
        return needed(f"{resource.name} is {resource.state or 'not taken up yet'}{_progress(seen.status)}")
    against = () if seen.is_proved else contradictions(topology, region, seen)
    if against:
        return needed(
            f"{resource.name} says complete, but {'; '.join(against)}: it is not believed, and started again by force"
        )
    if resource.force:
        return needed(
            f"{resource.name} is complete, and still says force: each restart of the operator might copy again"
        )
    proof = ", and the comparison proved it" if seen.is_proved else ""
    return done(f"{resource.name} is complete for every node of {region.datacenter}{proof}")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _progress(status: ReplicationStatus | None) -> str:
    nodes = status.nodes if status else {}
    return "".join(f", {pod} {n.state}" for pod, n in sorted(nodes.items()))


def manifest(region: Region, organization: str, *, force: bool = False) -> dict[str, Any]:
    """The resource as it is applied."""
    return {
        "apiVersion": "apigee.cloud.google.com/v1alpha1",
        "kind": "CassandraDataReplication",
        "metadata": {"name": RESOURCE, "namespace": region.namespace},
        "spec": {
            "organizationRef": organization,
            "force": force,
            "source": {"region": str(region.copy_from)},
        },
    }


def plan_replication(topology: Topology, facts: WorldFacts) -> list[PlannedStep]:
    """One step for every new region, with installer helm."""
    if topology.installer != "helm":
        return []
    first = facts.regions[topology.first.name].apigee
    organization = organization_resource(topology, first)
    return [_step(topology, region, organization, facts) for region in topology.new_regions]


def _seen(region: Region, facts: WorldFacts) -> ReplicationSeen:
    own = facts.regions[region.name]
    return ReplicationSeen(
        resource=the_resource(own.apigee),
        status=own.apigee.datastore.replication if own.apigee and own.apigee.datastore else None,
        ring=facts.ring,
        received={
            n.pod: frozenset(a.keyspace for a in n.available_ranges if a.full_ranges) for n in own.nodes
        },
        is_proved=facts.ring is not None
        and was_proved(
            facts.ring,
            region,
            [facts.decided.get(verification_key(p, region.name)) for p in ("verify", "verify-again")],
        ),
    )


def the_resource(own: ApigeeFacts | None) -> DataReplicationFacts | None:
    """The region's resource, whatever a person has called it: ours before another."""
    found = own.replications if own else ()
    return next((r for r in found if r.name == RESOURCE), found[0] if found else None)


def was_proved(ring: RingFacts, region: Region, kept: Sequence[Any]) -> bool:
    """Whether one of the comparisons kept in the journal was of these nodes and keyspaces."""
    now = fingerprint(ring, region.datacenter)
    return any(proof and proof.get("fingerprint") == now for proof in kept)


def _step(topology: Topology, region: Region, organization: str, facts: WorldFacts) -> PlannedStep:
    seen = _seen(region, facts)
    is_resource = replication_of(topology).is_resource
    title = (
        f"Apigee's operator copies the data of {region.copy_from} to {region.datacenter}"
        if is_resource
        else f"Apigee's operator learns that {region.datacenter} has its data"
    )
    needs = [f"organization/{region.name}"] + ([f"source-repair/{region.name}"] if is_resource else [])
    name = ("cdr", RESOURCE, "-n", region.namespace)
    return PlannedStep(
        id=StepId(f"replication/{region.name}"),
        phase="replication",
        region=region.name,
        title=title,
        decision=decide_replication(topology, region, organization, seen),
        commands=(
            *_cleared(topology, region, seen, facts),
            _applied(region, organization),
            _watched(region),
        ),
        needs=tuple(StepId(n) for n in needs),
        lanes=("ring", f"apigee/{region.name}"),
        procedure_rows=(14, 15, 16),
        undo=(deleted(region, *name),),
        undo_note=f"The data stays on the nodes; no keyspace that the operator altered may keep {region.datacenter}.",
    )


def names_not_ours(
    topology: Topology, region: Region, seen: ReplicationSeen, kept: Mapping[str, Any] | None
) -> tuple[str, ...]:
    """Keyspaces whose records are of another time where no resource was made yet; unless it is we who have copied.

    `kept` is what the journal keeps under `replication_key`.
    """
    if seen.resource is not None or seen.ring is None or not replication_of(topology).is_resource:
        return ()
    members = {node.host_id for node in seen.ring.of(region.datacenter)}
    ours = set((kept or {}).get("hosts", ())) >= members > set()
    return () if ours else organization_names(seen.ring, topology.organization)


def _cleared(topology: Topology, region: Region, seen: ReplicationSeen, facts: WorldFacts) -> list[Command]:
    names = names_not_ours(topology, region, seen, facts.decided.get(replication_key(region.name)))
    older = seen.ring.before_4 if seen.ring else ""
    return (
        [cleared(topology, region, pod, names, older) for pod in pods_of(topology, region)] if names else []
    )


def _applied(region: Region, organization: str) -> Command:
    spec = f"{{organizationRef: {organization}, force: false, source: {{region: {region.copy_from}}}}}"
    document = (
        "apiVersion: apigee.cloud.google.com/v1alpha1\n"
        "kind: CassandraDataReplication\n"
        f"metadata: {{name: {RESOURCE}, namespace: {region.namespace}}}\n"
        f"spec: {spec}"
    )
    return Command(script=f"{applied(region)} <<'END'\n{document}\nEND")


def _watched(region: Region) -> Command:
    """Until it says how it ended, however long that takes; `complete` proves nothing by itself."""
    look = f"kubectl --context {context_of(region)} -n {region.namespace} get cdr {RESOURCE} -o jsonpath='{{.status.state}}'"
    loop = (
        f"while STATE=$({look}); do case $STATE in complete) break;; error|failed) false; break;; esac; sleep 10; done\n"
        '[ "$STATE" = complete ]'
    )
    return Command(
        script=loop,
        comment=f"hours where there is much data: {region.kubectl} get apigeeds default -o yaml shows each node",
    )
