"""The lab's root process and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("real_networks")

PROGRAM = """
import os, subprocess, sys, time
from pathlib import Path
from hybridspan_lab.sandbox.namespaces import become_lab_root
become_lab_root(Path(sys.argv[1]))
print(os.getpid(), os.geteuid(), Path(sys.argv[1]).is_mount(), flush=True)
child = subprocess.Popen(["sleep", sys.argv[2]], start_new_session=True)
sys.exit(child.wait() if sys.argv[3:] else 7)
"""


def start(tmp_path, *arguments, program=PROGRAM):
    argv = [sys.executable, "-c", program, str(tmp_path / "ns"), *arguments]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def test_the_program_is_root_of_small_namespaces(tmp_path):
    with start(tmp_path, "0") as lab:
        pid, uid, mounted = lab.stdout.readline().split()
    assert (int(pid) < 10, uid, mounted) == (True, "0", "True")


def test_the_exit_code_is_the_programs(tmp_path):
    with start(tmp_path, "0") as lab:
        assert lab.wait(60) == 7


def test_the_mount_is_not_seen_outside(tmp_path):
    with start(tmp_path, "0") as lab:
        lab.stdout.readline()
        assert not (tmp_path / "ns").is_mount()


def test_killing_the_outer_process_ends_everything_inside(tmp_path):
    seconds = f"7{os.getpid()}"
    with start(tmp_path, seconds, "wait") as lab:
        lab.stdout.readline()
        assert until(lambda: sleeping(seconds))
        lab.kill()
        assert until(lambda: not sleeping(seconds))


def test_a_signal_to_end_reaches_the_program(tmp_path):
    with start(tmp_path, "60", "wait") as lab:
        lab.stdout.readline()
        lab.send_signal(signal.SIGTERM)
        assert lab.wait(60) == 128 + signal.SIGTERM


def test_a_signal_is_not_lost_however_early_it_comes(tmp_path):
    early = PROGRAM.replace("print(", "os.kill(1, 15); print(")
    for _ in range(10):
        with start(tmp_path, "60", "wait", program=early) as lab:
            assert lab.wait(60) == 128 + signal.SIGTERM


def sleeping(seconds):
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == b"sleep\0" + seconds.encode() + b"\0":
                return True
        except OSError:
            continue
    return False


def until(condition, patience=60.0):
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False
