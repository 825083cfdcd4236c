"""What would make differing replicas equal: full repairs of just what differs. Pure; a step carries them out.

A repair of a range makes all its replicas equal, in every data center, whichever of them starts it; so each range is repaired
through one node only. It adds what a replica lacks and deletes nothing but what a newer deletion has deleted already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from hybridspan.cassandra.ranges import TokenOwner, TokenRange, covering, replicas
from hybridspan.facts.cassandra import RingFacts
from hybridspan.verification.judgement import Placement, placement
from hybridspan.verification.model import VerificationResult

MOST_RANGES: Final = 12
"""More differing ranges than this are mended by one repair of the whole table: each command costs a JVM."""
_RANGE: Final = re.compile(r"\((-?\d+),(-?\d+)\]")


@dataclass(frozen=True, slots=True)
class Mend:
    """One repair: nodetool's arguments, the node that it is started on, and what it mends, in words."""

    node: str
    arguments: tuple[str, ...]
    reason: str


def mends(
    results: Iterable[VerificationResult], ring: RingFacts, owners: Sequence[TokenOwner]
) -> tuple[Mend, ...]:
    """The repairs of everything that differs, each range of a table once, through a node that holds it.

    `ring` and `owners` are those of now: a node that does not hold a range refuses its repair.
    """
    tables: dict[str, _Table] = {}
    for result in results:
        for found in (d for k in result.keyspaces if k.state == "different" for d in k.differences):
            table = tables.setdefault(found.table, _Table(str(result.datacenter)))
            table.nodes.setdefault(found.token_range, []).append(found.node)
    return tuple(mend for name, table in tables.items() for mend in _of_table(name, table, ring, owners))


@dataclass(frozen=True, slots=True)
class _Table:
    """What differs of one table."""

    datacenter: str
    """The first in which it does."""
    nodes: dict[str, list[str]] = field(default_factory=dict)
    """Range, or how many there are → the nodes that were named for it."""


def _of_table(name: str, table: _Table, ring: RingFacts, owners: Sequence[TokenOwner]) -> Iterator[Mend]:
    keyspace, _, of_it = name.partition(".")
    facts = ring.keyspace(keyspace)
    placed = placement(owners, facts) if facts else {}
    ranges = {
        text: TokenRange(*map(int, found.groups()))
        for text in table.nodes
        if (found := _RANGE.fullmatch(text))
    }
    is_known = len(ranges) == len(table.nodes) and all(placed.get(r) for r in ranges.values())
    if is_known and len(ranges) <= MOST_RANGES:
        for text, token_range in ranges.items():
            node = next((n for n in table.nodes[text] if n in placed[token_range]), placed[token_range][0])
            bounds = ("-st", str(token_range.left), "-et", str(token_range.right))
            yield Mend(
                node, ("repair", "-full", *bounds, keyspace, of_it), f"{name}: range {text} through {node}"
            )
        return
    here = replicas(owners, table.datacenter, facts.replication.factor(table.datacenter)) if facts else {}
    wanted = {r: here.get(r) or placed[r] for r in ranges.values()} if is_known else here
    named = dict.fromkeys(node for nodes in table.nodes.values() for node in nodes)
    for node in _through(tuple(named), wanted):
        words = f"{name}: all ranges that {node} holds, because {_how_many(tuple(table.nodes))} differ"
        yield Mend(node, ("repair", "-full", keyspace, of_it), words)


def _through(named: Sequence[str], wanted: Placement) -> tuple[str, ...]:
    """Few nodes that together hold all these ranges: one that was named where it holds them all."""
    whole = (node for node in named if wanted and all(node in holders for holders in wanted.values()))
    return tuple(islice(whole, 1)) or covering(wanted) or tuple(named[:1])


def _how_many(ranges: Sequence[str]) -> str:
    return f"{len(ranges)} ranges" if len(ranges) > 1 else ranges[0]


def by_node(todo: Sequence[Mend]) -> Mapping[str, tuple[Mend, ...]]:
    """The repairs of each node, in order."""
    return {node: tuple(m for m in todo if m.node == node) for node in dict.fromkeys(m.node for m in todo)}
