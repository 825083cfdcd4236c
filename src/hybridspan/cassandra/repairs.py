"""When a data center was last repaired, by Cassandra's own history. Pure.

A repair counts when it was full, went to its end without an exception, and left none of the data center's nodes out. Several
repairs of parts count together once their ranges cover the ring. `nodetool repair -full kms app` leaves a row of keyspace `kms`
too, whose ranges are the whole ring: so what counts is each table, and a keyspace is as its table that was repaired longest
ago. The history is kept for thirty days.
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
    """One finished repair of tables of a keyspace."""

    keyspace: str
    started: float
    """Unix time: what was written before it was compared."""
    ranges: tuple[TokenRange, ...]
    tables: frozenset[str]
    """Those that it compared: the ones that the keyspace had then, or fewer."""


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
    tables = frozenset(row["columnfamily_names"] or ())
    if not ranges or not tables:
        return None
    return Repair(row["keyspace_name"], row["started_at"].timestamp(), ranges, tables)


def _listed(text: str) -> list[str]:
    return [name for part in text.strip("[]").split(",") if (name := part.strip())]


def _includes(text: str, datacenter: str) -> bool:
    named = _listed(text)
    return not named or datacenter in named


def last_repairs(
    rows: Sequence[Mapping[str, Any]],
    datacenter: str,
    ring: Collection[TokenRange],
    tables: Mapping[str, Collection[str]],
) -> Mapping[str, float]:
    """Keyspace → Unix time since when every range of each of its tables has been repaired at least once.

    `tables` are those of now, by keyspace. One that came after the last repair has never been repaired, and with it its keyspace.
    """
    found = [repair for row in rows if (repair := counted(row, datacenter)) is not None]
    repairs = sorted(found, key=lambda repair: repair.started, reverse=True)
    last: dict[str, float] = {}
    for keyspace, names in tables.items():
        since = _since([repair for repair in repairs if repair.keyspace == keyspace], ring, names)
        if since is not None:
            last[keyspace] = since
    return last


def _since(repairs: Sequence[Repair], ring: Collection[TokenRange], tables: Collection[str]) -> float | None:
    """Since when each of the tables has been repaired; None where one has not. Of the repairs the latest come first."""
    # Most repairs are of all tables: tables that the same ones name are looked at once, not fifty times.
    groups = {tuple(n for n, repair in enumerate(repairs) if table in repair.tables) for table in tables}
    times = [_covered_since([repairs[n] for n in group], ring) for group in groups]
    known = [time for time in times if time is not None]
    return min(known) if known and len(known) == len(times) else None


def _covered_since(repairs: Sequence[Repair], ring: Collection[TokenRange]) -> float | None:
    """When the oldest repair began without which some range is left out."""
    seen: list[TokenRange] = []
    for repair in repairs:
        seen.extend(repair.ranges)
        if not uncovered(ring, seen):
            return repair.started
    return None
