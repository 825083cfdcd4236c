"""How something that takes a while tells what it is doing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Progress = Callable[[str, float | None, Mapping[str, Any]], None]
"""`progress(text, fraction or None, details)`; cheap, never blocks."""


def quiet(_text: str, _fraction: float | None, _details: Mapping[str, Any]) -> None:
    """Progress that nobody watches."""
