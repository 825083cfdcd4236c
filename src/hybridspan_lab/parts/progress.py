"""How far the filling of the cache is: one callable, so that a bar, a log line or nothing can listen."""

from __future__ import annotations

import sys
import threading
from typing import Protocol


class Progress(Protocol):
    """Hears how much of a part is there; `done` and `total` are in the part's own unit (bytes, packages)."""

    def __call__(self, part: str, done: int, total: int) -> None: ...


def silent(part: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


class TextBar:
    """A bar on standard error: redrawn in place on a terminal, a line every tenth otherwise."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._tenths: dict[str, int] = {}
        self._lock = threading.Lock()

    def __call__(self, part: str, done: int, total: int) -> None:
        share = min(done / total, 1.0) if total else 1.0
        with self._lock:
            if self._terminal:
                self._redraw(part, share)
            elif (tenth := int(share * 10)) > self._tenths.get(part, -1):
                self._tenths[part] = tenth
                print(f"{part}: {share:.0%}", file=sys.stderr, flush=True)

    def _redraw(self, part: str, share: float) -> None:
        filled = int(share * 40)
        end = "\n" if share >= 1.0 and self._tenths.get(part) != 10 else ""
        if self._tenths.get(part) == 10:
            return
        self._tenths[part] = 10 if share >= 1.0 else 0
        bar = "█" * filled + "·" * (40 - filled)
        print(f"\r{part:<44} {bar} {share:4.0%}", end=end, file=sys.stderr, flush=True)
