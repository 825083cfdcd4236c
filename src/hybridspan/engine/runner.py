"""Runs a graph of steps: each as soon as what it needs is good, those that share a lane one at a time.

A step is checked, acted on only where needed, and verified until it is true or its deadline has passed. The first
permanent failure stops the start of further steps; those under way are let finish. Cancelling the run (Ctrl-C) cancels
all: what was begun goes on in the world, and the next run finds it by looking.

A step whose own look says `later`, though all that it needs is good, is never acted on: the world is not as it was when those
were done. It is looked at again while patience lasts.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from hybridspan.clock import Clock
from hybridspan.engine.lanes import Lanes
from hybridspan.engine.outcomes import RunOutcome, StepOutcome
from hybridspan.engine.retry import pauses, persist
from hybridspan.engine.step import Step
from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure, first_failure
from hybridspan.plan.model import Decision, PlannedStep

Result = TypeVar("Result")

PATIENCE_SECONDS = 150.0
"""How long one check, act or look may be retried for temporary failures, from the first of them in a row."""


class Listener(Protocol):
    """Hears what happens, as it happens; must not block."""

    def event(self, kind: str, step: PlannedStep, document: Mapping[str, Any]) -> None: ...


class Runner:
    """One run over one graph."""

    def __init__(
        self,
        steps: Sequence[Step],
        listener: Listener,
        clock: Clock,
        may_pass: Callable[[PlannedStep], Awaitable[bool]],
    ) -> None:
        self._steps = {step.planned.id: step for step in steps}
        self._listener = listener
        self._clock = clock
        self._may_pass = may_pass
        self._lanes = Lanes()
        self._outcomes: dict[str, StepOutcome] = {}
        self._settled = {step_id: asyncio.Event() for step_id in self._steps}
        self._stopping = False
        self._stopped_before = ""
        self._gate = asyncio.Lock()
        self._gate_passed = False

    async def run(self) -> RunOutcome:
        """Every step's outcome; CancelledError passes through after all tasks have ended."""
        async with asyncio.TaskGroup() as group:
            for step in self._steps.values():
                group.create_task(self._settle(step), name=str(step.planned.id))
        return RunOutcome(tuple(self._outcomes[step_id] for step_id in self._steps), self._stopped_before)

    async def _settle(self, step: Step) -> None:
        planned = step.planned
        for need in planned.needs:
            if need in self._settled:
                await self._settled[need].wait()
        blocker = next(
            (n for n in planned.needs if n in self._outcomes and not self._outcomes[n].is_good), None
        )
        if blocker is not None:
            outcome = StepOutcome(planned.id, "not-reached", f"needs {blocker}")
        else:
            outcome = await self._in_lanes(step)
        self._outcomes[planned.id] = outcome
        self._settled[planned.id].set()

    async def _in_lanes(self, step: Step) -> StepOutcome:
        async with self._lanes.held(step.planned.lanes):
            if self._stopping:
                return StepOutcome(step.planned.id, "not-reached", "the run had stopped before")
            return await self._carry_out(step)

    async def _carry_out(self, step: Step) -> StepOutcome:
        planned, started = step.planned, self._clock.now()
        self._tell("checking", planned, {})
        try:
            outcome = await self._check_act_verify(step, started)
        except asyncio.CancelledError:
            self._tell("interrupted", planned, {})
            raise
        except Exception as error:  # noqa: BLE001 - a defect of one step must not break off the others half-way
            return self._failed(planned, started, error)
        self._tell("finished", planned, {"state": outcome.state, "reason": outcome.reason})
        return outcome

    def _failed(self, planned: PlannedStep, started: float, error: Exception) -> StepOutcome:
        """The first failure stops the start of further steps; one without words is a defect, and is kept as a whole."""
        self._stopping = True
        found = error if isinstance(error, HybridspanError) else defect(planned, error)
        document: dict[str, Any] = {"error": found.to_document()}
        if found is not error:
            document["traceback"] = "".join(traceback.format_exception(error))
        self._tell("failed", planned, document)
        return StepOutcome(planned.id, "failed", str(found), started, self._clock.now(), found)

    async def _check_act_verify(self, step: Step, started: float) -> StepOutcome:
        planned = step.planned
        decision = await self._patiently(step, lambda: in_turn(step))
        if decision.is_done:
            return StepOutcome(planned.id, "unchanged", decision.reason, started, self._clock.now())
        if decision.state == "refused":
            raise PermanentFailure("HS-ENGINE-002", decision.reason, where=planned.id, hint=decision.hint)
        if planned.irreversible and not await self._agreed(planned):
            self._stopping = True
            self._stopped_before = planned.id
            return StepOutcome(planned.id, "not-reached", f"not agreed to: {planned.irreversible}")
        self._tell("acting", planned, {"reason": decision.reason})
        await self._act(step)
        self._tell("verifying", planned, {})
        proof = await self._verified(step)
        return StepOutcome(planned.id, "changed", proof.reason, started, self._clock.now())

    async def _agreed(self, planned: PlannedStep) -> bool:
        async with self._gate:
            self._gate_passed = self._gate_passed or await self._may_pass(planned)
            return self._gate_passed

    async def _act(self, step: Step) -> None:
        first, reached = True, 0.0
        told = self._progress(step)

        def tell(text: str, fraction: float | None, details: Mapping[str, Any]) -> None:
            nonlocal reached
            reached = max(reached, fraction or 0.0)
            told(text, fraction, details)

        async def once() -> None:
            nonlocal first
            if not first and (await in_turn(step)).is_done:
                return
            first = False
            await step.act(tell)

        await self._patiently(step, once, lambda: reached)

    async def _verified(self, step: Step) -> Decision:
        """The decision that says it is true; PermanentFailure when the deadline has passed."""
        deadline = self._clock.monotonic() + step.deadline_seconds
        for pause in pauses(first=0.3, factor=1.3, most=5.0):
            decision = await self._patiently(step, lambda: step.verify(self._progress(step)))
            if decision.is_done:
                return decision
            if self._clock.monotonic() + pause > deadline or decision.state == "refused":
                raise PermanentFailure(
                    "HS-ENGINE-003",
                    "the step was carried out, but what it should bring about is not to be seen",
                    where=step.planned.id,
                    why=decision.reason,
                    hint=decision.hint
                    or "look at the cause, then run apply again: it goes on where the world is",
                )
            self._tell("waiting", step.planned, {"reason": decision.reason})
            await self._clock.sleep(pause)
        raise AssertionError("unreachable: the pauses never end")

    async def _patiently(
        self,
        step: Step,
        call: Callable[[], Awaitable[Result]],
        reached: Callable[[], float] = lambda: 0.0,
    ) -> Result:
        async def one_failure() -> Result:
            try:
                return await call()
            except ExceptionGroup as failures:
                raise first_failure(failures) from failures

        def on_retry(failure: TemporaryFailure, delay: float) -> None:
            document = {"error": failure.to_document(), "delay": delay}
            self._tell("retrying", step.planned, document)

        return await persist(
            one_failure, clock=self._clock, patience=PATIENCE_SECONDS, on_retry=on_retry, reached=reached
        )

    def _progress(self, step: Step) -> Callable[[str, float | None, Mapping[str, Any]], None]:
        def tell(text: str, fraction: float | None, details: Mapping[str, Any]) -> None:
            self._tell("progress", step.planned, {"text": text, "fraction": fraction, **details})

        return tell

    def _tell(self, kind: str, planned: PlannedStep, document: Mapping[str, Any]) -> None:
        self._listener.event(kind, planned, document)


async def in_turn(step: Step) -> Decision:
    """What the step decides now; TemporaryFailure where it says that its turn has not come."""
    decision = await step.check()
    if decision.state == "later":
        raise TemporaryFailure("HS-ENGINE-005", decision.reason, where=step.planned.id, hint=decision.hint)
    return decision


def defect(planned: PlannedStep, error: Exception) -> PermanentFailure:
    """A failure that nobody has put into words."""
    return PermanentFailure(
        "HS-ENGINE-004",
        "hybridspan has a defect in this step",
        where=planned.id,
        why=f"{type(error).__name__}: {error}",
        hint="nothing is lost: run apply again, it goes on where the world is; hybridspan support-bundle holds the details,"
        " please report them",
    )
