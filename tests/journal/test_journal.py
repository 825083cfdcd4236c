"""The journal survives its writer and never holds a secret."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hybridspan.clock import SystemClock
from hybridspan.errors import LockHeld, PermanentFailure
from hybridspan.journal.lock import exclusive
from hybridspan.journal.redaction import redact
from hybridspan.journal.store import SqliteJournal
from hybridspan.secrets import Secret


@pytest.fixture
def journal(tmp_path: Path):
    store = SqliteJournal(tmp_path / "journal.sqlite", SystemClock())
    yield store
    store.close()


def test_events_come_back_in_order(journal: SqliteJournal) -> None:
    run = journal.begin("apply", "digest")
    for number in range(3):
        journal.append(run, "progress", "rebuild/x", {"bytes": number})
    assert [e.document["bytes"] for e in journal.events(run)] == [0, 1, 2]


def test_a_run_is_open_until_it_is_finished(journal: SqliteJournal) -> None:
    run = journal.begin("apply", "digest")
    assert journal.runs()[0].ended is None
    journal.finish(run, "done", "all good")
    assert journal.runs()[0].outcome == "done"


def test_a_decision_is_remembered_and_may_change(journal: SqliteJournal) -> None:
    assert journal.decided("throttle") is None
    journal.decide("throttle", {"was": 200})
    journal.decide("throttle", {"was": 100})
    assert journal.decided("throttle") == {"was": 100}


def test_the_file_is_its_owners_alone(journal: SqliteJournal, tmp_path: Path) -> None:
    assert (tmp_path / "journal.sqlite").stat().st_mode & 0o077 == 0


def test_no_secret_reaches_the_file(journal: SqliteJournal, tmp_path: Path) -> None:
    run = journal.begin("apply", "digest")
    key = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----"
    document = {
        "password": "hunter2",
        "x": Secret("hunter2"),
        "text": key,
        "cql": "ALTER ROLE a WITH PASSWORD = 'hunter2'",
    }
    journal.append(run, "cql", "", document)
    journal.close()
    assert b"hunter2" not in b"".join(p.read_bytes() for p in tmp_path.iterdir())


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"this is not a database, but it is long enough to be read as one" * 20)
    with pytest.raises(PermanentFailure, match="HS-JOURNAL-001"):
        SqliteJournal(path, SystemClock())


def damaged(path: Path) -> SqliteJournal:
    """A journal whose first page is whole, so that it opens, and none after it."""
    written = SqliteJournal(path, SystemClock())
    run = written.begin("apply", "digest")
    for number in range(200):
        written.append(run, "progress", "rebuild/x", {"text": f"{number} " * 100})
        written.decide(f"rebuild/{number}", "x" * 100)
    written.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    return SqliteJournal(path, SystemClock())


@pytest.mark.parametrize(
    "use",
    [
        lambda journal: journal.runs(),
        lambda journal: list(journal.events()),
        lambda journal: journal.decided("rebuild/7"),
        lambda journal: journal.begin("apply", "digest"),
        lambda journal: journal.append(1, "progress", "", {}),
        lambda journal: journal.finish(1, "done", ""),
        lambda journal: journal.decide("rebuild/7", "y"),
    ],
    ids=["runs", "events", "decided", "begin", "append", "finish", "decide"],
)
def test_damage_that_shows_only_on_use_is_named_too(
    tmp_path: Path, use: Callable[[SqliteJournal], object]
) -> None:
    journal = damaged(tmp_path / "journal.sqlite")
    with pytest.raises(PermanentFailure, match="HS-JOURNAL-001") as caught:
        use(journal)
    assert caught.value.where == str(tmp_path / "journal.sqlite")
    assert "move the file away" in caught.value.hint
    journal.close()


def test_a_row_that_is_no_document_is_damage(journal: SqliteJournal) -> None:
    run = journal.begin("apply", "digest")
    journal.append(run, "acting", "network/a", {})
    journal._db.execute("UPDATE events SET document='{\"byt'")
    with pytest.raises(PermanentFailure, match="HS-JOURNAL-001"):
        list(journal.events())


def test_a_journal_that_another_program_locks_is_not_to_be_moved_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hybridspan.journal.store.LOCKED_SECONDS", 0)
    path = tmp_path / "journal.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(PermanentFailure, match=r"HS-JOURNAL-005.*locked") as caught:
        SqliteJournal(path, SystemClock())
    assert "move the file away" not in caught.value.hint
    other.close()
    SqliteJournal(path, SystemClock()).close()


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(PermanentFailure, match="HS-JOURNAL-002"):
        SqliteJournal(path, SystemClock())


@pytest.mark.parametrize(
    "written", ["PASSWORD='hunter2'", "password  =\n'x''hunter2'", "PASSWORD = 'hunter2'"]
)
def test_a_password_in_cql_is_hidden_however_it_is_written(written: str) -> None:
    told = redact(f"ALTER ROLE a WITH {written} AND LOGIN = true")
    assert "hunter2" not in told
    assert told.endswith("'***' AND LOGIN = true")


def test_redaction_keeps_what_is_no_secret() -> None:
    assert redact({"a": [1, "two", None], "where": Path("/x")}) == {"a": [1, "two", None], "where": "/x"}


def test_the_lock_is_held_by_one_and_names_the_holder(tmp_path: Path) -> None:
    with exclusive(tmp_path / "lock", "apply"):
        with pytest.raises(LockHeld) as caught, exclusive(tmp_path / "lock", "verify"):
            pass
        assert f"apply by process {os.getpid()}" in caught.value.why


WRITER = """
import sys, signal
from pathlib import Path
from hybridspan.clock import SystemClock
from hybridspan.journal.lock import exclusive
from hybridspan.journal.store import SqliteJournal
folder = Path(sys.argv[1])
with exclusive(folder / "lock", "apply"):
    journal = SqliteJournal(folder / "journal.sqlite", SystemClock())
    run = journal.begin("apply", "digest")
    journal.append(run, "acting", "network/a", {})
    print("written", flush=True)
    signal.pause()
"""


def test_a_killed_writer_leaves_its_lines_and_no_lock(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "written\n"
        writer.send_signal(signal.SIGKILL)
    with exclusive(tmp_path / "lock", "apply"):
        journal = SqliteJournal(tmp_path / "journal.sqlite", SystemClock())
        assert [e.step for e in journal.events()] == ["network/a"]
        journal.close()


def test_a_journal_that_cannot_be_written_stops_the_run_in_words(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    """What a run streams must be on record before it begins."""
    journal.begin("apply", "digest")
    size = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count={size}")
    with pytest.raises(PermanentFailure, match="HS-JOURNAL-004") as full:
        journal.decide("rebuild/centralus/pod", {"begun": ["x" * 100_000]})
    assert full.value.where == str(tmp_path / "journal.sqlite")
    assert "full" in full.value.why
