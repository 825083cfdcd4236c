"""When a data center was last repaired, by Cassandra's own history. Pure.

A repair counts when it was full, went to its end without an exception, and left none of the data center's nodes out. Several
repairs of parts count together once their ranges cover the ring. The history is kept for thirty days.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hybridspan.cassandra.ranges import TokenRange, parse_range, uncovered

HISTORY = (
    "SELECT keyspace_name, started_at, finished_at, exception_message, options, requested_ranges, successful_ranges,"
    " columnfamily_names FROM system_distributed.parent_repair_history"
)


@dataclass(frozen=True, slots=True)
class Repair:
    """One finished repair of a keyspace."""

    keyspace: str
    started: float
    """Unix time: what was written before it was compared."""
    ranges: tuple[TokenRange, ...]


def counted(row: Mapping[str, Any], datacenter: str) -> Repair | None:
    """The repair that a row of the history tells of, or None where it proves nothing for the data center."""
    options = row["options"] or {}
    if row["finished_at"] is None or row["exception_message"]:
        return None
    if options.get("previewKind", "NONE") != "NONE" or options.get("incremental") == "true":
        return None
    if not _includes(options.get("dataCenters", ""), datacenter) or _listed(options.get("hosts", "")):
        return None
    # 3.11 keeps an empty word where nothing succeeded.
    ranges = tuple(parse_range(text) for text in row["successful_ranges"] or () if text)
    started = row["started_at"].timestamp()
    return Repair(row["keyspace_name"], started, ranges) if ranges else None


def _listed(text: str) -> list[str]:
    return [name for part in text.strip("[]").split(",") if (name := part.strip())]


def _includes(text: str, datacenter: str) -> bool:
    named = _listed(text)
    return not named or datacenter in named


def last_repairs(
    rows: Sequence[Mapping[str, Any]], datacenter: str, ring: Collection[TokenRange]
) -> Mapping[str, float]:
    """Keyspace → Unix time since when every range of the ring has been repaired at least once."""
    repairs = [repair for row in rows if (repair := counted(row, datacenter)) is not None]
    last: dict[str, float] = {}
    for keyspace in {repair.keyspace for repair in repairs}:
        seen: list[TokenRange] = []
        for repair in sorted(repairs, key=lambda r: r.started, reverse=True):
            if repair.keyspace != keyspace:
                continue
            seen.extend(repair.ranges)
            if not uncovered(ring, seen):
                last[keyspace] = repair.started
                break
    return last
