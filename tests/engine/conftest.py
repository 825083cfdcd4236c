"""A clock that turns by itself, steps that tell a story, and a listener that remembers it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from hybridspan.plan.model import Decision, PlannedStep, StepId, done, needed


class TurnedClock:
    """Sleeping takes no time and moves the hands."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


class Story:
    """What happened, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.running: set[str] = set()

    def event(self, kind: str, step: PlannedStep, document: Mapping[str, Any]) -> None:
        self.lines.append(f"{kind} {step.id}")


class ScriptedStep:
    """A step whose world is one flag; failures are raised in turn."""

    deadline_seconds = 10.0

    def __init__(
        self, planned: PlannedStep, *, is_done: bool = False, failures: tuple[Exception, ...] = ()
    ) -> None:
        self.planned = planned
        self.is_done = is_done
        self.failures = list(failures)
        self.acts = 0
        self.works = True

    async def check(self) -> Decision:
        return done("as it should be") if self.is_done else needed("not there")

    async def act(self, progress: Any) -> None:
        self.acts += 1
        if self.failures:
            raise self.failures.pop(0)
        self.is_done = self.works

    async def verify(self, progress: Any) -> Decision:
        return await self.check()


def planned(name: str, *needs: str, lanes: tuple[str, ...] = (), irreversible: str = "") -> PlannedStep:
    return PlannedStep(
        StepId(name),
        name.partition("/")[0],
        "eastus",
        name,
        needed("not there"),
        needs=tuple(StepId(n) for n in needs),
        lanes=lanes,
        irreversible=irreversible,
    )


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def story() -> Story:
    return Story()
