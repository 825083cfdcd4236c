"""The journal in SQLite: WAL, synchronous FULL, so that a line written before `kill -9` is there after it.

Files are made 0600. Documents are JSON and pass through `redaction` before they are stored, whoever calls.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from hybridspan import __version__
from hybridspan.clock import Clock
from hybridspan.errors import PermanentFailure
from hybridspan.journal.ports import Event, Run
from hybridspan.journal.redaction import redact

SCHEMA_VERSION: Final = 1
LOCKED_SECONDS: Final = 10.0
"""How long another program may keep the file locked before it is told."""
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS runs (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, topology_digest TEXT NOT NULL, started REAL NOT NULL, ended REAL,
  outcome TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '', host TEXT NOT NULL, pid INTEGER NOT NULL, version TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS events (
  sequence INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs(id), at REAL NOT NULL, kind TEXT NOT NULL,
  step TEXT NOT NULL, document TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_by_run ON events(run, kind);
CREATE TABLE IF NOT EXISTS decisions (key TEXT PRIMARY KEY, value TEXT NOT NULL, at REAL NOT NULL);
"""


class SqliteJournal:
    """One file; usable from several threads of one process, readable by others at the same time."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._path = path
        self._guard = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.close(descriptor)
        try:
            self._db = sqlite3.connect(
                path, check_same_thread=False, isolation_level=None, timeout=LOCKED_SECONDS
            )
            self._prepare(path)
        except sqlite3.DatabaseError as error:
            raise _unread(path, error) from error

    def _prepare(self, path: Path) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise PermanentFailure(
                "HS-JOURNAL-002",
                "the journal was written by a newer hybridspan",
                where=str(path),
                hint="use that version, or move the file away",
            )
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(SCHEMA)
        self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def _write(self, statement: str, values: tuple[Any, ...]) -> int:
        try:
            with self._guard, closing(self._db.execute(statement, values)) as cursor:
                return cursor.lastrowid or 0
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                raise _unusable(self._path, error) from error
            # Going on without a record would leave the next run to guess what this one streamed.
            raise PermanentFailure(
                "HS-JOURNAL-004",
                "the journal cannot be written, so nothing more is begun",
                where=str(self._path),
                why=str(error),
                hint="make room on that disk (df -h) and see that you may write there, then run the command again: it goes"
                " on where the world is",
            ) from error

    def _read(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._guard, closing(self._db.execute(query, values)) as cursor:
                return cursor.fetchall()
        except sqlite3.DatabaseError as error:
            raise _unread(self._path, error) from error

    def _decoded(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError as error:  # damage inside a row, which the database does not see
            raise _unusable(self._path, error) from error

    def begin(self, kind: str, topology_digest: str) -> int:
        return self._write(
            "INSERT INTO runs (kind, topology_digest, started, host, pid, version) VALUES (?,?,?,?,?,?)",
            (kind, topology_digest, self._clock.now(), socket.gethostname(), os.getpid(), __version__),
        )

    def append(self, run: int, kind: str, step: str, document: Mapping[str, Any]) -> None:
        text = json.dumps(redact(document), ensure_ascii=False, sort_keys=True)
        self._write(
            "INSERT INTO events (run, at, kind, step, document) VALUES (?,?,?,?,?)",
            (run, self._clock.now(), kind, step, text),
        )

    def finish(self, run: int, outcome: str, message: str) -> None:
        self._write(
            "UPDATE runs SET ended=?, outcome=?, message=? WHERE id=?",
            (self._clock.now(), outcome, redact(message), run),
        )

    def runs(self) -> list[Run]:
        columns = "id, kind, topology_digest, started, ended, outcome, message, host, pid, version"
        return [Run(*row) for row in self._read(f"SELECT {columns} FROM runs ORDER BY id")]  # noqa: S608

    def events(self, run: int | None = None, kind: str | None = None) -> Iterator[Event]:
        query = (
            "SELECT run, sequence, at, kind, step, document FROM events "
            "WHERE (?1 IS NULL OR run=?1) AND (?2 IS NULL OR kind=?2) ORDER BY sequence"
        )
        for row in self._read(query, (run, kind)):
            run_id, sequence, at, name, step, document = row
            yield Event(run_id, sequence, at, name, step, self._decoded(document))

    def decide(self, key: str, value: Any) -> None:
        self._write(
            "INSERT INTO decisions (key, value, at) VALUES (?,?,?) "
            "ON CONFLICT(key) DO UPDATE SET value=excluded.value, at=excluded.at",
            (key, json.dumps(redact(value)), self._clock.now()),
        )

    def decided(self, key: str) -> Any | None:
        rows = self._read("SELECT value FROM decisions WHERE key=?", (key,))
        return self._decoded(rows[0][0]) if rows else None

    def close(self) -> None:
        with self._guard:
            self._db.close()


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether the file itself is broken, so that room on the disk would not help; extended codes say more in their upper bytes."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _unusable(path: Path, error: Exception) -> PermanentFailure:
    return PermanentFailure(
        "HS-JOURNAL-001",
        "the journal cannot be used",
        where=str(path),
        why=str(error),
        hint="move the file away; a new one is made. Then hybridspan verify, where data was copied already, so that it"
        " is known again, and plan: it finds out the rest by looking",
    )


def _unread(path: Path, error: sqlite3.DatabaseError) -> PermanentFailure:
    """Damaged, or locked, no right, no room: then what it holds is whole, and moving it away would lose what cannot be observed."""
    if _is_damage(error):
        return _unusable(path, error)
    return PermanentFailure(
        "HS-JOURNAL-005",
        "the journal cannot be read now",
        where=str(path),
        why=str(error),
        hint="what it holds is whole: see that no other program keeps it locked (lsof), that you may write there and that the"
        " disk has room, then run the command again",
    )
