"""What the ring says before anything is changed: read-only.

Findings that refuse are those with which the run would fail or lose data; the rest warns, or says what was seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from hybridspan.cassandra.access_findings import jmx, logins, reachability
from hybridspan.cassandra.agreement import live_versions
from hybridspan.cassandra.copying import copying_findings, repair_findings
from hybridspan.cassandra.node_findings import clock_findings, node_findings, release_finding
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.cassandra.rights_findings import rights
from hybridspan.facts.cassandra import RingFacts
from hybridspan.facts.world import Finding, RegionFacts, Severity
from hybridspan.plan.phases.keyspace_names import organization_names
from hybridspan.topology.model import Region, Topology


async def findings(
    topology: Topology,
    adapters: Mapping[str, CassandraRegion],
    ring: RingFacts,
    facts: Mapping[str, RegionFacts],
    now: float,
) -> list[Finding]:
    """Everything that pre-flight asks of Cassandra, for the regions that have it; `now` is Unix time."""
    reached = [topology.region(name) for name in adapters]
    running = {
        p.address
        for region in facts.values()
        if region.cluster
        for p in region.cluster.cassandra_pods
        if p.ready
    }
    first = adapters.get(str(topology.first.name))
    coming = {r.name for r in reached if is_coming(topology, r, ring, running)}
    asked = await asyncio.gather(
        *(
            _users(topology, adapters[r.name], first, ring, is_coming=r.name in coming)
            for r in reached
            if _may_log_in(topology, r, ring)
        ),
        *(jmx(adapters[r.name], ring, is_coming=r.name in coming) for r in reached),
        reachability(topology, adapters),
    )
    found = ring_findings(topology, ring, running)
    found += clock_findings({r.name: facts[r.name].nodes for r in reached})
    for region in reached:
        found += node_findings(region, facts[region.name].nodes)
    found += repair_findings(topology, facts, ring, now)
    found += copying_findings(topology, facts, ring)
    return found + [finding for group in asked for finding in group]


async def _users(
    topology: Topology,
    adapter: CassandraRegion,
    first: CassandraRegion | None,
    ring: RingFacts,
    *,
    is_coming: bool,
) -> list[Finding]:
    """Logins, and in the first region rights: the ring has one record of them, which a new region may not have received yet."""
    found = await logins(adapter, first, is_coming=is_coming)
    if adapter.region.name != topology.first.name or any(f.severity != "pass" for f in found):
        return found
    names = organization_names(ring, topology.organization)
    return found + await rights(adapter, [k for k in ring.keyspaces if k.name in names])


def ring_findings(topology: Topology, ring: RingFacts, running: Collection[str]) -> list[Finding]:
    """Members, schema, and keyspaces on SimpleStrategy; names of data centers.

    `running` are the addresses of Cassandra pods that are ready in their own clusters.
    """
    where = f"ring {ring.cluster_name or topology.cassandra.cluster_name}"
    found = [
        _members_finding(topology, ring, running, where),
        _schema_finding(ring, where),
        release_finding(ring, where),
    ]
    first = str(topology.first.datacenter)
    if first not in ring.datacenters:
        names = ", ".join(ring.datacenters)
        words = f"the ring has no data center {first}; it has {names}"
        found.append(
            _finding(
                "datacenter", "refuse", topology.first.name, words, "names are case sensitive: correct it"
            )
        )
    if ring.cluster_name and ring.cluster_name != topology.cassandra.cluster_name:
        words = f"the ring is called {ring.cluster_name}, the topology says {topology.cassandra.cluster_name}"
        found.append(_finding("cluster-name", "refuse", where, words, "correct cassandra.clusterName"))
    return found + _strategy_findings(topology, ring, where)


def _members_finding(topology: Topology, ring: RingFacts, running: Collection[str], where: str) -> Finding:
    """Nodes that are down refuse, but for two kinds that the run itself sets right or waits for.

    A node that is ready in its own cluster and yet not seen here is behind a closed way, such as a deleted peering. One of a
    region that is being added may still be joining.
    """
    down = [n for n in ring.nodes if not n.is_up_normal]
    if not down:
        return _finding("ring-up", "pass", where, f"all {len(ring.nodes)} nodes are up and normal")
    listed = ", ".join(f"{n.address} ({n.datacenter}) is {n.status}{n.state}" for n in down)
    added = {str(r.datacenter) for r in topology.new_regions}
    if all(n.datacenter in added or n.address in running for n in down):
        words = f"not seen as up and normal from {ring.seen_from}: {listed}"
        hint = "peerings are looked at and mended first; the run goes on when these nodes are up and normal"
        return _finding("ring-up", "warn", where, words, hint)
    return _finding(
        "ring-up", "refuse", where, f"not every node is up and normal: {listed}", "bring these nodes up"
    )


def _schema_finding(ring: RingFacts, where: str) -> Finding:
    if ring.schema_agrees:
        return _finding("schema", "pass", where, "one schema version")
    severity: Severity = "warn" if len(live_versions(ring)) == 1 else "refuse"
    return _finding("schema", severity, where, _versions(ring), "nodetool describecluster shows who is apart")


def _strategy_findings(topology: Topology, ring: RingFacts, where: str) -> list[Finding]:
    simple = [k.name for k in ring.keyspaces if k.replication.strategy == "SimpleStrategy"]
    found: list[Finding] = []
    if simple:
        words = f"on SimpleStrategy: {', '.join(simple)}; moved and repaired before any new node starts"
        hint = "nothing to do: the run moves them, with their factors unchanged; do not start a new node by hand before"
        found.append(_finding("simple-strategy", "warn", where, words, hint))
    else:
        found.append(_finding("simple-strategy", "pass", where, "no keyspace is on SimpleStrategy"))
    wanted = topology.cassandra.replication_factor
    first = str(topology.first.datacenter)
    other = [
        f"{k.name} {k.replication.factor(first)}"
        for k in ring.data_keyspaces
        if k.replication.factor(first) not in (0, wanted)
    ]
    if other:
        words = f"{first} has other factors than the topology's {wanted}: {', '.join(other)}; they are kept, and copied"
        hint = f"if they should be {wanted}, ALTER and repair them in {first} before; else nothing to do"
        found.append(_finding("replication-factor", "warn", where, words, hint))
    return found


def _versions(ring: RingFacts) -> str:
    groups = "; ".join(f"{version}: {', '.join(nodes)}" for version, nodes in ring.schema_versions.items())
    return f"the nodes do not have one schema version: {groups}"


def _may_log_in(topology: Topology, region: Region, ring: RingFacts) -> bool:
    """A region that has joined before system_auth named it lets nobody in: that is no finding, it is the next step."""
    auth = ring.keyspace("system_auth")
    simple = auth is not None and auth.replication.strategy == "SimpleStrategy"
    return (
        auth is None or simple or region == topology.first or auth.replication.factor(region.datacenter) > 0
    )


def is_coming(topology: Topology, region: Region, ring: RingFacts, running: Collection[str]) -> bool:
    """Whether nodes of a region other than the first are still to come up, or up again after the seed's restart.

    A node counts as up when the ring says so and its pod is ready: after a restart either may be the later one.
    """
    up = [node for node in ring.of(region.datacenter) if node.is_up_normal and node.address in running]
    return region in topology.new_regions and len(up) < region.cassandra_nodes


def _finding(check: str, severity: Severity, where: str, message: str, hint: str = "") -> Finding:
    return Finding(check, severity, where, message, hint)
