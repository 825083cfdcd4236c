"""Counts rows by token range, a slice at a time with a pause between: a second look, for a person who wants a number.

A count proves less than a comparison of replicas: LOCAL_QUORUM asks two of three, and equal numbers may hide
different rows. It is shown beside the verdict and never decides it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hybridspan.clock import Clock
from hybridspan.errors import HybridspanError, TemporaryFailure
from hybridspan.progress import Progress

if TYPE_CHECKING:
    from hybridspan.cassandra.region import CassandraRegion
    from hybridspan.cassandra.session import CqlSession

SLICES: Final = 16
"""Pieces of the ring that a table is counted in, at first."""
MOST_SLICES: Final = 4096
"""Pieces that are no longer halved when they cannot be counted."""
PAUSE_SECONDS: Final = 0.01
AGAIN_SECONDS: Final = 1.0
"""Before a slice that could not be counted is tried again, half as wide."""
FIRST_TOKEN, LAST_TOKEN = -(2**63), 2**63 - 1
_RING: Final = 2**64


@dataclass(frozen=True, slots=True)
class Counted:
    """What a count came to in one data center."""

    rows: Mapping[str, int]
    """By keyspace."""
    missing: Mapping[str, str]
    """By keyspace: why it could not be counted."""


async def count_rows(
    region: CassandraRegion, keyspaces: Sequence[str], clock: Clock, progress: Progress
) -> Counted:
    """Rows by keyspace, as a majority of the data center's replicas sees them; TTLs may run out meanwhile.

    No failure ends it: a keyspace that cannot be counted is told with the reason.
    """
    rows: dict[str, int] = {}
    missing: dict[str, str] = {}
    for number, keyspace in enumerate(keyspaces, 1):
        try:
            rows[keyspace] = await _Count(region, await region.any_pod(_itself), clock).of(keyspace)
            words = f"{rows[keyspace]} rows in {keyspace}"
        except HybridspanError as failure:
            missing[keyspace] = f"{failure.message} ({failure.code})"
            words = f"{keyspace} is not counted: {failure}"
        progress(f"{region.region.datacenter}: {words}", number / len(keyspaces), {})
    return Counted(rows, missing)


async def _itself(pod: str) -> str:
    """The first pod that is ready will do."""
    return pod


class _Count:
    """A count through one pod. Each slice asks for its session anew: one whose node did not answer is opened again."""

    def __init__(self, region: CassandraRegion, pod: str, clock: Clock) -> None:
        self._region = region
        self._pod = pod
        self._clock = clock

    async def of(self, keyspace: str) -> int:
        async with self._region.session(self._pod, "admin") as cql:
            tables = [table async for table in _tables(cql, keyspace)]
        return sum([await self._table(f'"{keyspace}"."{table}"', key) for table, key in tables])

    async def _table(self, table: str, key: str) -> int:
        """A slice after the other, half as wide from where one is too large to be counted in time."""
        total, left, width = 0, FIRST_TOKEN, _RING // SLICES
        while left < LAST_TOKEN:
            right = min(left + width, LAST_TOKEN)
            try:
                total += await self._slice(table, key, left, right)
                left, pause = right, PAUSE_SECONDS
            except TemporaryFailure:
                if width <= _RING // MOST_SLICES:
                    raise
                width, pause = width // 2, AGAIN_SECONDS
            await self._clock.sleep(pause)
        return total

    async def _slice(self, table: str, key: str, left: int, right: int) -> int:
        """The rows in (left, right]; the first token of all belongs to none."""
        statement = (
            f"SELECT count(*) AS rows FROM {table} "  # noqa: S608 - names from system_schema
            f"WHERE token({key}) > {left} AND token({key}) <= {right}"
        )
        async with self._region.session(self._pod, "admin") as cql:
            return int((await cql.query(statement, quorum=True))[0]["rows"])


async def _tables(cql: CqlSession, keyspace: str) -> AsyncIterator[tuple[str, str]]:
    """(table, its partition key as `token()` takes it)."""
    statement = (
        "SELECT table_name, column_name, kind, position FROM system_schema.columns WHERE keyspace_name = %s"
    )
    rows = [r for r in await cql.query(statement, (keyspace,)) if r["kind"] == "partition_key"]
    for table in sorted({row["table_name"] for row in rows}):
        mine = sorted((r for r in rows if r["table_name"] == table), key=lambda r: r["position"])
        yield table, ", ".join(f'"{r["column_name"]}"' for r in mine)
