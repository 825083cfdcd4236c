"""The last words of a run: what was done, what was not, why, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator

from hybridspan.engine.outcomes import RunOutcome, StepOutcome
from hybridspan.report.amounts import counted


def summary(outcome: RunOutcome, command: str, count: str = "") -> str:
    """A few lines for a person at three in the morning; `command` is the one that goes on, `count` the one that counts rows where
    nothing could be proved."""
    left = [s for s in outcome.steps if not s.is_good]
    if outcome.is_declined:
        return f"Declined: nothing was changed, {counted(len(left), 'step')} not begun."
    if not left:
        return "\n".join((_all_good(outcome), *_unproved(outcome, count)))
    lines = [f"{_so_far(outcome)}, {len(left)} left."]
    for step in outcome.failures:
        lines += _failure(step)
    if outcome.stopped_before:
        lines.append(f"Stopped before {outcome.stopped_before}, which cannot simply be undone.")
        lines.append(f"To go on: {command} --yes --past-no-return")
    else:
        lines.append("Not done: " + ", ".join(s.step for s in left))
        lines.append(f"To go on when the cause is removed: {command}")
    return "\n".join(lines)


def _all_good(outcome: RunOutcome) -> str:
    if not outcome.changed:
        return f"Nothing to do: {counted(len(outcome.steps), 'step')} looked at, each as it should be."
    return f"{_so_far(outcome)}." if outcome.unproved else f"Done: {_so_far(outcome)}."


def _unproved(outcome: RunOutcome, count: str) -> Iterator[str]:
    if outcome.unproved:
        yield f"Replicated, not proved: {', '.join(outcome.unproved)}. Its Cassandra has nothing to compare replicas with."
        yield f"To count the rows in each data center, which is less than a proof: {count}"


def _so_far(outcome: RunOutcome) -> str:
    same = sum(s.state == "unchanged" for s in outcome.steps)
    as_they = "as it should be" if same == 1 else "as they should be"
    return f"{counted(len(outcome.changed), 'step')} carried out and verified, {same} {as_they}"


def _failure(step: StepOutcome) -> list[str]:
    lines = [f"Failed: {step.step}"]
    if step.error is None:
        return [*lines, f"  why    {step.reason}"]
    error = step.error
    lines.append(f"  what   {error.code} {error.message}")
    fields = (("where", error.where), ("why", error.why), ("next", error.hint))
    return lines + [f"  {label:6} {text}" for label, text in fields if text]
