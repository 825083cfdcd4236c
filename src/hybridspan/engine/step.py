"""The one interface between the engine and what steps do."""

from __future__ import annotations

from typing import Protocol

from hybridspan.plan.model import Decision, PlannedStep
from hybridspan.progress import Progress


class Step(Protocol):
    """A step is checked, acted on only where needed, and verified after.

    All three may be called any number of times, by any run, after any interruption: a step decides by looking.
    `check` and `verify` change nothing. `verify` returns `done`, or `needed` with what is not yet as it should be: then the
    engine calls it again until `deadline_seconds` after the act. Both raise TemporaryFailure for what may pass
    by itself and PermanentFailure for what will not.
    """

    planned: PlannedStep
    deadline_seconds: float
    """How long after its act the verification may take to become true."""

    async def check(self) -> Decision: ...

    async def act(self, progress: Progress) -> None: ...

    async def verify(self, progress: Progress) -> Decision: ...
