"""From previews to verdicts. Pure.

A preview under live traffic shows ranges that differ only because a write was under way; a moment later others do. What a
table's replicas agreed on once, after the rebuild, stays agreed: later writes go to all of them. So one look in which a
table is the same proves it, and only what differs in every look is a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hybridspan.cassandra.ranges import TokenOwner, TokenRange, parse_range, replicas
from hybridspan.cassandra.streaming import readable_bytes
from hybridspan.cassandra.texts import PairDifference, Preview
from hybridspan.facts.cassandra import KeyspaceFacts, RingFacts
from hybridspan.topology.model import Region
from hybridspan.verification.model import Difference, KeyspaceVerdict

HISTORIES: Final = frozenset({"system_distributed", "system_traces"})
"""Keyspaces that Cassandra itself writes: a repair's history and traces. They change with every repair."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A table that differed in every look so far, as the last look showed it; `node` ran the preview."""

    keyspace: str
    table: str
    pairs: tuple[PairDifference, ...]
    ranges: int
    """How many ranges were compared."""
    node: str

    @property
    def is_everywhere(self) -> bool:
        """Whether half of the compared ranges differ: then single ranges need no search."""
        most = max((pair.ranges for pair in self.pairs), default=0)
        return 2 * most >= self.ranges > 0


def suspects(node: str, previews: Iterable[Preview]) -> tuple[Suspect, ...]:
    """The tables that one node's previews show as different."""
    found: list[Suspect] = []
    for preview in previews:
        for table in dict.fromkeys(pair.table for pair in preview.differences):
            pairs = tuple(p for p in preview.differences if p.table == table)
            found.append(Suspect(preview.keyspace, table, pairs, preview.ranges, node))
    return tuple(found)


def still(before: Sequence[Suspect], now: Sequence[Suspect]) -> tuple[Suspect, ...]:
    """Those of now that were suspect before too, by node and table."""
    known = {(s.node, s.keyspace, s.table) for s in before}
    return tuple(s for s in now if (s.node, s.keyspace, s.table) in known)


def guilty(pairs: Sequence[PairDifference]) -> tuple[str, ...]:
    """The nodes that differ from all the others: one that is in every pair, else every node that would receive."""
    everyone = [{p.source, p.destination} for p in pairs]
    common = set.intersection(*everyone) if everyone else set()
    if len(common) == 1:
        return tuple(common)
    return tuple(sorted({p.destination for p in pairs if p.bytes} or {p.destination for p in pairs}))


Placement = Mapping[TokenRange, tuple[str, ...]]
"""For every range the addresses that hold it, in all data centers."""


def placement(owners: Sequence[TokenOwner], keyspace: KeyspaceFacts) -> Placement:
    """Where the keyspace's ranges are, in all data centers that it names."""
    found: dict[TokenRange, tuple[str, ...]] = {}
    for datacenter, factor in keyspace.replication.factors.items():
        for token_range, addresses in replicas(owners, datacenter, factor).items():
            found[token_range] = (*found.get(token_range, ()), *addresses)
    return found


def differences(suspects: Sequence[Suspect]) -> tuple[Difference, ...]:
    """The suspects as differences that name node and table; instead of ranges, how many there are."""
    return tuple(
        _difference(suspect, node, _count(suspect)) for suspect in suspects for node in guilty(suspect.pairs)
    )


def differences_in(
    suspects: Sequence[Suspect], token_ranges: Sequence[str], placed: Placement
) -> tuple[Difference, ...]:
    """One table's suspects as differences in just these ranges, each with the suspect nodes that hold it.

    Where ranges are split, a node is in the pairs because of some ranges and does not hold the others. A range that differs is
    named in any case: with those of the pairs that hold it, or all its replicas, where no suspect node does.
    """
    found: dict[tuple[str, str], Difference] = {}
    for token_range in token_ranges:
        holders = frozenset(placed.get(parse_range(token_range), ()))
        pairs = [p for s in suspects for p in s.pairs if {p.source, p.destination} <= holders]
        named = [(s, node) for s in suspects for node in guilty(s.pairs) if node in holders]
        named = named or [(suspects[0], node) for node in guilty(pairs) or sorted(holders)]
        for suspect, node in named:
            found.setdefault((node, token_range), _difference(suspect, node, token_range))
    return tuple(found.values())


def _difference(suspect: Suspect, node: str, token_range: str) -> Difference:
    return Difference(node, token_range, f"{suspect.keyspace}.{suspect.table}", _detail(suspect, node))


def _count(suspect: Suspect) -> str:
    most = max((pair.ranges for pair in suspect.pairs), default=0)
    return f"{most} of {suspect.ranges} ranges"


def _detail(suspect: Suspect, node: str) -> str:
    received = [p for p in suspect.pairs if p.destination == node]
    size = max((p.bytes for p in received), default=0)
    others = ", ".join(sorted({p.source for p in received}))
    return f"would receive up to {readable_bytes(size)} from {others}" if others else ""


def verdict(
    keyspace: str, compared: int, looks: int, found: Sequence[Difference], nodes: Sequence[str]
) -> KeyspaceVerdict:
    """One keyspace's verdict; `compared` counts ranges, `nodes` are those that compared them."""
    if found and keyspace in HISTORIES:
        words = "only Cassandra's own history differs, which every repair changes and thirty days erase"
        return KeyspaceVerdict(keyspace, "same", words)
    if found:
        tables = ", ".join(sorted({d.table for d in found}))
        names = ", ".join(sorted({d.node for d in found}))
        return KeyspaceVerdict(keyspace, "different", f"{tables} differs on {names}", tuple(found))
    if not compared:
        return KeyspaceVerdict(keyspace, "unproved", "no range was compared")
    again = f", after {looks} looks" if looks > 1 else ""
    through = f"{len(nodes)} node{'' if len(nodes) == 1 else 's'}"
    return KeyspaceVerdict(keyspace, "same", f"{compared} ranges compared through {through}{again}")


def unable(keyspace: str, release: str) -> KeyspaceVerdict:
    """Of a release that has nothing to compare replicas with."""
    summary = f"Cassandra {release} cannot compare replicas: nodetool repair --preview came with 4.0"
    return KeyspaceVerdict(keyspace, "unproved", summary)


def too_busy(keyspace: str, unsettled: Sequence[Suspect]) -> KeyspaceVerdict:
    """The verdict where traffic and a difference cannot be told apart.

    The source's own replicas differ too, looks at single ranges still cleared some when they ended, or time was over.
    """
    tables = ", ".join(sorted({s.table for s in unsettled}))
    words = (
        f"{tables} is written to faster than its ranges can be compared one by one; verify again in a calmer hour, or count rows "
        "as well (--count)"
    )
    return KeyspaceVerdict(keyspace, "unproved", words)


def ring_problems(ring: RingFacts, region: Region, source: str) -> tuple[str, ...]:
    """What keeps the data from being compared at all: members that are missing or down, and schemas that differ."""
    problems = [
        f"{n.address} of {n.datacenter} is {n.status}{n.state}" for n in ring.nodes if not n.is_up_normal
    ]
    problems += [
        f"{dc} has {len(ring.of(dc))} nodes in the ring, {wanted} are declared"
        for dc, wanted in ((region.datacenter, region.cassandra_nodes), (source, 1))
        if len(ring.of(dc)) < wanted
    ]
    if not ring.schema_agrees:
        problems.append(f"{len(ring.schema_versions)} schema versions: {_versions(ring.schema_versions)}")
    return tuple(problems)


def _versions(versions: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{version} on {', '.join(nodes)}" for version, nodes in versions.items())


def matrix_problems(ring: RingFacts, region: Region, source: str) -> tuple[str, ...]:
    """Keyspaces that the data center lacks though others have them, and those of which no data center can be proved."""
    found = (_matrix_problem(k, region.datacenter, source) for k in ring.keyspaces if not k.is_local)
    return tuple(problem for problem in found if problem)


def _matrix_problem(keyspace: KeyspaceFacts, datacenter: str, source: str) -> str:
    """What is wrong with one keyspace's replication, or nothing."""
    name, replication = keyspace.name, keyspace.replication
    if replication.strategy == "SimpleStrategy":
        return f"{name} is on SimpleStrategy, whose replicas are spread over all data centers: none of them holds it whole"
    if replication.factor(datacenter) or replication.strategy != "NetworkTopologyStrategy":
        return ""
    holders = [source, *sorted(set(replication.factors) - {source})]
    others = [(dc, replication.factor(dc)) for dc in holders if replication.factor(dc)]
    return f"{name} has {others[0][1]} replicas in {others[0][0]} and none in {datacenter}" if others else ""
