"""An `az` that says what a test has it say, and keeps what it was asked."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hybridspan.plan.model import Command


@dataclass(frozen=True, slots=True)
class Ran:
    """How a script with the commands ended, and each call of az in it."""

    code: int
    calls: tuple[str, ...]

    def called(self, words: str) -> tuple[str, ...]:
        """The calls that begin with these words."""
        return tuple(call for call in self.calls if call.startswith(words))


def run_with_az(
    folder: Path, commands: Iterable[Command], says: str = "", environment: Mapping[str, str] | None = None
) -> Ran:
    """The commands as the exported script has them; `says` is bash that answers a call, whose words are in `$*`."""
    program, asked = folder / "az", folder / "asked"
    program.write_text(f'#!/bin/bash\necho "$*" >>{asked}\n{says}\n')
    program.chmod(0o755)
    text = "\n".join(command.text() for command in commands)
    ended = subprocess.run(
        ["bash", "-c", f"set -euo pipefail\n{text}"],
        env={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "HOME": "/home/me", **(environment or {})},
        capture_output=True,
        text=True,
    )
    return Ran(ended.returncode, tuple(asked.read_text().splitlines()) if asked.exists() else ())
