"""Which steps a run takes, and in what order: pure questions about the graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
    """The same steps so that each comes after what it needs, otherwise as given; ValueError for a cycle or a gap."""
    waiting = list(steps)
    known = {s.id for s in steps}
    placed: dict[str, PlannedStep] = {}
    while waiting:
        for step in waiting:
            if missing := set(step.needs) - known:
                raise ValueError(f"{step.id} needs unknown steps: {', '.join(sorted(missing))}")
            if all(need in placed for need in step.needs):
                placed[step.id] = step
                waiting.remove(step)
                break
        else:
            raise ValueError("the steps need one another in a circle: " + ", ".join(s.id for s in waiting))
    return tuple(placed.values())
