"""Which steps a run takes, and in what order: pure questions about the graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush

from hybridspan.errors import InputError
from hybridspan.plan.model import PlannedStep


def ancestors(steps: Sequence[PlannedStep], targets: Iterable[str]) -> set[str]:
    """The targets and everything that they need, by id."""
    by_id = {step.id: step for step in steps}
    found: set[str] = set()
    stack = list(targets)
    while stack:
        step_id = stack.pop()
        if step_id not in found:
            found.add(step_id)
            stack.extend(by_id[step_id].needs)  # type: ignore[index]
    return found


def until(steps: Sequence[PlannedStep], goal: str) -> tuple[PlannedStep, ...]:
    """The steps up to and with `goal`: an id, a phase, or the beginning of an id such as `rebuild/centralus`."""
    targets = [s.id for s in steps if goal in (s.id, s.phase) or s.id.startswith(goal.rstrip("/") + "/")]
    if not targets:
        raise InputError(
            "HS-PLAN-001",
            f"no step is called {goal!r}",
            where="--until",
            hint="one of: " + ", ".join(dict.fromkeys(s.phase for s in steps)),
        )
    wanted = ancestors(steps, targets)
    return tuple(s for s in steps if s.id in wanted)


def in_order(steps: Sequence[PlannedStep]) -> tuple[PlannedStep, ...]:
    """The same steps so that each comes after what it needs, otherwise as given; ValueError for a cycle or a gap.

    Of all steps that may come next, it is always the first one as given.
    """
    position = {step.id: number for number, step in enumerate(steps)}
    dependents: dict[str, list[int]] = {}
    left = [0] * len(steps)
    for number, step in enumerate(steps):
        if missing := set(step.needs) - position.keys():
            raise ValueError(f"{step.id} needs unknown steps: {', '.join(sorted(missing))}")
        left[number] = len(set(step.needs))
        for need in set(step.needs):
            dependents.setdefault(need, []).append(number)
    ready = [number for number, count in enumerate(left) if not count]
    placed: list[PlannedStep] = []
    while ready:
        step = steps[heappop(ready)]
        placed.append(step)
        for number in dependents.get(step.id, ()):
            left[number] -= 1
            if not left[number]:
                heappush(ready, number)
    if len(placed) < len(steps):
        waiting = ", ".join(step.id for number, step in enumerate(steps) if left[number])
        raise ValueError(f"the steps need one another in a circle: {waiting}")
    return tuple(placed)
