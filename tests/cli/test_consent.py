"""A no is a result: nothing is changed, the journal and the document say so."""

from __future__ import annotations

import errno
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
from hybridspan.engine.outcomes import RunOutcome
from hybridspan.engine.runner import Runner
from hybridspan.errors import EXIT_INPUT, EXIT_PENDING, InputError
from hybridspan.journal.store import SqliteJournal
from hybridspan.plan import build
from hybridspan.plan.model import Plan, done, without
from tests.engine.conftest import ScriptedStep, Story, TurnedClock, planned
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


def dropped(*_: Any, **__: Any) -> bool:
    """What reading gives whose terminal is gone."""
    raise OSError(errno.EIO, "Input/output error")


async def asked() -> RunOutcome:
    """A run that comes to an act which cannot simply be undone, where a person is asked."""
    step = ScriptedStep(planned("datastore/centralus", irreversible="nodes join the ring"))
    return await Runner([step], Story(), TurnedClock(), apply.Consent(False, False).past).run()


async def test_the_end_of_the_input_at_the_question_is_a_no() -> None:
    with CliRunner().isolation(input=""):
        outcome = await asked()
    assert (outcome.word, outcome.stopped_before) == ("stopped", "datastore/centralus")


async def test_a_terminal_that_is_gone_at_the_question_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.confirm", dropped)
    outcome = await asked()
    assert (outcome.word, outcome.stopped_before) == ("stopped", "datastore/centralus")


async def test_a_stop_at_the_question_ends_with_changes_pending(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def stopped(*_: Any) -> RunOutcome:
        with CliRunner().isolation(input=""):
            return await asked()

    monkeypatch.setattr(apply.Application, "_run_steps", stopped)
    monkeypatch.setattr(apply.Consent, "to_begin", lambda *_: True)
    assert await run(journal, apply.Consent(False, False)).carry_out(None) == EXIT_PENDING
    assert "stopped before datastore/centralus" in capsys.readouterr().err.lower()
    assert [r.outcome for r in journal.runs()] == ["stopped"]
