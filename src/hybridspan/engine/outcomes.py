"""What became of each step, and of the run: immutable values, no flags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hybridspan.errors import HybridspanError

OutcomeState = Literal["unchanged", "changed", "failed", "not-reached", "interrupted"]


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

    @property
    def failures(self) -> tuple[StepOutcome, ...]:
        return tuple(s for s in self.steps if s.state == "failed")

    @property
    def changed(self) -> tuple[StepOutcome, ...]:
        return tuple(s for s in self.steps if s.state == "changed")

    @property
    def is_complete(self) -> bool:
        return all(s.is_good for s in self.steps)
