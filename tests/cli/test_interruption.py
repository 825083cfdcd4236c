"""Ctrl-C and the lock, against a Resource Manager that takes connections and never answers."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "two-regions"
SECONDS = 20.0
"""Of these five are the grace that an interrupted command has; the rest is for a machine that is busy."""


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def apply(directory: Path, silent: socket.socket) -> subprocess.Popen[str]:
    """As a person's shell starts it: Ctrl-C is not ignored, whatever started the tests."""
    endpoint = f"https://127.0.0.1:{silent.getsockname()[1]}"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "hybridspan", "apply", "hybrid.yaml", "--yes", "--json"],
            cwd=directory,
            env={**os.environ, "HYBRIDSPAN_ARM_ENDPOINT": endpoint},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_an_apply_that_waits_for_an_answer(tmp_path: Path, silent: socket.socket) -> None:
    """Meanwhile another apply of the same topology is turned away, and told by whom."""
    directory = Path(shutil.copytree(EXAMPLE, tmp_path / "work"))
    with apply(directory, silent) as run:
        try:
            assert select.select([silent], [], [], 120)[0], "apply asks nobody"
            with apply(directory, silent) as second:
                refusal = second.communicate(timeout=60)[1]
            began = time.monotonic()
            run.send_signal(signal.SIGINT)
            printed, words = run.communicate(timeout=SECONDS)
            took = time.monotonic() - began
        finally:
            run.kill()
    assert second.returncode == 4
    assert "HS-JOURNAL-003" in refusal
    assert f"apply by process {run.pid}" in refusal
    assert run.returncode == 130, words
    assert json.loads(printed)["error"]["code"] == "HS-CLI-013"
    assert took < SECONDS
    assert words.count("interrupted; what was begun goes on in the world") == 1
