"""A parsed YAML document's parts: what stands at a path with aliases and merge keys followed, and what stands there itself.

An alias (`*name`) is the very node that its anchor (`&name`) marks, so its place in the text is the anchor's. A merge key
(`<<`) gives a mapping the values of others where it has none of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

Path = tuple[str, ...]

_MERGE: Final = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value of the document: its path (list items by number), meaning and place in the text.

    What comes by an alias or a merge key has the place of what it stands for.
    """

    path: Path
    value: Any
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A key or item that stands in its mapping or list itself."""

    key: Any
    """The key's node; None for a list's item."""
    value: Any
    after: int
    """Where the text of the value may begin: after the key, or after the item before."""

    @property
    def is_alias(self) -> bool:
        """Whether the value stands elsewhere: anchors come before their aliases."""
        return bool(self.value.start_mark.index < self.after)


def scalars(node: Any, meaning: Callable[[Any], Any], path: Path = ()) -> Iterator[Scalar]:
    """Every scalar at or below a node, in its order; RecursionError where an alias leads back to its own anchor."""
    if isinstance(node, ScalarNode):
        yield Scalar(path, meaning(node), node.start_mark.index, node.end_mark.index)
        return
    for name, child in children(node).items():
        yield from scalars(child, meaning, (*path, name))


def children(node: Any) -> dict[str, Any]:
    """Nodes by key or number, with what merge keys bring; of two that are merged the first counts."""
    if isinstance(node, SequenceNode):
        return {str(number): item for number, item in enumerate(node.value)}
    found = {str(key.value): value for key, value in _own(node)}
    for key, value in node.value:
        if key.tag == _MERGE:
            for merged in value.value if isinstance(value, SequenceNode) else [value]:
                # What is there goes first and stays.
                found |= {name: child for name, child in children(merged).items() if name not in found}
    return found


def _own(mapping: Any) -> list[tuple[Any, Any]]:
    return [(key, value) for key, value in mapping.value if key.tag != _MERGE]


def entry(node: Any, name: str) -> Entry | None:
    """The key or item of that name that the node has itself."""
    if isinstance(node, MappingNode):
        found = (Entry(key, value, key.end_mark.index) for key, value in _own(node) if str(key.value) == name)
        return next(found, None)
    if not isinstance(node, SequenceNode) or not name.isdigit() or int(name) >= len(node.value):
        return None
    before = [node.start_mark.index, *(item.end_mark.index for item in node.value[: int(name)])]
    return Entry(None, node.value[int(name)], max(before))


def texts(root: Any, line_end: Callable[[int], int]) -> Iterator[tuple[int, int]]:
    """Where keys and values stand, in which a `#` is one; a comment at the head of a block scalar is none of it."""
    ahead = [root]
    while ahead:
        node = ahead.pop()
        if isinstance(node, ScalarNode):
            start, end = node.start_mark.index, node.end_mark.index
            yield line_end(start) if node.style in ("|", ">") else start, end
        else:
            ahead += [part for pair in node.value for part in (pair if isinstance(pair, tuple) else (pair,))]
