"""Counts rows by token range, a slice at a time with a pause between: a second look, for a person who wants a number.

A count proves less than a comparison of replicas: LOCAL_QUORUM asks two of three, and equal numbers may hide
different rows. It is shown beside the verdict and never decides it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from hybridspan.clock import Clock
from hybridspan.progress import Progress

if TYPE_CHECKING:
    from hybridspan.cassandra.region import CassandraRegion
    from hybridspan.cassandra.session import CqlSession

SLICES = 16
PAUSE_SECONDS = 0.01
FIRST_TOKEN, LAST_TOKEN = -(2**63), 2**63 - 1


def slices(count: int) -> Iterator[tuple[int, int]]:
    """The whole token range in that many pieces (left, right], without a gap; the first token belongs to no row."""
    size = (LAST_TOKEN - FIRST_TOKEN) // count
    bounds = [FIRST_TOKEN + size * number for number in range(count)] + [LAST_TOKEN]
    return pairwise(bounds)


async def count_rows(
    region: CassandraRegion, keyspaces: Sequence[str], clock: Clock, progress: Progress
) -> Mapping[str, int]:
    """Rows by keyspace, as a majority of the data center's replicas sees them; TTLs may run out meanwhile."""
    pod = (await region.pods())[0].name
    found: dict[str, int] = {}
    async with region.session(pod, "admin") as cql:
        for keyspace in keyspaces:
            tables = [table async for table in _tables(cql, keyspace)]
            found[keyspace] = sum([await _count(cql, keyspace, table, key, clock) for table, key in tables])
            words = f"{region.region.datacenter}: {found[keyspace]} rows in {keyspace}"
            progress(words, len(found) / len(keyspaces), {})
    return found


async def _tables(cql: CqlSession, keyspace: str) -> AsyncIterator[tuple[str, str]]:
    """(table, its partition key as `token()` takes it)."""
    statement = (
        "SELECT table_name, column_name, kind, position FROM system_schema.columns WHERE keyspace_name = %s"
    )
    rows = [r for r in await cql.query(statement, (keyspace,)) if r["kind"] == "partition_key"]
    for table in sorted({row["table_name"] for row in rows}):
        mine = sorted((r for r in rows if r["table_name"] == table), key=lambda r: r["position"])
        yield table, ", ".join(f'"{r["column_name"]}"' for r in mine)


async def _count(cql: CqlSession, keyspace: str, table: str, key: str, clock: Clock) -> int:
    total = 0
    for left, right in slices(SLICES):
        statement = (
            f'SELECT count(*) AS rows FROM "{keyspace}"."{table}" '  # noqa: S608 - names from system_schema
            f"WHERE token({key}) > {left} AND token({key}) <= {right}"
        )
        total += (await cql.query(statement, quorum=True))[0]["rows"]
        await clock.sleep(PAUSE_SECONDS)
    return total
