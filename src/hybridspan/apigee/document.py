"""A YAML text that is edited in place: every byte that is not meant to change stays, comments and spacing included.

Positions come from the parser; edits are made on the text. Nothing is ever dumped anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

Path = tuple[str, ...]

_UNQUOTED: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-")


class NotAMapping(ValueError):
    """The text is no YAML document with a mapping at its top."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value of the document: its path (list items by number), meaning and place in the text."""

    path: Path
    value: Any
    start: int
    end: int
    style: str


class EditableText:
    """One YAML document as text; edits give a new one."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._root = YAML().compose(text)
            self._values = YAML(typ="safe", pure=True).load(text)
        except YAMLError as error:
            # Without its cause: ruamel's own words quote the line, and that may hold a password.
            raise NotAMapping(_why(error)) from None
        if not isinstance(self._root, MappingNode):
            raise NotAMapping("it holds no mapping")

    def value(self, *path: str) -> Any | None:
        """The value at a path of mapping keys; None where there is none."""
        found = self._values
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def scalars(self) -> Iterator[Scalar]:
        """Every scalar in the document's order."""
        yield from self._walk((), self._root, self._values)

    def scalar(self, *path: str) -> Scalar | None:
        return next((s for s in self.scalars() if s.path == path), None)

    def remarks(self) -> Iterator[tuple[int, int]]:
        """Where each comment begins and ends, its `#` included and its line break not."""
        taken, past = self._texts(), 0
        for found in re.finditer(r"(?m)(?:^|(?<=[ \t]))#", self.text):
            index = found.start()
            if index < past or any(start <= index < end for start, end in taken):
                continue
            past = self._line_end(index)
            past -= self.text[:past].endswith("\n")
            yield index, past

    def without_remarks(self) -> EditableText:
        """The same values with no comment; lines that held nothing else are gone."""
        text = self.text
        for start, end in reversed(tuple(self.remarks())):
            begin = self._line_start(start)
            if self.text[begin:start].strip():
                text = self.text[begin:start].rstrip().join((text[:begin], text[end:]))
            else:
                text = text[:begin] + text[self._line_end(end) :]
        return EditableText(text)

    def _texts(self) -> list[tuple[int, int]]:
        """Where keys and values stand, in which a `#` is one; the head of a block scalar may have a comment."""
        found, ahead = [], [self._root]
        while ahead:
            node = ahead.pop()
            if isinstance(node, ScalarNode):
                start, end = node.start_mark.index, node.end_mark.index
                found.append((self._line_end(start) if node.style in ("|", ">") else start, end))
            elif isinstance(node, MappingNode):
                ahead += [part for pair in node.value for part in pair]
            else:
                ahead += node.value
        return found

    def with_value(self, path: Path, value: Any) -> EditableText:
        """The scalar at that path replaced, in its own quotes; a missing last key is added to its mapping."""
        found = self.scalar(*path)
        if found is None:
            return self._with_new_key(path, value)
        return self._spliced(found.start, found.end, _written(value, found.style))

    def without(self, *path: str) -> EditableText:
        """The last key of that path taken out, with its line and the remark on it."""
        mapping = self._node(path[:-1])
        if not isinstance(mapping, MappingNode):
            return self
        keys = [key.value for key, _ in mapping.value]
        if path[-1] not in keys:
            return self
        key, value = mapping.value[keys.index(path[-1])]
        if not mapping.flow_style:
            start = self._line_start(key.start_mark.index)
            return self._spliced(start, self._line_end(value.end_mark.index), "")
        return self._without_in_flow(mapping, keys.index(path[-1]))

    def _without_in_flow(self, mapping: MappingNode, index: int) -> EditableText:
        pairs = mapping.value
        if index + 1 < len(pairs):
            return self._spliced(pairs[index][0].start_mark.index, pairs[index + 1][0].start_mark.index, "")
        start = pairs[index - 1][1].end_mark.index if index else pairs[index][0].start_mark.index
        return self._spliced(start, pairs[index][1].end_mark.index, "")

    def _with_new_key(self, path: Path, value: Any) -> EditableText:
        mapping = self._node(path[:-1])
        if not isinstance(mapping, MappingNode) or not mapping.value:
            raise NotAMapping(f"it has no mapping {'.'.join(path[:-1])}")
        last_key, last_value = self._neighbour(mapping)
        addition = f"{path[-1]}: {_written(value, '')}"
        if mapping.flow_style:
            end = last_value.end_mark.index
            return self._spliced(end, end, f", {addition}")
        end = self._line_end(last_value.end_mark.index)
        line = f"{' ' * last_key.start_mark.column}{addition}\n"
        return self._spliced(end, end, line if self.text[:end].endswith("\n") else f"\n{line}")

    def _neighbour(self, mapping: MappingNode) -> tuple[Any, Any]:
        """The last of the mapping's leading scalars: a new key goes after it, before nested blocks."""
        neighbour = mapping.value[0]
        for pair in mapping.value:
            if not isinstance(pair[1], ScalarNode):
                break
            neighbour = pair
        return neighbour  # type: ignore[no-any-return]

    def _node(self, path: Path) -> Any:
        node = self._root
        for key in path:
            pairs = node.value if isinstance(node, MappingNode) else []
            node = next((value for name, value in pairs if name.value == key), None)
        return node

    def _walk(self, path: Path, node: Any, values: Any) -> Iterator[Scalar]:
        if isinstance(node, MappingNode):
            for (key, child), value in zip(node.value, (values or {}).values(), strict=False):
                yield from self._walk((*path, str(key.value)), child, value)
        elif isinstance(node, SequenceNode):
            for number, (child, value) in enumerate(zip(node.value, values or [], strict=False)):
                yield from self._walk((*path, str(number)), child, value)
        elif isinstance(node, ScalarNode):
            yield Scalar(path, values, node.start_mark.index, node.end_mark.index, node.style or "")

    def _spliced(self, start: int, end: int, replacement: str) -> EditableText:
        return EditableText(self.text[:start] + replacement + self.text[end:])

    def _line_start(self, index: int) -> int:
        return self.text.rfind("\n", 0, index) + 1

    def _line_end(self, index: int) -> int:
        """The index after the line break that ends this line."""
        found = self.text.find("\n", index)
        return len(self.text) if found < 0 else found + 1


def _why(error: YAMLError) -> str:
    """What is wrong and in which line, without a word of what stands there but keys."""
    if not isinstance(error, MarkedYAMLError):
        return " ".join(str(error).split())
    mark = error.problem_mark or error.context_mark
    what = " ".join(str(error.problem or error.context).split()).partition(" with value ")[0]
    return f"line {mark.line + 1}: {what}" if mark else what


def _written(value: Any, style: str) -> str:
    """A scalar as YAML, quoted as the one it replaces, or plainly where that is safe."""
    if not isinstance(value, str):
        return json.dumps(value)
    if style == '"':
        return json.dumps(value, ensure_ascii=False)
    is_plain = bool(value) and set(value) <= _UNQUOTED and value[0].isalpha()
    is_address = value.replace(".", "").isdigit() and value.count(".") == 3
    if style == "" and (is_plain or is_address) and value.lower() not in _WORDS:
        return value
    return "'" + value.replace("'", "''") + "'" if style == "'" else json.dumps(value, ensure_ascii=False)


_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
