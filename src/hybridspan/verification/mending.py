"""What would make differing replicas equal: full repairs of just what differs. Pure; a step carries them out.

A repair of a range makes all its replicas equal, in every data center, whichever of them starts it; so each range is repaired
through one node only. It adds what a replica lacks and deletes nothing but what a newer deletion has deleted already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hybridspan.verification.model import Difference, VerificationResult

MOST_RANGES: Final = 12
"""More differing ranges than this are mended by one repair of the whole table: each command costs a JVM."""
_RANGE: Final = re.compile(r"\((-?\d+),(-?\d+)\]")


@dataclass(frozen=True, slots=True)
class Mend:
    """One repair: nodetool's arguments, the node that it is started on, and what it mends, in words."""

    node: str
    arguments: tuple[str, ...]
    reason: str


def mends(results: Iterable[VerificationResult]) -> tuple[Mend, ...]:
    """The repairs of everything that differs, each range of a table once, whoever was named for it first."""
    nodes: dict[tuple[str, str], str] = {}
    ranges: dict[tuple[str, str], list[str]] = {}
    for found in _differences(results):
        keyspace, _, table = found.table.partition(".")
        key = (keyspace, table)
        nodes.setdefault(key, found.node)
        if found.token_range not in ranges.setdefault(key, []):
            ranges[key].append(found.token_range)
    return tuple(mend for key, node in nodes.items() for mend in _of_table(node, key, ranges[key]))


def _differences(results: Iterable[VerificationResult]) -> list[Difference]:
    return [
        d for result in results for k in result.keyspaces if k.state == "different" for d in k.differences
    ]


def _of_table(node: str, key: tuple[str, str], ranges: Sequence[str]) -> list[Mend]:
    bounds = [match for text in ranges if (match := _RANGE.fullmatch(text))]
    name = ".".join(key)
    if len(bounds) < len(ranges) or len(bounds) > MOST_RANGES:
        words = f"{name}: all ranges that {node} holds, because {_how_many(ranges)} differ"
        return [Mend(node, ("repair", "-full", *key), words)]
    return [
        Mend(
            node,
            ("repair", "-full", "-st", found[1], "-et", found[2], *key),
            f"{name}: range {found[0]} through {node}",
        )
        for found in bounds
    ]


def _how_many(ranges: Sequence[str]) -> str:
    return f"{len(ranges)} ranges" if len(ranges) > 1 else ranges[0]


def by_node(todo: Sequence[Mend]) -> Mapping[str, tuple[Mend, ...]]:
    """The repairs of each node, in order."""
    return {node: tuple(m for m in todo if m.node == node) for node in dict.fromkeys(m.node for m in todo)}
