"""What the listener hears: a command, its threads and its children, whatever they are written in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hybridspan_lab.parts import ensure
from tests.rehearsal.listening import Listening

PACKAGE = """
import os, socket, subprocess, sys, threading

def refused(*target):
    with socket.socket(socket.AF_INET6 if ":" in target[0] else socket.AF_INET) as one:
        one.connect_ex(target)

refused("127.0.0.2", 1)
threading.Thread(target=refused, args=("127.0.0.3", 1)).start()
refused("::1", 1)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    one.sendto(b"x", ("127.0.0.4", 9))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    one.sendmsg([b"x"], [], 0, ("127.0.0.5", 9))
with socket.socket(socket.AF_UNIX) as one:
    one.connect_ex("/nowhere")
subprocess.run(sys.argv[1:], capture_output=True)
"""


def heard(folder: Path, *child: str) -> set[tuple[str, str]]:
    """What a program called `hybridspan` and its child go to."""
    (folder / "hybridspan.py").write_text(PACKAGE)
    found: set[tuple[str, str]] = set()
    listening = Listening(lambda program, target: found.add((program, target)))
    number = listening.there.fileno()
    watched = str(Path(__file__).with_name("watched.py"))
    process = subprocess.Popen(
        [sys.executable, watched, str(number), *child],
        env={**os.environ, "PYTHONPATH": str(folder)},
        pass_fds=[number],
    )
    listening.start()
    assert process.wait(120) == 0
    return found


def test_every_way_out_of_a_process_and_of_its_threads_is_heard(tmp_path: Path) -> None:
    found = {target for _, target in heard(tmp_path, "true")}
    assert found == {"127.0.0.2", "127.0.0.3", "::1", "127.0.0.4", "127.0.0.5"}


@pytest.mark.parametrize(
    ("program", "words"),
    [("kubectl", ("get", "pods", "--token", "none", "--server")), ("helm", ("list", "--kube-apiserver"))],
)
def test_a_child_that_needs_no_library_of_the_system_is_heard_too(
    tmp_path: Path, program: str, words: tuple[str, ...]
) -> None:
    parts = ensure()
    path = {"kubectl": parts.kube_bin / "kubectl", "helm": parts.helm}[program]
    found = heard(tmp_path, str(path), *words, "https://127.0.0.6:1")
    assert [target for heard_of, target in found if heard_of.startswith(f"{program} ")] == ["127.0.0.6"]
