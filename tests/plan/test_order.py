"""Questions about the graph."""

from __future__ import annotations

import pytest

from hybridspan.errors import InputError
from hybridspan.plan.order import in_order, until
from tests.engine.conftest import planned


def test_steps_come_after_what_they_need() -> None:
    ordered = in_order([planned("c", "b"), planned("b", "a"), planned("a")])
    assert [s.id for s in ordered] == ["a", "b", "c"]


def test_a_circle_is_a_defect() -> None:
    with pytest.raises(ValueError, match="circle"):
        in_order([planned("a", "b"), planned("b", "a")])


def test_an_unknown_need_is_a_defect() -> None:
    with pytest.raises(ValueError, match="unknown"):
        in_order([planned("a", "nowhere")])


STEPS = [
    planned("network/a"),
    planned("cluster/a", "network/a"),
    planned("rebuild/a/0", "cluster/a"),
    planned("verify/a"),
]


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        ("cluster", ["network/a", "cluster/a"]),
        ("rebuild/a", ["network/a", "cluster/a", "rebuild/a/0"]),
        ("verify/a", ["verify/a"]),
    ],
)
def test_until_takes_the_goal_and_what_it_needs(goal: str, expected: list[str]) -> None:
    assert [s.id for s in until(STEPS, goal)] == expected


def test_until_an_unknown_step_names_the_phases() -> None:
    with pytest.raises(InputError) as caught:
        until(STEPS, "rebuilt")
    assert "rebuild" in caught.value.hint
