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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybridspan.cli.interruption import WORDS

EXAMPLE = Path(__file__).parents[2] / "examples" / "two-regions"
SECONDS = 60.0
"""Of these five are the grace that an interrupted command has; the rest is for a machine that is busy."""
HELD = """
import asyncio, sys, threading, time
from hybridspan.cli import interruption
from hybridspan.cli.endings import ended
interruption.GRACE_SECONDS = 0.5

async def main():
    print("begun", file=sys.stderr, flush=True)
    await asyncio.Event().wait()

threading.Thread(target=time.sleep, args=(600,)).start()
sys.exit(ended(lambda: asyncio.run(interruption.interruptible(main())), sys.argv[1:]))
"""
"""A command that ends at once, but for a thread in a call that does not answer."""


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def started(command: list[str], **options: Any) -> subprocess.Popen[str]:
    """As a person's shell starts it: Ctrl-C is not ignored, whatever started the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def apply(directory: Path, silent: socket.socket) -> subprocess.Popen[str]:
    endpoint = f"https://127.0.0.1:{silent.getsockname()[1]}"
    command = ["-m", "hybridspan", "apply", "hybrid.yaml", "--yes", "--json"]
    return started(command, cwd=directory, env={**os.environ, "HYBRIDSPAN_ARM_ENDPOINT": endpoint})


def test_ctrl_c_ends_an_apply_that_waits_for_an_answer(tmp_path: Path, silent: socket.socket) -> None:
    """Meanwhile another apply of the same topology is turned away, and told by whom."""
    directory = Path(shutil.copytree(EXAMPLE, tmp_path / "work"))
    with apply(directory, silent) as run:
        try:
            assert select.select([silent], [], [], 120)[0], "apply asks nobody"
            with apply(directory, silent) as second:
                refusal = second.communicate(timeout=120)[1]
            run.send_signal(signal.SIGINT)
            printed, words = run.communicate(timeout=SECONDS)
        finally:
            run.kill()
    assert second.returncode == 4
    assert "HS-JOURNAL-003" in refusal
    assert f"apply by process {run.pid}" in refusal
    assert run.returncode == 130, words
    assert json.loads(printed)["error"]["code"] == "HS-CLI-013"
    assert words.count("interrupted; what was begun goes on in the world") == 1


def test_what_was_told_is_not_told_again_when_a_thread_keeps_the_process() -> None:
    with started(["-c", HELD, "--json"]) as run:
        assert run.stderr is not None
        assert run.stderr.readline() == "begun\n"
        run.send_signal(signal.SIGINT)
        printed, words = run.communicate(timeout=SECONDS)
    assert run.returncode == 130
    assert words == f"{WORDS}\n"
    assert json.loads(printed)["error"]["code"] == "HS-CLI-013"
