"""What Helm and Apigee's operator have in each region: releases side by side, and how far the operator's copying is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from hybridspan.apigee.replication_causes import cause_of, place_of
from hybridspan.errors import HybridspanError
from hybridspan.facts.apigee import ApigeeFacts, DataReplicationFacts, NodeReplication
from hybridspan.facts.helm import HelmRelease
from hybridspan.facts.world import WorldFacts
from hybridspan.plan.phases.replication import ReplicationSeen, the_resource
from hybridspan.topology.model import Region, Topology

Row = tuple[str, ...]
NOT_SEEN: Final = "not seen"
"""Said of what could not be looked at, which is not `none`."""


@dataclass(frozen=True, slots=True)
class Copying:
    """One region's CassandraDataReplication, what it says of each node, and why it failed where it did."""

    region: str
    resource: DataReplicationFacts
    nodes: dict[str, NodeReplication]
    cause: HybridspanError | None


def _apigee(region: Region, facts: WorldFacts) -> ApigeeFacts | None:
    seen = facts.regions.get(region.name)
    return seen.apigee if seen else None


def release_heads(topology: Topology) -> Row:
    return ("release", "chart", *(str(region.name) for region in topology.regions))


def release_rows(topology: Topology, facts: WorldFacts) -> list[Row]:
    """One row for each release, a column for each region; nothing with another installer."""
    found = [(_releases(r, facts), _apigee(r, facts)) for r in topology.regions]
    wanted = {(r.name, r.chart): r for held, _ in found for r in held or ()}
    return [(r.name, r.chart, *(_state(held, own, r) for held, own in found)) for r in wanted.values()]


def _releases(region: Region, facts: WorldFacts) -> tuple[HelmRelease, ...] | None:
    """None where nobody could look into the region's cluster."""
    own = _apigee(region, facts)
    return None if facts.is_closed(region.name) else (own.releases if own else None) or ()


def _state(held: tuple[HelmRelease, ...] | None, own: ApigeeFacts | None, wanted: HelmRelease) -> str:
    if held is None:
        return NOT_SEEN
    found = next((r for r in held if (r.name, r.chart) == (wanted.name, wanted.chart)), None)
    if found is None and own is not None and wanted.key in own.tracked:
        return f"{own.hybrid_version or 'there'} by Argo CD"
    return f"{found.version} {found.status}" if found else "none"


def copyings(topology: Topology, facts: WorldFacts) -> Iterator[Copying]:
    """Of every region that has such a resource."""
    for region in topology.regions:
        own = _apigee(region, facts)
        resource = the_resource(own)
        if own is None or resource is None:
            continue
        status = own.datastore.replication if own.datastore else None
        told = ReplicationSeen(resource, status, facts.ring, {}).failure
        place = place_of(region, own.datastore, resource.name)
        cause = cause_of(told, resource.source, facts.ring, place) if told else None
        yield Copying(str(region.name), resource, dict(status.nodes) if status else {}, cause)


COPYING_HEADS: Row = ("region", "resource", "from", "state", "nodes complete", "force")
NODE_HEADS: Row = ("region", "node", "state", "message")


def copying_row(copying: Copying) -> Row:
    resource, nodes = copying.resource, copying.nodes
    finished = sum(node.state == "complete" for node in nodes.values())
    counted = f"{finished} of {len(nodes)}" if nodes else "none yet"
    state = resource.state or "not taken up yet"
    return (copying.region, resource.name, resource.source, state, counted, "yes" if resource.force else "-")


def node_rows(copying: Copying) -> list[Row]:
    return [
        (copying.region, pod, node.state, node.message or "-") for pod, node in sorted(copying.nodes.items())
    ]


def cause_words(cause: HybridspanError) -> str:
    """The failure as a person needs it at night: what, where, and what next."""
    return f"{cause.code} {cause.message} ({cause.where}). Next: {cause.hint}"


def release_documents(own: ApigeeFacts | None) -> list[dict[str, Any]] | None:
    """For JSON; null where nobody looked."""
    if own is None or own.releases is None:
        return None
    return [
        {
            "name": r.name,
            "chart": r.chart,
            "version": r.version,
            "status": r.status,
            "revision": r.revision,
            "subject": r.subject,
        }
        for r in own.releases
    ]


def copying_document(copying: Copying | None) -> dict[str, Any] | None:
    """For JSON; null where there is no such resource."""
    if copying is None:
        return None
    resource = copying.resource
    return {
        "name": resource.name,
        "source": resource.source,
        "organizationRef": resource.organization_ref,
        "force": resource.force,
        "state": resource.state,
        "message": resource.message,
        "nodes": [
            {"pod": p, "state": n.state, "message": n.message} for p, n in sorted(copying.nodes.items())
        ],
        "cause": copying.cause.to_document() if copying.cause else None,
    }
