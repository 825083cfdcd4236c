"""Kubernetes' way to write an amount of bytes: `10Gi`, `500G`, `1.5Ti`, `1e12`."""

from __future__ import annotations

import re
from typing import Any, Final

_SHAPE: Final = re.compile(r"^(\d+(?:\.\d*)?|\.\d+)(?:([kMGTPE]|[KMGTPE]i)|[eE](\d+))?$")
_POWERS: Final = "kMGTPE"


def quantity(value: Any) -> int | None:
    """Bytes; None for what is no such amount, which the cluster's API server refuses by its own words."""
    found = _SHAPE.match(str(value).strip()) if isinstance(value, str | int | float) else None
    if found is None:
        return None
    number, suffix, exponent = float(found[1]), found[2] or "", int(found[3] or 0)
    base = 1024 if suffix.endswith("i") else 1000
    power = _POWERS.lower().index(suffix[0].lower()) + 1 if suffix else 0
    return round(number * float(base) ** power * 10.0**exponent)
