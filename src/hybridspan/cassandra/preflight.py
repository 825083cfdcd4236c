"""What the ring says before anything is changed: read-only.

Findings that refuse are those with which the run would fail or lose data; the rest warns, or says what was seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from hybridspan.cassandra.copying import estimate, repair_finding
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.cassandra.ring import UNKNOWN, UNREACHABLE
from hybridspan.cassandra.streaming import readable_bytes
from hybridspan.errors import HybridspanError
from hybridspan.facts.cassandra import NodeFacts, RingFacts
from hybridspan.facts.world import Finding, RegionFacts, Severity
from hybridspan.topology.model import Region, Topology

CLOCK_SECONDS: Final = 0.5
"""Clocks further apart than this may order writes wrongly."""


async def findings(
    topology: Topology,
    adapters: Mapping[str, CassandraRegion],
    ring: RingFacts,
    facts: Mapping[str, RegionFacts],
    now: float,
) -> list[Finding]:
    """Everything that pre-flight asks of Cassandra, for the regions that have it; `now` is Unix time."""
    reached = [topology.region(name) for name in adapters]
    asked = await asyncio.gather(
        *(_logins(adapters[r.name]) for r in reached if _may_log_in(topology, r, ring)),
        *(_jmx(adapters[r.name], ring) for r in reached),
        _reachability(topology, adapters),
    )
    running = {
        p.address
        for region in facts.values()
        if region.cluster
        for p in region.cluster.cassandra_pods
        if p.ready
    }
    found = ring_findings(topology, ring, running)
    for region in reached:
        found += node_findings(region, facts[region.name].nodes)
    source = facts[topology.first.name].nodes
    found += [repair_finding(topology, source, ring, now)] if source else []
    found += estimate(topology, ring, source)
    return found + [finding for group in asked for finding in group]


def ring_findings(topology: Topology, ring: RingFacts, running: Collection[str]) -> list[Finding]:
    """Members, schema, and keyspaces on SimpleStrategy; names of data centers.

    `running` are the addresses of Cassandra pods that are ready in their own clusters.
    """
    where = f"ring {ring.cluster_name or topology.cassandra.cluster_name}"
    found = [_members_finding(topology, ring, running, where), _schema_finding(ring, where)]
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
    live = [version for version in ring.schema_versions if version not in (UNREACHABLE, UNKNOWN)]
    if ring.schema_agrees:
        return _finding("schema", "pass", where, "one schema version")
    severity: Severity = "warn" if len(live) == 1 else "refuse"
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


def node_findings(region: Region, nodes: Sequence[NodeFacts]) -> list[Finding]:
    """Clock, own name and disk of each pod of a region."""
    found: list[Finding] = []
    for node in nodes:
        where = f"{region.name}, pod {node.pod}"
        if node.clock_offset_seconds is not None and abs(node.clock_offset_seconds) > CLOCK_SECONDS:
            words = f"its clock is {node.clock_offset_seconds:+.1f} s off ours"
            found.append(
                _finding(
                    "clock",
                    "warn",
                    where,
                    words,
                    "writes are ordered by these clocks: look at its node's time service",
                )
            )
        if node.own_name_resolves is False:
            words = "the pod cannot resolve its own name"
            found.append(
                _finding("own-name", "warn", where, words, "look at the cluster's DNS and the pod's service")
            )
        if node.data_bytes and node.disk_free_bytes is not None and node.disk_free_bytes < node.data_bytes:
            words = f"{readable_bytes(node.disk_free_bytes)} free beside {readable_bytes(node.data_bytes)} of data"
            found.append(
                _finding("disk", "warn", where, words, "compaction may need as much again as there is data")
            )
    if nodes and not found:
        sizes = ", ".join(readable_bytes(n.data_bytes or 0) for n in nodes)
        found.append(
            _finding("nodes", "pass", region.name, f"clocks, own names and disks are good; data: {sizes}")
        )
    return found


def _may_log_in(topology: Topology, region: Region, ring: RingFacts) -> bool:
    """A region that has joined before system_auth named it lets nobody in: that is no finding, it is the next step."""
    auth = ring.keyspace("system_auth")
    simple = auth is not None and auth.replication.strategy == "SimpleStrategy"
    return (
        auth is None or simple or region == topology.first or auth.replication.factor(region.datacenter) > 0
    )


async def _logins(adapter: CassandraRegion) -> list[Finding]:
    """Whether the users that the run needs can log in, and what the superuser and ddl_user may."""
    where = adapter.region.name
    try:
        credentials = await adapter.credentials()
        pods = [pod.name for pod in await adapter.pods() if pod.ready]
        users = [credentials.login(role).user for role in ("admin", "ddl")]
        is_superuser = await _is_superuser(adapter, pods[0], users[0])
        await adapter.log_in(pods[0], "ddl")
    except HybridspanError as error:
        return [
            _finding(
                "database-users", "refuse", error.where or where, f"{error.message}: {error.why}", error.hint
            )
        ]
    if not is_superuser:
        words = (
            f"{users[0]} is no superuser: it can neither alter system_auth nor read a node's progress record"
        )
        return [
            _finding(
                "database-users", "refuse", where, words, "make it one, or put the superuser into the secret"
            )
        ]
    return [_finding("database-users", "pass", where, f"{users[0]} is a superuser; {users[1]} logs in")]


async def _is_superuser(adapter: CassandraRegion, pod: str, user: str) -> bool:
    async with adapter.session(pod, "admin") as cql:
        rows = await cql.query("SELECT is_superuser FROM system_auth.roles WHERE role = %s", (user,))
    return bool(rows and rows[0]["is_superuser"])


async def _jmx(adapter: CassandraRegion, ring: RingFacts) -> list[Finding]:
    """Whether nodetool's login works on a node; the one that showed the ring has proved it already."""
    where = adapter.region.name
    try:
        ready = [pod for pod in await adapter.pods() if pod.ready]
        pods = [p.name for p in sorted(ready, key=lambda p: p.address != ring.seen_from)]
        if ready and ring.seen_from not in {p.address for p in ready}:
            await adapter.nodetool(pods[0], "version")
    except HybridspanError as error:
        return [
            _finding("jmx-login", "refuse", error.where or where, f"{error.message}: {error.why}", error.hint)
        ]
    return [_finding("jmx-login", "pass", where, f"nodetool logs in on {pods[0]}")]


async def _reachability(topology: Topology, adapters: Mapping[str, CassandraRegion]) -> list[Finding]:
    """The TLS port between the Cassandra nodes that run already."""
    port = topology.cassandra.tls_port
    members = [(name, pod) for name, adapter in adapters.items() for pod in await adapter.pods()]
    addresses = {pod.address: f"{pod.name} in {name}" for name, pod in members}
    answers = await asyncio.gather(
        *(
            adapters[name].unreachable_from(pod.name, [a for a in addresses if a != pod.address], port)
            for name, pod in members
        )
    )
    closed = [
        f"{pod.name} in {name} does not reach {addresses[goal]}"
        for (name, pod), goals in zip(members, answers, strict=True)
        for goal in goals
    ]
    where = ", ".join(adapters)
    if closed:
        # Peerings that are missing or cut are mended by the run; this only says what is so now.
        hint = "apply mends peerings and rules that it manages; for others see the network security groups on the way"
        words = f"port {port} is closed: {'; '.join(closed[:6])}"
        return [_finding("reachability", "warn", where, words, hint)]
    count = len(members) * (len(members) - 1)
    return [_finding("reachability", "pass", where, f"all {count} connections opened on port {port}")]


def _finding(check: str, severity: Severity, where: str, message: str, hint: str = "") -> Finding:
    return Finding(check, severity, where, message, hint)
