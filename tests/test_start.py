"""The one file that a fresh clone is begun with: what it prints for a shell is nothing but what a shell takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone in a folder with a space, whose environment's Python is one that talks on stdout and installs nothing."""
    clone = tmp_path / "a clone"
    programs = clone / ".venv" / "bin"
    programs.mkdir(parents=True)
    (clone / "requirements").mkdir()
    (clone / "requirements" / "all.txt").write_text("")
    shutil.copy(ROOT / "start.py", clone)
    for name, words in (("python", "a warning of pip"), ("hybridspan", "this is hybridspan")):
        (programs / name).write_text(f"#!/bin/sh\necho '{words}'\n")
        (programs / name).chmod(0o755)
    return clone


def test_a_shell_that_evaluates_it_finds_hybridspan_the_first_time_and_later(clone: Path) -> None:
    command = f'eval "$({sys.executable} start.py shell)"; hybridspan'
    for words_of_the_set_up in (True, False):
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=clone,
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "this is hybridspan\n"
        assert ("installing the locked packages" in done.stderr) is words_of_the_set_up
