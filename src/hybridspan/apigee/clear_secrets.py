"""Secrets that stand in clear in overrides: which values are some, and where the text must not be shown.

One answer for all who show or write something of an overrides file: the difference in the plan, the command that makes the
file, and what is exported for a repository. References to Kubernetes secrets and names of files are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from hybridspan.apigee.document import EditableText
from hybridspan.apigee.document_nodes import Scalar
from hybridspan.secrets import CONFIDENTIAL, MASK, SECRET_NAME

_SECRET_VALUE: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY|\"private_key\"|://[^/\s:@]+:[^/\s@]+@")
"""A private key, a service account's key file, an address with a password in it: secrets under whatever name."""
_IN_REMARK: Final = re.compile(
    rf"(?:{CONFIDENTIAL})s?[\"']?\s*[:=]?\s*(?=\S)|(?=[\w+/=-]{{24}})", re.IGNORECASE
)
"""What begins something secret in a remark: a word for it, or a key's long line. A remark has no structure, so it is hidden to its end."""


def secrets_in(document: EditableText) -> tuple[Scalar, ...]:
    """Values that are secrets themselves, in clear; an alias of one is one, whatever it is called there."""
    scalars = tuple(document.scalars())
    places = {s.start for s in scalars if _is_secret(s)}
    return tuple(s for s in scalars if s.start in places)


def _is_secret(scalar: Scalar) -> bool:
    value = scalar.value
    if value is None or isinstance(value, bool) or value == "":
        return False
    return any(SECRET_NAME.search(part) for part in scalar.path) or bool(_SECRET_VALUE.search(str(value)))


def passwords_in(document: EditableText) -> tuple[str, ...]:
    """Keys whose values are secrets, as a person writes them."""
    return tuple(".".join(s.path) for s in secrets_in(document))


def hidden(document: EditableText) -> tuple[tuple[int, int], ...]:
    """Places of the text that are shown nowhere, in their order: secrets, and remarks from a word for one on."""
    return tuple(sorted({*((s.start, s.end) for s in secrets_in(document)), *_in_remarks(document)}))


def _in_remarks(document: EditableText) -> Iterator[tuple[int, int]]:
    for start, end in document.remarks():
        if found := _IN_REMARK.search(document.text, start, end):
            yield found.end(), end


def masked(document: EditableText) -> str:
    """The text with `***` for whatever is hidden."""
    shown, begin = [], 0
    for start, end in hidden(document):
        # A block's last line break is its own: without it the next key would stand on the same line.
        broken = "\n" if document.text[start:end].endswith("\n") else ""
        shown += [document.text[begin:start], MASK, broken]
        begin = end
    return "".join((*shown, document.text[begin:]))
