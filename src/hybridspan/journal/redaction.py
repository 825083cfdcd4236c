"""What may be written down: everything but secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hybridspan.secrets import CONFIDENTIAL, MASK, Secret

SECRET_KEYS: Final = re.compile(
    rf"(?:pass|secret|{CONFIDENTIAL})$|client[-_]?secret|authorization", re.IGNORECASE
)
SECRET_TEXTS: Final = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL),
    re.compile(r"(?<=Bearer )[A-Za-z0-9._~+/=-]{16,}"),
)
CQL_PASSWORD: Final = re.compile(r"(\bPASSWORD\s*=\s*)'(?:[^']|'')*'", re.IGNORECASE)
"""As CQL writes it: any space around the sign, and a quote inside the password doubled."""


def redact_text(text: str) -> str:
    """Keys, bearer tokens and the passwords of CQL statements become `***`."""
    for pattern in SECRET_TEXTS:
        text = pattern.sub(MASK, text)
    return CQL_PASSWORD.sub(rf"\1'{MASK}'", text)


def redact(value: Any) -> Any:
    """A copy of a JSON-like value that may be stored or shown; what is not JSON becomes text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Mapping):
        return {str(k): _redact_field(str(k), v) for k, v in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes):
        return [redact(item) for item in value]
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return redact_text(str(value)) if not isinstance(value, Path) else str(value)


def _redact_field(key: str, value: Any) -> Any:
    return MASK if isinstance(value, str | Secret) and SECRET_KEYS.search(key) else redact(value)
