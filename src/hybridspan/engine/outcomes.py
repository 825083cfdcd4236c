"""What became of each step, and of the run: immutable values, no flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hybridspan.errors import HybridspanError
from hybridspan.plan.model import PlannedStep

OutcomeState = Literal["unchanged", "changed", "failed", "not-reached", "interrupted"]

RunWord = Literal["done", "unproved", "stopped", "failed", "declined"]


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """`unchanged`: was as it should be; `changed`: acted on and verified; times are Unix seconds."""

    step: str
    state: OutcomeState
    reason: str
    started: float | None = None
    ended: float | None = None
    error: HybridspanError | None = None

    @property
    def is_good(self) -> bool:
        return self.state in ("unchanged", "changed")


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """All steps of a run in the plan's order."""

    steps: tuple[StepOutcome, ...]
    stopped_before: str = ""
    """The step with no simple way back that the person has not agreed to, or empty."""
    is_declined: bool = False
    """The person said no to all of it; nothing was begun."""
    unproved: tuple[str, ...] = ()
    """Data centers that were replicated by a Cassandra that cannot compare: with them a run is never called done."""

    @property
    def word(self) -> RunWord:
        """How it ended, in a word for scripts and the journal."""
        if self.is_declined:
            return "declined"
        if self.is_complete:
            return "unproved" if self.unproved else "done"
        return "failed" if self.failures or not self.stopped_before else "stopped"

    @property
    def failures(self) -> tuple[StepOutcome, ...]:
        return tuple(s for s in self.steps if s.state == "failed")

    @property
    def changed(self) -> tuple[StepOutcome, ...]:
        return tuple(s for s in self.steps if s.state == "changed")

    @property
    def is_complete(self) -> bool:
        return all(s.is_good for s in self.steps)


def declined(steps: Sequence[PlannedStep]) -> RunOutcome:
    """What becomes of a plan that the person said no to."""
    return RunOutcome(
        tuple(
            StepOutcome(s.id, "unchanged", s.decision.reason)
            if s.decision.is_done
            else StepOutcome(s.id, "not-reached", f"declined: {s.decision.reason}")
            for s in steps
        ),
        is_declined=True,
    )
