"""The last words of a run: what was done, what was not, why, and the command that goes on."""

from __future__ import annotations

from hybridspan.engine.outcomes import RunOutcome, StepOutcome
from hybridspan.errors import PermanentFailure
from hybridspan.report.endings import summary

COMMAND = "hybridspan apply hybrid.yaml --waive source-repair"
SAME = StepOutcome("network/eastus", "unchanged", "it exists")
MADE = StepOutcome("network/centralus", "changed", "it exists")


def test_a_failure_says_what_where_why_what_is_left_and_how_to_go_on() -> None:
    error = PermanentFailure(
        "HS-AZURE-009", "Azure refuses", where="centralus", why="no quota", hint="ask for more"
    )
    failed = StepOutcome("cluster/centralus", "failed", str(error), error=error)
    left = StepOutcome("seed/centralus", "not-reached", "needs cluster/centralus")
    assert summary(RunOutcome((SAME, MADE, failed, left)), COMMAND).splitlines() == [
        "1 step carried out and verified, 1 as it should be, 2 left.",
        "Failed: cluster/centralus",
        "  what   HS-AZURE-009 Azure refuses",
        "  where  centralus",
        "  why    no quota",
        "  next   ask for more",
        "Not done: cluster/centralus, seed/centralus",
        f"To go on when the cause is removed: {COMMAND}",
    ]


def test_a_stop_before_what_cannot_be_undone_names_it_and_how_to_go_past_it() -> None:
    left = StepOutcome("datastore/centralus", "not-reached", "not agreed to")
    stopped = RunOutcome((MADE, left), stopped_before="datastore/centralus")
    assert stopped.word == "stopped"
    assert summary(stopped, COMMAND).splitlines()[1:] == [
        "Stopped before datastore/centralus, which cannot simply be undone.",
        f"To go on: {COMMAND} --yes --past-no-return",
    ]


def test_a_run_with_nothing_to_do_says_so() -> None:
    assert summary(RunOutcome((SAME, SAME)), COMMAND) == (
        "Nothing to do: 2 steps looked at, each as it should be."
    )


def test_a_finished_run_has_nothing_to_go_on_with() -> None:
    assert summary(RunOutcome((SAME, MADE)), COMMAND) == (
        "Done: 1 step carried out and verified, 1 as it should be."
    )


def test_what_nothing_could_prove_is_said_after_what_was_done() -> None:
    outcome = RunOutcome((SAME, MADE), unproved=("dc-2",))
    assert outcome.word == "unproved"
    assert summary(outcome, COMMAND, "hybridspan verify hybrid.yaml --count").splitlines() == [
        "1 step carried out and verified, 1 as it should be.",
        "Replicated, not proved: dc-2. Its Cassandra has nothing to compare replicas with.",
        "To count the rows in each data center, which is less than a proof: hybridspan verify hybrid.yaml --count",
    ]
