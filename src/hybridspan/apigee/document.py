"""A YAML text that is edited in place: every byte that is not meant to change stays, comments and spacing included.

Positions come from the parser; edits are made on the text. Nothing is ever dumped anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode

from hybridspan.apigee.document_nodes import Entry, Path, Scalar, children, entry, scalars, texts
from hybridspan.secrets import yaml_problem

_UNQUOTED: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-")


class NotAMapping(ValueError):
    """The text is no YAML document with a mapping at its top."""


class CannotEdit(ValueError):
    """A value cannot be changed in its place without changing others, or has none; says in which line, and the next move."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class EditableText:
    """One YAML document as text; edits give a new one."""

    def __init__(self, text: str) -> None:
        self.text = text
        safe = YAML(typ="safe", pure=True)
        try:
            self._root = YAML().compose(text)
            self._values = safe.load(text)
        except YAMLError as error:
            # Without its cause: ruamel's own words quote the line, and that may hold a password.
            raise NotAMapping(_why(error)) from None
        except (ValueError, AttributeError, RecursionError):
            # ruamel lets such errors through for odd scalars, such as impossible dates, and for endless nesting.
            raise NotAMapping("it holds a value that is none in YAML") from None
        if not isinstance(self._root, MappingNode):
            raise NotAMapping("it holds no mapping")
        try:
            self._scalars = tuple(scalars(self._root, safe.constructor.construct_object))
        except RecursionError as endless:
            raise NotAMapping("an alias leads back to its own anchor") from endless

    def value(self, *path: str) -> Any | None:
        """The value at a path of keys and numbers; None where there is none."""
        found = self._values
        for key in path:
            if isinstance(found, list):
                found = found[int(key)] if key.isdigit() and int(key) < len(found) else None
            else:
                found = found.get(key) if isinstance(found, dict) else None
        return found

    def scalars(self) -> Iterator[Scalar]:
        """Every scalar in the document's order, also what aliases and merge keys bring."""
        yield from self._scalars

    def scalar(self, *path: str) -> Scalar | None:
        return next((s for s in self._scalars if s.path == path), None)

    def line(self, *path: str) -> int:
        """The line of that path's key, or of what brings it."""
        node, index = self._root, 0
        for key in path:
            if (found := entry(node, key)) is None:
                break
            index = found.key.start_mark.index if found.key else found.after
            node = found.value
            if found.is_alias:
                break
        return self.text.count("\n", 0, index) + 1

    def remarks(self) -> Iterator[tuple[int, int]]:
        """Where each comment begins and ends, its `#` included and its line break not."""
        taken, past = list(texts(self._root, self._line_end)), 0
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

    def with_value(self, path: Path, value: Any) -> EditableText:
        """The scalar at that path replaced, in its own quotes; a missing last key is added to its mapping.

        Aliases of a value follow it; an alias that is replaced leaves its anchor's value. CannotEdit where neither can be.
        """
        container = self._container(path)
        found = entry(container, path[-1])
        if found is None:
            edited = self._with_new_key(container, path, value)
        elif not isinstance(found.value, ScalarNode):
            raise self._cannot(path, "is no plain value: write one")
        elif found.is_alias:
            edited = self._spliced(path, *self._alias(found, path), _written(value, ""))
        else:
            anchor = f"&{found.value.anchor} " if found.value.anchor else ""
            start, end = found.value.start_mark.index, found.value.end_mark.index
            edited = self._spliced(path, start, end, anchor + _written(value, found.value.style or ""))
        if edited.value(*path) != value:
            raise self._cannot(path, f"cannot be changed there: write {json.dumps(value)} by hand")
        return edited

    def without(self, *path: str) -> EditableText:
        """The last key of that path taken out, with its line and the remark on it."""
        if self.scalar(*path) is None:
            return self
        mapping = self._container(path)
        found = entry(mapping, path[-1])
        if found is None:
            raise self._cannot(path, "comes from a merge key (<<): take it out there")
        end = self._alias(found, path)[1] if found.is_alias else found.value.end_mark.index
        start = found.key.start_mark.index
        if not mapping.flow_style:
            return self._spliced(path, self._line_start(start), self._line_end(end), "")
        before, after = self.text[:start].rstrip(), self.text[end:].lstrip()
        if after.startswith(","):
            end = len(self.text) - len(after[1:].lstrip())
        elif before.endswith(","):
            start = len(before) - 1
        return self._spliced(path, start, end, "")

    def _container(self, path: Path) -> Any:
        """The mapping or list that the last key of a path stands in, or would."""
        node: Any = self._root
        for depth, key in enumerate(path[:-1], 1):
            found = entry(node, key)
            if found is None and not isinstance(node, ScalarNode) and key in children(node):
                raise self._cannot(
                    path[:depth],
                    f"comes from a merge key (<<), and {path[-1]} in it differs by region: write it out",
                )
            if found is None or isinstance(found.value, ScalarNode):
                raise self._cannot(path[:depth], f"is no mapping, and {path[-1]} belongs into it: write one")
            if found.is_alias:
                raise self._cannot(
                    path[:depth], f"is an alias, and {path[-1]} in it differs by region: write it out"
                )
            node = found.value
        return node

    def _cannot(self, path: Path, why: str) -> CannotEdit:
        return CannotEdit(self.line(*path), f"{'.'.join(path)} {why}")

    def _alias(self, found: Entry, path: Path) -> tuple[int, int]:
        """Where the alias itself stands."""
        name = re.escape(found.value.anchor)
        alias = re.compile(rf"\*{name}(?![^\s,\[\]{{}}])").search(self.text, found.after)
        if alias is None:
            raise self._cannot(path, "is an alias: write its value out")
        return alias.span()

    def _with_new_key(self, mapping: Any, path: Path, value: Any) -> EditableText:
        if not isinstance(mapping, MappingNode) or not mapping.value:
            raise self._cannot(
                path[:-1], f"is no mapping with a key, and {path[-1]} belongs into it: write it"
            )
        addition = f"{path[-1]}: {_written(value, '')}"
        neighbour = self._neighbour(mapping)
        first, indent = mapping.value[0][0].start_mark, " " * mapping.value[0][0].start_mark.column
        if neighbour is None:
            between = ", " if mapping.flow_style else f"\n{indent}"
            return self._spliced(path, first.index, first.index, addition + between)
        if mapping.flow_style:
            return self._spliced(path, neighbour, neighbour, f", {addition}")
        end = self._line_end(neighbour)
        line = f"{indent}{addition}\n"
        return self._spliced(path, end, end, line if self.text[:end].endswith("\n") else f"\n{line}")

    def _neighbour(self, mapping: MappingNode) -> int | None:
        """The end of the last of the mapping's leading scalars: a new key goes after it, before nested blocks; None without one."""
        end = None
        for key, value in mapping.value:
            if not isinstance(value, ScalarNode) or value.start_mark.index < key.start_mark.index:
                break
            end = value.end_mark.index
        return end

    def _spliced(self, path: Path, start: int, end: int, replacement: str) -> EditableText:
        try:
            return EditableText(self.text[:start] + replacement + self.text[end:])
        except NotAMapping as broken:
            raise self._cannot(path, f"cannot be changed there ({broken}): do it by hand") from broken

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
    what = yaml_problem(error)
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
