"""The sed command that makes a new region's overrides from the first region's, as the plan and the exported script show it.

It is written out, so it holds no secret: where a line with one changes, sed takes the secret from the file that it reads.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from hybridspan.apigee.clear_secrets import hidden
from hybridspan.apigee.document import EditableText

_GROUPS: Final = 9
"""So many pieces of a line sed can remember."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a text: `shown` are the pieces around what is `hidden`."""

    text: str
    shown: tuple[str, ...]
    hidden: tuple[str, ...]


def edit(source: EditableText, own: EditableText, first: Path, path: Path) -> str:
    """A sed command line that makes one region's file from the first's; empty where none can without telling a secret."""
    old, new = _lines(source), _lines(own)
    pairs = _pairs(old, new)
    if len(pairs) != sum(bool(line.hidden) for line in new) or any(len(n.hidden) > _GROUPS for n in new):
        return ""
    script: list[str] = []
    for (i, j), (next_i, next_j) in pairwise([(-1, -1), *pairs, (len(old), len(new))]):
        script += _substituted(i, old[i], new[j]) if i >= 0 else []
        script += _changed(i + 1, old[i + 1 : next_i], new[j + 1 : next_j])
    expressions = " ".join(f"-e {shlex.quote(part)}" for part in script)
    return f"sed {expressions} {shlex.quote(str(first))} > {shlex.quote(str(path))}"


def _lines(document: EditableText) -> list[_Line]:
    places, begin, found = hidden(document), 0, []
    for text in document.text.removesuffix("\n").split("\n"):
        end = begin + len(text)
        cuts = [(max(a, begin) - begin, min(b, end) - begin) for a, b in places if a < end and b > begin]
        edges = [0, *(edge for cut in cuts for edge in cut), len(text)]
        shown = tuple(text[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True))
        found.append(_Line(text, shown, tuple(text[a:b] for a, b in cuts)))
        begin = end + 1
    return found


def _pairs(old: list[_Line], new: list[_Line]) -> list[tuple[int, int]]:
    """Lines of both that hold the same secrets, by their numbers."""
    ours, theirs = ([n for n, line in enumerate(lines) if line.hidden] for lines in (old, new))
    matcher = difflib.SequenceMatcher(
        None, [old[n].hidden for n in ours], [new[n].hidden for n in theirs], autojunk=False
    )
    return [(ours[a + k], theirs[b + k]) for a, b, size in matcher.get_matching_blocks() for k in range(size)]


def _substituted(index: int, old: _Line, new: _Line) -> list[str]:
    """The line with its secrets as they stand in the file, and new words around them."""
    if old.text == new.text:
        return []
    pattern = r"\(.*\)".join(re.sub(r"[\\.\[*^$/]", r"\\\g<0>", piece) for piece in old.shown)
    words = [re.sub(r"[\\&/]", r"\\\g<0>", piece) for piece in new.shown]
    text = "".join(f"\\{n}{word}" if n else word for n, word in enumerate(words))
    return [f"{index + 1}s/^{pattern}$/{text}/"]


def _changed(begin: int, old: list[_Line], new: list[_Line]) -> Iterator[str]:
    """Expressions for lines without a secret that is to stay; `begin` is the number of lines before them."""
    ours, theirs = [line.text for line in old], [line.text for line in new]
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "delete":
            yield f"{begin + i1 + 1},{begin + i2}d"
        elif tag != "equal":
            text = "\\\n".join(line.replace("\\", "\\\\") for line in theirs[j1:j2])
            # No line goes before the first one, so what is new there cannot be added after it.
            added = f"{begin + i1}a" if begin + i1 else "1i"
            place = added if tag == "insert" else f"{begin + i1 + 1},{begin + i2}c"
            yield f"{place}\\\n{text}"
