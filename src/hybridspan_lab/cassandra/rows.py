"""The fill program's rows: row number N is always the same row, so that any of them can be looked for later.

Rows come in blocks of 40: 28 entries of one key-value map, three credentials, three developers, three apps, two quota
counters and one cache entry.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

BLOCK: Final = 40
MAP_ENTRIES: Final = 28
LARGE_BYTES: Final = 128 * 1024
_LAYOUT: Final = (
    *("kvm_entry",) * MAP_ENTRIES,
    *("app_credential",) * 3,
    *("developer",) * 3,
    *("app",) * 3,
    *("quota_counter",) * 2,
    "cache_entry",
)
_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its table, its primary key's values, and the values of the other columns that are written."""

    number: int
    table: str
    key: tuple[Any, ...]
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """How a table is written and read: kind of keyspace, key columns, other columns."""

    kind: str
    key: tuple[str, ...]
    columns: tuple[str, ...]

    def insert(self, keyspace: str, table: str) -> str:
        names = (*self.key, *self.columns)
        marks = ", ".join("?" * len(names))
        return f"INSERT INTO {keyspace}.{table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - names of our own

    def select(self, keyspace: str, table: str) -> str:
        """Reads a whole partition: the entries of one map, one row of every other table."""
        where = f"{self.key[0]} = ?"
        return f"SELECT {', '.join((*self.key, *self.columns))} FROM {keyspace}.{table} WHERE {where}"  # noqa: S608


FORMS: Final = {
    "developer": Form("kms", ("id",), ("email", "first_name", "last_name", "status")),
    "app": Form("kms", ("id",), ("developer_id", "name", "status", "callback_url")),
    "app_credential": Form("kms", ("consumer_key",), ("consumer_secret", "app_id", "status")),
    "kvm_entry": Form("kvm", ("map", "key"), ("value", "updated_at")),
    "quota_counter": Form("quota", ("identifier",), ("used", "window_start")),
    "cache_entry": Form("cache", ("key",), ("value", "created_at")),
}


def rows(first: int, count: int) -> Iterator[Row]:
    """Rows number `first` to `first + count - 1`."""
    for number in range(first, first + count):
        yield row(number)


def large_rows(count: int) -> Iterator[Row]:
    """So many cache entries of `LARGE_BYTES`, which no compression makes smaller: data whose transfer takes its time."""
    for number in range(count):
        value = hashlib.shake_256(str(number).encode()).digest(LARGE_BYTES)
        yield Row(number, "cache_entry", (f"large-{number}",), (value, _EPOCH))


def row(number: int) -> Row:
    """The row of that number."""
    table = _LAYOUT[number % BLOCK]
    key, values = _CONTENT[table](number)
    return Row(number, table, key, values)


def _developer(number: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    values = (f"dev{number}@example.com", f"First{number}", f"Last{number}", "active")
    return (_uuid("developer", number),), values


def _app(number: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    owner = _uuid("developer", number - number % BLOCK)
    return (_uuid("app", number),), (
        owner,
        f"app-{number}",
        "approved",
        f"https://app{number}.example.com/cb",
    )


def _credential(number: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    values = (_digest("secret", number)[:40], _uuid("app", number), "approved")
    return (_digest("key", number)[:48],), values


def _entry(number: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    return (f"map-{number // BLOCK}", f"entry-{number}"), (_digest("entry", number) * 2, _EPOCH)


def _counter(number: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    return (f"quota-{number}",), (number % 1000, _EPOCH)


def _cached(number: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    return (f"cache-{number}",), (hashlib.sha256(str(number).encode()).digest() * 4, _EPOCH)


_CONTENT: Final = {
    "developer": _developer,
    "app": _app,
    "app_credential": _credential,
    "kvm_entry": _entry,
    "quota_counter": _counter,
    "cache_entry": _cached,
}


def _uuid(kind: str, number: int) -> uuid.UUID:
    return uuid.UUID(_digest(kind, number)[:32])


def _digest(kind: str, number: int) -> str:
    return hashlib.sha256(f"{kind}:{number}".encode()).hexdigest()
