"""A no is a result: nothing is changed, the journal and the document say so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from hybridspan.cli import apply
from hybridspan.clock import SystemClock
from hybridspan.errors import EXIT_INPUT, EXIT_PENDING, InputError
from hybridspan.journal.store import SqliteJournal
from hybridspan.plan import build
from hybridspan.plan.model import Plan, done, without
from tests.engine.conftest import planned
from tests.plan_cassandra.world import BEFORE, ring, two_regions, world

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "apply.schema.json"
EXAMPLE = Path(__file__).parents[2] / "examples" / "two-regions"
TOPOLOGY = two_regions()
OLD = without("dc-1 has not been repaired; waived by name")
STEPS = (
    replace(planned("network/eastus"), decision=done("it exists")),
    replace(planned("source-repair/centralus"), phase="source-repair", region="centralus", decision=OLD),
    planned("network/centralus"),
)


class No(apply.Consent):
    """Somebody who has looked at the plan and does not want it."""

    def to_begin(self, plan: Plan) -> bool:
        return False


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SqliteJournal]:
    async def looked(_: Any) -> Any:
        return world(TOPOLOGY, ring(BEFORE, "dc-1"))

    monkeypatch.setattr(apply, "looked", looked)
    monkeypatch.setattr(build, "build", lambda *_: Plan("two-regions", "t", "f", STEPS))
    journal = SqliteJournal(tmp_path / "journal.sqlite", SystemClock())
    yield journal
    journal.close()


def run(journal: SqliteJournal, consent: apply.Consent) -> apply.Application:
    return apply.Application(TOPOLOGY, journal, consent, None, frozenset(), True)


async def test_a_no_prints_the_outcome_by_its_schema(
    journal: SqliteJournal, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(journal, No(False, False)).carry_out(None) == EXIT_PENDING
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    assert (document["outcome"], document["complete"]) == ("declined", False)
    assert [s["state"] for s in document["steps"]] == ["unchanged", "unchanged", "not-reached"]
    assert "Declined: nothing was changed, 1 step not begun." in printed.err
    assert [r.outcome for r in journal.runs()] == ["declined"]


async def test_what_is_gone_without_is_shown_and_kept(
    journal: SqliteJournal, capsys: pytest.CaptureFixture[str]
) -> None:
    await run(journal, No(False, False)).carry_out(None)
    assert "gone without: dc-1 has not been repaired; waived by name" in capsys.readouterr().err
    (kept,) = [event for event in journal.events() if event.kind == "waived"]
    assert (kept.step, kept.document["reason"]) == ("source-repair/centralus", OLD.reason)


async def test_without_a_terminal_and_a_yes_it_is_an_error_with_the_next_move(journal: SqliteJournal) -> None:
    command = "hybridspan apply two.yaml --waive source-repair"
    with pytest.raises(InputError, match="HS-CLI-002") as caught:
        await run(journal, apply.Consent(False, False, command)).carry_out(None)
    assert f"{command} --yes " in caught.value.hint
    assert "--past-no-return" in caught.value.hint


def test_the_next_move_names_the_very_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "my estate")
    path = str(tmp_path / "my estate" / "hybrid.yaml")
    given: list[tuple[Any, ...]] = []
    monkeypatch.setattr(apply.Consent, "__init__", lambda _, *words: given.append(words))
    monkeypatch.setattr(apply, "carried_out", lambda _: EXIT_PENDING)
    words = [path, "--until", "networks", "--waive", "source-repair"]
    CliRunner().invoke(apply.apply, words, catch_exceptions=False)
    assert given == [(False, False, f"hybridspan apply '{path}' --waive source-repair --until networks")]


def test_past_no_return_without_a_yes_is_a_slip_that_is_told(tmp_path: Path) -> None:
    done = CliRunner().invoke(apply.apply, [str(tmp_path / "none.yaml"), "--past-no-return"])
    assert done.exit_code == EXIT_INPUT
    assert "--past-no-return goes with --yes" in done.output
