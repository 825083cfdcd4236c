"""What apply asks while its picture is being drawn again and again: the question must be seen, and the answer must count."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

PROGRAM = """
import asyncio
from hybridspan.cli.apply import Consent, asked_aside
from hybridspan.plan.model import PlannedStep, StepId, needed
from hybridspan.report.live import display

step = PlannedStep(StepId("datastore/centralus"), "datastore", "centralus", "Joins", needed("it is not there"), irreversible="it joins")

async def run():
    with display([step]) as shown:
        shown.event("acting", step, {"reason": "it begins"})
        return await asked_aside(shown, Consent(False, False))(step)

print("answered", asyncio.run(run()))
"""


@pytest.fixture
def terminal() -> Iterator[tuple[Callable[[bytes], str], Callable[[bytes], int]]]:
    """A program on a terminal: what it shows until certain words come, and typing."""
    here, there = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=there, stdout=there, stderr=there, close_fds=True
    )
    os.close(there)
    shown = b""

    def until(words: bytes) -> str:
        nonlocal shown
        end = time.monotonic() + 120
        while words not in shown:
            ready, _, _ = select.select([here], [], [], max(end - time.monotonic(), 0))
            assert ready, f"never shown: {words!r}; shown: {shown!r}"
            shown += os.read(here, 4096)
        return shown.decode(errors="replace")

    yield until, lambda text: os.write(here, text)
    process.kill()
    process.wait()
    os.close(here)


def test_the_question_before_the_first_node_joins_is_seen_and_a_yes_counts(terminal):
    until, type_ = terminal
    assert "datastore/centralus: it joins" in until(b"Go on? [y/N]")
    type_(b"y\n")
    until(b"answered True")


def test_a_no_counts_too(terminal):
    until, type_ = terminal
    until(b"Go on? [y/N]")
    type_(b"n\n")
    until(b"answered False")
