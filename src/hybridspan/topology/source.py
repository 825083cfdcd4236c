"""YAML text as plain values, with the line of every key kept beside them.

pydantic and the rules of `validation` see plain dicts and lists; a `SourceMap` then answers where a path stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hybridspan.secrets import yaml_problem
from hybridspan.topology.problems import Problem, TopologyError

KeyPath = tuple[str | int, ...]
UNREADABLE = "HS-TOPOLOGY-002"


@dataclass(frozen=True, slots=True)
class SourceMap:
    """Lines (from 1) of the keys and items of one YAML file."""

    file: Path
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    def line(self, path: KeyPath) -> int:
        """The line where `path` stands, or where the nearest thing around it stands; 0 where nothing is known."""
        for length in range(len(path), 0, -1):
            found = self.lines.get(path[:length])
            if found is not None:
                return found
        return 1 if self.lines else 0


@dataclass(frozen=True, slots=True)
class Source:
    """One YAML file, read."""

    value: Any
    where: SourceMap


def dotted(path: KeyPath) -> str:
    """`spec.regions[1].name` from its parts."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def read_source(file: Path) -> Source:
    """Reads a YAML file; TopologyError (HS-TOPOLOGY-002) where that cannot be done."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as missing:
        remedy = "name an existing file, or write one with `hybridspan init`"
        raise TopologyError([_unreadable(file, 0, "there is no such file", remedy)]) from missing
    except (OSError, UnicodeDecodeError) as failure:
        remedy = "it must be a text file in UTF-8 that you may read: ls -l shows who may"
        raise TopologyError(
            [_unreadable(file, 0, f"the file cannot be read: {failure}", remedy)]
        ) from failure
    return parse_source(text, file)


def parse_source(text: str, file: Path) -> Source:
    """Parses YAML text that came from `file`; TopologyError (HS-TOPOLOGY-002) with line and column where it is broken."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        document = YAML(typ="rt").load(text)
    except MarkedYAMLError as broken:
        raise TopologyError([_broken(file, broken)]) from broken
    except YAMLError as broken:
        raise TopologyError([_unreadable(file, 0, f"the YAML is broken: {_one_line(broken)}")]) from broken
    except (ValueError, AttributeError, RecursionError) as broken:
        # ruamel lets such errors through for odd scalars, such as impossible dates, and for endless nesting.
        raise TopologyError([_unreadable(file, 0, f"the YAML is broken: {_one_line(broken)}")]) from broken
    lines: dict[KeyPath, int] = {}
    try:
        value = _plain(document, (), lines, ())
    except _Endless as endless:
        message = f"`{dotted(endless.path)}` contains itself through an alias"
        raise TopologyError([_unreadable(file, lines.get(endless.path, 0), message)]) from endless
    return Source(value, SourceMap(file, lines))


class _Endless(Exception):
    """An alias that leads back to its own anchor."""

    def __init__(self, path: KeyPath) -> None:
        super().__init__(dotted(path))
        self.path = path


def _plain(node: Any, path: KeyPath, lines: dict[KeyPath, int], above: tuple[int, ...]) -> Any:
    """Dicts, lists and scalars without ruamel's own types, noting each child's line on the way."""
    if id(node) in above:
        raise _Endless(path)
    if isinstance(node, dict):
        found = {}
        for key, child, line in _entries(node):
            below = (*path, key)
            lines[below] = line or lines.get(path, 1)
            found[key] = _plain(child, below, lines, (*above, id(node)))
        return found
    if isinstance(node, list):
        for index in range(len(node)):
            lines[(*path, index)] = _item_line(node, index) or lines.get(path, 1)
        return [_plain(child, (*path, i), lines, (*above, id(node))) for i, child in enumerate(node)]
    return _scalar(node)


def _entries(node: dict[Any, Any]) -> Iterator[tuple[str, Any, int]]:
    places = getattr(getattr(node, "lc", None), "data", None) or {}
    for key, child in node.items():
        place = places.get(key)
        yield str(key), child, place[0] + 1 if place else 0


def _item_line(node: list[Any], index: int) -> int:
    places = getattr(getattr(node, "lc", None), "data", None) or {}
    place = places.get(index)
    return int(place[0]) + 1 if place else 0


def _scalar(node: Any) -> Any:
    if isinstance(node, bool) or node is None:
        return node
    for kind in (str, int, float):
        if isinstance(node, kind):
            return kind(node)
    return str(node)


def _broken(file: Path, broken: Any) -> Problem:
    mark = broken.problem_mark or broken.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    at = f" at column {column}" if column else ""
    return _unreadable(
        file,
        line,
        f"the YAML is broken{at}: {yaml_problem(broken)}",
        "look at this line and the one before it",
    )


def _one_line(failure: Exception) -> str:
    return " ".join(str(failure).split())[:200]


def _unreadable(file: Path, line: int, message: str, remedy: str = "") -> Problem:
    return Problem(UNREADABLE, "error", file, line, "", message, remedy=remedy)
