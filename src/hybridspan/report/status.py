"""What is true now, for a terminal: regions, peerings, ring and replication; tables there, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hybridspan.facts.azure import ClusterFacts
from hybridspan.facts.cassandra import RebuildFacts, RingFacts
from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.report import operator
from hybridspan.report.amounts import amount, duration
from hybridspan.report.model import matrix_datacenters, replication_matrix
from hybridspan.report.operator import NOT_SEEN
from hybridspan.report.rendering import Rendered
from hybridspan.topology.model import Region, Topology

Row = tuple[str, ...]


def render_status(topology: Topology, facts: WorldFacts) -> Rendered:
    """Everything that one look has seen."""
    parts = [
        *_gaps(facts),
        _listing(
            "Regions",
            ("region", "network", "cluster", "datastore", "Cassandra", "seed"),
            _regions(topology, facts),
        ),
        _listing("Peerings", ("between", "there", "back"), _peerings(topology, facts)),
        *_releases(topology, facts),
        *_of_the_ring(topology, facts),
        *_copying(topology, facts),
        *_rebuilds(facts.rebuilds),
    ]
    rich = [part for rendered in parts for part in (rendered.rich, Text())]
    lines = [line for rendered in parts for line in rendered.lines]
    return Rendered(Group(*rich), tuple(lines))


def _gaps(facts: WorldFacts) -> Iterator[Rendered]:
    """What could not be looked at comes first: the tables are not the whole truth then."""
    for gap in facts.unseen:
        error = gap.error
        head = f"not seen: {gap.part} of {gap.region}: {error['code']} {error['message']}"
        fields = (("where", "where"), ("why", "why"), ("next", "hint"))
        lines = [head, *(f"  {label:6} {error[name]}" for label, name in fields if error.get(name))]
        yield Rendered(Text("\n".join(lines), style="magenta"), tuple(lines))


def _listing(title: str, heads: Row, rows: Sequence[Row]) -> Rendered:
    table = Table(
        *heads, title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0)
    )
    for row in rows:
        table.add_row(*(Text(cell, style=_colour(cell)) for cell in row))
    named = [
        f"{title.lower()}: " + "  ".join(f"{h}={c}" for h, c in zip(heads, row, strict=True)) for row in rows
    ]
    return Rendered(table, tuple(named))


_COLOURS = {
    "UN": "green",
    "Connected": "green",
    "running": "green",
    "complete": "green",
    "error": "bold red",
    "failed": "bold red",
    "none": "dim",
    NOT_SEEN: "magenta",
    "-": "dim",
    "0": "red",
}


def _colour(cell: str) -> str:
    if cell.startswith(("D", "Disconnected")) and cell[1:2].isupper():
        return "bold red"
    return _COLOURS.get(cell, "")


def _regions(topology: Topology, facts: WorldFacts) -> list[Row]:
    return [_row(region, facts) for region in topology.regions]


def _row(region: Region, facts: WorldFacts) -> Row:
    """What is there; `none` is never said of what could not be looked at."""
    name, network, cluster, *of_cluster = _region(region, facts.regions.get(region.name))
    if facts.is_unseen(region.name, "Azure"):
        return (name, *[NOT_SEEN] * 5)
    if facts.is_closed(region.name):
        return (name, network, cluster, *[NOT_SEEN] * 3)
    return (name, network, cluster, *of_cluster)


def _region(region: Region, facts: RegionFacts | None) -> Row:
    network = facts.azure.network if facts else None
    cluster = facts.azure.cluster if facts else None
    datastore = facts.apigee.datastore if facts and facts.apigee else None
    pods = facts.cluster.cassandra_pods if facts and facts.cluster else ()
    return (
        f"{region.name} ({region.datacenter})",
        _provisioned(network.name, network.provisioning_state) if network else "none",
        _provisioned(f"{cluster.name} {cluster.kubernetes_version}", _state_of(cluster))
        if cluster
        else "none",
        datastore.state or "unseen" if datastore else "none",
        f"{sum(pod.ready for pod in pods)} of {region.cassandra_nodes} ready" if pods else "none",
        (datastore.seed_host or "-") if datastore else "-",
    )


def _state_of(cluster: ClusterFacts) -> str:
    """A cluster that was stopped has succeeded in that."""
    return "Stopped" if cluster.power_state.lower() == "stopped" else cluster.provisioning_state


def _provisioned(name: str, state: str) -> str:
    """The state only where it is not the usual one."""
    return name if state == "Succeeded" else f"{name} {state}"


def _peerings(topology: Topology, facts: WorldFacts) -> list[Row]:
    return [
        (f"{one.name}, {other.name}", _direction(facts, one, other), _direction(facts, other, one))
        for one, other in combinations(topology.regions, 2)
    ]


def _direction(facts: WorldFacts, one: Region, other: Region) -> str:
    if facts.is_unseen(one.name, "Azure") or facts.is_unseen(other.name, "Azure"):
        return NOT_SEEN
    here, there = facts.regions.get(one.name), facts.regions.get(other.name)
    if not (here and here.azure.network and there and there.azure.network):
        return "none"
    peering = here.azure.network.peering_to(there.azure.network.id)
    if peering is None:
        return "otherwise" if "otherwise" in (one.network.connected, other.network.connected) else "none"
    if peering.carries_traffic:
        return peering.state
    return f"{peering.state} {peering.sync_level}" + ("" if peering.allow_access else " access denied")


def _of_the_ring(topology: Topology, facts: WorldFacts) -> Iterator[Rendered]:
    ring = facts.ring
    if ring is None:
        hidden = [r.name for r in topology.regions if facts.is_closed(r.name)]
        words = f"ring: {NOT_SEEN}" if hidden else "ring: no Cassandra node answers"
        yield Rendered(Text(words, style="magenta" if hidden else "yellow"), (words,))
        return
    nodes = [
        (
            node.status + node.state,
            node.address,
            node.datacenter,
            node.rack,
            amount(node.load_bytes),
            node.host_id,
        )
        for node in ring.nodes
    ]
    yield _listing("Ring", ("state", "address", "datacenter", "rack", "load", "host"), nodes)
    datacenters = matrix_datacenters(ring, topology)
    rows = [
        (row.keyspace, *(str(factor) for factor in row.factors), row.strategy)
        for row in replication_matrix(ring, datacenters)
    ]
    yield _listing("Replication", ("keyspace", *datacenters, "strategy"), rows)
    yield _schema(ring)


def _releases(topology: Topology, facts: WorldFacts) -> Iterator[Rendered]:
    if rows := operator.release_rows(topology, facts):
        yield _listing("Releases", operator.release_heads(topology), rows)


def _copying(topology: Topology, facts: WorldFacts) -> Iterator[Rendered]:
    """What Apigee's operator says of its own copying, node by node, and why it failed."""
    found = list(operator.copyings(topology, facts))
    if found:
        yield _listing("Data replication", operator.COPYING_HEADS, [operator.copying_row(c) for c in found])
    if nodes := [row for c in found for row in operator.node_rows(c)]:
        yield _listing("Replicated nodes", operator.NODE_HEADS, nodes)
    for copying in found:
        if copying.cause is not None:
            words = operator.cause_words(copying.cause)
            yield Rendered(Text(words, style="bold red"), (words,))


def _rebuilds(found: Sequence[RebuildFacts]) -> Iterator[Rendered]:
    """Only while data comes in: a node that receives nothing has nothing to tell."""
    if found:
        heads = ("node", "datacenter", "received", "files", "keyspaces", "now", "left")
        yield _listing("Rebuilds", heads, [_rebuild(node) for node in found])


def _rebuild(node: RebuildFacts) -> Row:
    received = amount(node.bytes)
    if node.bytes_total > node.bytes:
        received += f" of about {amount(node.bytes_total)} ({node.bytes / node.bytes_total:.0%})"
    return (
        node.pod,
        node.datacenter,
        received,
        str(node.files),
        f"{node.keyspaces_done} of {node.keyspaces_total}",
        node.keyspace or "-",
        duration(node.seconds_left) if node.seconds_left is not None else "not known yet",
    )


def _schema(ring: RingFacts) -> Rendered:
    if ring.schema_agrees:
        words = "schema: all nodes agree"
    else:
        versions = (f"{version} on {', '.join(nodes)}" for version, nodes in ring.schema_versions.items())
        words = "schema: no agreement: " + "; ".join(versions)
    style: RenderableType = Text(words, style="green" if ring.schema_agrees else "bold red")
    return Rendered(style, (words,))
