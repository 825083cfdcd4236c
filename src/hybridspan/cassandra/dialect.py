"""How a release before Cassandra 4.0 calls the tables that tell of the ring and of received ranges.

The product writes statements as 4.0 has them. 3.11 keeps the same in `system.peers` and `system.available_ranges`, the latter with
one column `ranges`: it knows no transient replicas.
"""

from __future__ import annotations

from typing import Final

OLDEST: Final = (3, 11)
"""The oldest release that is spoken to: before it `nodetool rebuild` knows no keyspace."""
FIRST_WITH_V2: Final = (4, 0)

_BEFORE_4: Final = (
    ("system.peers_v2", "system.peers"),
    (
        "full_ranges, transient_ranges FROM system.available_ranges_v2",
        "ranges AS full_ranges FROM system.available_ranges",
    ),
    ("system.available_ranges_v2", "system.available_ranges"),
)


def line_of(release: str) -> tuple[int, int]:
    """`3.11.17` → (3, 11); ValueError for what is no release."""
    major, minor, *_ = release.split("-", maxsplit=1)[0].split(".")
    return int(major), int(minor)


def in_dialect(statement: str, line: tuple[int, int]) -> str:
    """The statement as a node of that release line understands it."""
    if line >= FIRST_WITH_V2:
        return statement
    for newer, older in _BEFORE_4:
        statement = statement.replace(newer, older)
    return statement
