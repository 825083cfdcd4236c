"""Secrets have a type, so that no log, journal, report or traceback can print one by accident; and files of their own."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from pathlib import Path
from typing import Any, Final

MASK: Final = "***"
CONFIDENTIAL: Final = r"pass(?:word|wd|phrase)|(?:private|secret|encryption|access|account|api)[-_]?key|client[-_]?secret|salt|token"
"""What secrets are called, as a part of a pattern that ignores case."""
SECRET_NAME: Final = re.compile(rf"(?:{CONFIDENTIAL}|(?:^|[-_])pass)s?\d*$", re.IGNORECASE)
"""Names of keys whose values are secrets themselves."""


class Secret:
    """A password, key or token; prints as `***`, and gives its text only to `reveal()`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself: for standard input, an environment or a 0600 file, never an argument list."""
        return self._text

    def fingerprint(self) -> str:
        """First 12 hex digits of its SHA-256: enough to see that two are equal, not to recover one."""
        return hashlib.sha256(self._text.encode()).hexdigest()[:12]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __reduce__(self) -> tuple[object, ...]:
        msg = "a Secret is never pickled"
        raise TypeError(msg)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)


def yaml_problem(error: Any) -> str:
    """What ruamel says of a broken text, but for values: of a key that stands twice it tells both, which may be passwords."""
    words = str(error.problem or error.context or "not YAML")
    return " ".join(words.split()).partition(" with value ")[0]
