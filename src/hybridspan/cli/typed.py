"""Commands for one lab as a person's shell takes them: a lab is named by its home, and not everybody has one on the PATH."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path


def typed(command: str, home: str | None, *, anywhere: bool = False) -> str:
    """`lab env` → the words that reach the lab in that home; without one, the lab of this user.

    With `anywhere` they also work in a shell with another PATH.
    """
    program = f"{shlex.quote(sys.executable)} -m hybridspan"
    if not anywhere and _is_on_the_path():
        program = "hybridspan"
    return f"{f'HYBRIDSPAN_LAB_HOME={shlex.quote(home)} ' if home else ''}{program} {command}"


def _is_on_the_path() -> bool:
    found = shutil.which("hybridspan")
    return found is not None and Path(found).parent == Path(sys.executable).parent
