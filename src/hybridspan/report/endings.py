"""The last words of a run: what was done, what was not, why, and what to do next."""

from __future__ import annotations

from hybridspan.engine.outcomes import RunOutcome, StepOutcome
from hybridspan.report.amounts import counted


def summary(outcome: RunOutcome, command: str) -> str:
    """A few lines for a person at three in the morning; `command` is the one that goes on."""
    done = [s for s in outcome.steps if s.state == "changed"]
    same = [s for s in outcome.steps if s.state == "unchanged"]
    left = [s for s in outcome.steps if not s.is_good]
    lines = [
        f"{len(done)} steps carried out and verified, {len(same)} were as they should be, {len(left)} left."
    ]
    if outcome.is_declined:
        return f"Declined: nothing was changed, {counted(len(left), 'step')} not begun."
    for step in outcome.failures:
        lines += _failure(step)
    if outcome.stopped_before:
        lines.append(f"Stopped before {outcome.stopped_before}, which cannot simply be undone.")
        lines.append(f"To go on: {command} --yes --past-no-return")
    elif left:
        lines.append("Not done: " + ", ".join(s.step for s in left))
        lines.append(f"To go on when the cause is removed: {command}")
    return "\n".join(lines)


def _failure(step: StepOutcome) -> list[str]:
    lines = [f"Failed: {step.step}"]
    if step.error is None:
        return [*lines, f"  why    {step.reason}"]
    error = step.error
    lines.append(f"  what   {error.code} {error.message}")
    fields = (("where", error.where), ("why", error.why), ("next", error.hint))
    return lines + [f"  {label:6} {text}" for label, text in fields if text]
