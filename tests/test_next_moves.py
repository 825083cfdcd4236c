"""Nothing fails, warns or refuses without a next move: every place in the source that says so passes a hint."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
FAMILIES = {
    "HybridspanError",
    "InputError",
    "LockHeld",
    "PlanStale",
    "TemporaryFailure",
    "PermanentFailure",
}
FINDINGS = {"Finding", "_finding"}
GRAVE = {"refuse", "warn"}
HINT_OF_A_FINDING = 4


def modules() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in sorted(SOURCE.rglob("*.py"))}


def name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def families(trees: Iterable[ast.Module]) -> frozenset[str]:
    """The classes of errors.py and all that are derived from them, but for those that find the hint themselves."""
    found = set(FAMILIES)
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    derived = [
        c for c in classes if not any(isinstance(n, ast.FunctionDef) and n.name == "__init__" for n in c.body)
    ]
    while more := {c.name for c in derived if found & {name_of(b) for b in c.bases}} - found:
        found |= more
    return frozenset(found)


def without_a_hint(tree: ast.Module, names: frozenset[str]) -> Iterator[int]:
    """Lines of the calls that make a failure, or a finding that warns or refuses, with no hint or an empty one."""
    for node in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
        called = name_of(node.func)
        if called not in names and not (called in FINDINGS and GRAVE & words_of(node)):
            continue
        hints = [k.value for k in node.keywords if k.arg == "hint"]
        hints += node.args[HINT_OF_A_FINDING:] if called in FINDINGS else []
        if not hints or (isinstance(hints[0], ast.Constant) and not hints[0].value):
            yield node.lineno


def words_of(call: ast.Call) -> set[str]:
    """The strings among the arguments that choose, also those of `"warn" if … else "pass"`."""
    found = [n for argument in call.args[1:2] for n in ast.walk(argument) if isinstance(n, ast.Constant)]
    return {str(constant.value) for constant in found}


def test_nothing_fails_warns_or_refuses_without_a_next_move() -> None:
    trees = modules()
    names = families(trees.values())
    found = [
        f"{path.relative_to(SOURCE)}:{line}"
        for path, tree in trees.items()
        for line in without_a_hint(tree, names)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        ("InputError('HS-X-001', 'no')", [1]),
        ("errors.InputError('HS-X-001', 'no', hint='')", [1]),
        ("InputError('HS-X-001', 'no', hint='do this')", []),
        ("Finding('check', 'refuse', 'there', 'no')", [1]),
        ("Finding('check', 'warn' if tight else 'pass', 'there', 'no')", [1]),
        ("Finding('check', 'warn', 'there', 'no', 'do this')", []),
        ("Finding('check', 'pass', 'there', 'yes')", []),
    ],
)
def test_the_walk_sees_what_it_looks_for(call: str, lines: list[int]) -> None:
    assert list(without_a_hint(ast.parse(call), frozenset(FAMILIES))) == lines


BARE = re.compile(
    r"\b(?:kubectl|helm) (?:get|describe|logs|delete|patch|scale|rollout|apply|exec|history|rollback)\b"
)
"""A command that would be about whatever cluster and namespace the person's shell is in."""


def bare_commands(tree: ast.Module) -> Iterator[str]:
    """Words for a person that have such a command: every string but documentation."""
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            yield from (f"{node.lineno}: {found}" for found in BARE.findall(node.value))


def test_commands_in_messages_say_which_cluster_and_namespace() -> None:
    """The lab's own commands are for its one environment."""
    trees = {path: tree for path, tree in modules().items() if "hybridspan_lab" not in path.parts}
    found = [
        f"{path.relative_to(SOURCE)}:{line}" for path, tree in trees.items() for line in bare_commands(tree)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("hint = 'kubectl get pods'", 1),
        ("hint = f'kubectl logs {pod}'", 1),
        ("hint = f'{region.kubectl} get pods'", 0),
        ("hint = f'kubectl --context {name} get pods'", 0),
        ("'Says kubectl get pods.'", 0),
    ],
)
def test_bare_commands_are_found_where_a_person_reads_them(source: str, count: int) -> None:
    assert len(list(bare_commands(ast.parse(source)))) == count
