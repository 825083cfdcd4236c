"""One thing in two forms: rich for a terminal, plain lines for everything else."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console, RenderableType


@dataclass(frozen=True, slots=True)
class Rendered:
    """Rich on a terminal, plain lines elsewhere."""

    rich: RenderableType
    lines: tuple[str, ...]

    def show(self, stream: TextIO | None = None) -> None:
        """Print to a stream (standard output by default)."""
        target = stream or sys.stdout
        if target.isatty():
            Console(file=target).print(self.rich)
        else:
            # Past rich: it would cut lines at the width of a terminal that is not there.
            print(self, file=target, flush=True)

    def __rich__(self) -> RenderableType:
        return self.rich

    def __str__(self) -> str:
        return "\n".join(self.lines)
