"""No failure ever reaches a person as a traceback."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import click
import jsonschema
import pytest

from hybridspan.cli.endings import ended
from hybridspan.errors import InputError, LockHeld, PermanentFailure
from hybridspan.observation.estate import workdir_of
from hybridspan.topology.loading import load

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SCHEMA = ROOT / "docs" / "schemas" / "error.schema.json"


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hybridspan", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, check=False, stdin=subprocess.DEVNULL
    )


def raising(error: BaseException):
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("HS-X-001", "bad"), 2),
        (LockHeld("HS-X-002", "held"), 4),
        (PermanentFailure("HS-X-003", "no"), 1),
        (KeyboardInterrupt(), 130),
        (ExceptionGroup("tasks", [ValueError("x"), PermanentFailure("HS-X-003", "no")]), 1),
    ],
)
def test_each_failure_has_its_exit_code(error: BaseException, code: int) -> None:
    assert ended(raising(error), []) == code


def test_an_error_says_what_where_why_and_what_next(capsys: pytest.CaptureFixture[str]) -> None:
    error = PermanentFailure("HS-X-003", "it broke", where="eastus", why="no route", hint="mend the peering")
    ended(raising(error), [])
    said = capsys.readouterr().err
    assert all(words in said for words in ("HS-X-003", "it broke", "eastus", "no route", "mend the peering"))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermanentFailure("HS-X-003", "it broke"), "HS-X-003"),
        (KeyboardInterrupt(), "HS-CLI-013"),
        (click.Abort(), "HS-CLI-013"),
        (ExceptionGroup("tasks", [ValueError("x"), PermanentFailure("HS-X-003", "no")]), "HS-X-003"),
    ],
)
def test_with_json_the_error_is_a_document(
    error: BaseException, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(raising(error), ["plan", "--json"])
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    assert document["error"]["code"] == code


def test_with_json_a_slip_on_the_command_line_is_a_document_too(tmp_path: Path) -> None:
    done = run("apply", "--yess", "--json", cwd=tmp_path)
    assert done.returncode == 2
    assert "--yess" in done.stderr
    error = json.loads(done.stdout)["error"]
    assert (error["code"], error["hint"]) == ("HS-CLI-012", "hybridspan apply --help")


def test_a_defect_keeps_its_traceback_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(raising(RuntimeError("surprise")), []) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    path = next(Path(word.rstrip(";")) for word in said.split() if "hybridspan-defect-" in word)
    assert "surprise" in path.read_text()
    path.unlink()


@pytest.mark.parametrize("command", ["plan", "apply", "status", "verify", "check", "validate"])
def test_a_missing_file_is_named(command: str, tmp_path: Path) -> None:
    done = run(command, "nowhere.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "nowhere.yaml" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "content", ["", "{", "- a\n- b", "a: [", "\x00\x01", "apiVersion: hybridspan/v1\nkind: Other\n"]
)
def test_a_bad_file_is_refused_in_words(content: str, tmp_path: Path) -> None:
    (tmp_path / "hybrid.yaml").write_text(content)
    for command in ("validate", "plan", "apply"):
        done = run(command, cwd=tmp_path)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("plan", "--export", "plan.txt"), "HS-PLAN-005", "--export"),
        (("plan", "--waive", "souce-repair"), "HS-PLAN-009", "--waive"),
        (("check", "--waive", "souce-repair"), "HS-PLAN-009", "--waive"),
        (("apply", "--waive", "souce-repair"), "HS-PLAN-009", "--waive"),
        (("support-bundle", "--offline", "--output", "nowhere/bundle.tar.gz"), "HS-CLI-014", "nowhere"),
        (("demo", "--example", "moon"), "HS-CLI-015", "three-regions"),
        (("demo", "--directory", "/proc/demo"), "HS-CLI-014", "/proc/demo"),
    ],
)
def test_a_slip_is_told_before_anything_is_looked_at(
    words: tuple[str, ...], code: str, named: str, tmp_path: Path
) -> None:
    for file in (EXAMPLES / "two-regions").glob("*.yaml"):
        shutil.copy(file, tmp_path)
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert f"Error {code}" in done.stderr
    assert named in done.stderr
    assert "  next " in done.stderr


def test_a_bundle_is_made_though_the_journal_is_damaged(tmp_path: Path) -> None:
    for file in (EXAMPLES / "two-regions").glob("*.yaml"):
        shutil.copy(file, tmp_path)
    (path := workdir_of(load(tmp_path / "hybrid.yaml")) / "journal.sqlite").parent.mkdir(parents=True)
    path.write_bytes(b"SQLite format 3\0 but no database at all" * 200)
    done = run("support-bundle", "--offline", "--output", "bundle.tar.gz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "journal-not-available.txt" in done.stderr
    with tarfile.open(tmp_path / "bundle.tar.gz") as archive:
        (said,) = (m for m in archive.getmembers() if m.name.endswith("/journal-not-available.txt"))
        assert b"HS-JOURNAL-001" in (archive.extractfile(said) or io.BytesIO()).read()
        assert any(name.endswith("/topology.yaml") for name in archive.getnames())


def test_an_unknown_command_is_a_usage_error(tmp_path: Path) -> None:
    assert run("frobnicate", cwd=tmp_path).returncode == 2
