"""System calls for namespaces, and the lab's root process.

Network namespaces belong to threads: a short-lived thread enters one, makes a socket or a link there, and ends;
what it made stays in that namespace. User namespaces cannot be entered so, hence `become_lab_root` at the start.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hybridspan_lab.sandbox.first_process import hold_signals, stand_by, take_signals
from hybridspan_lab.sandbox.system import (
    MS_BIND,
    MS_PRIVATE,
    MS_REC,
    NEWNET,
    NEWNS,
    NEWPID,
    NEWUSER,
    end_with_parent,
    mount,
    setns,
    unmount,
    unshare,
)

T = TypeVar("T")


def _in_thread(work: Callable[[], T]) -> T:
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            failures.append(error)

    thread = threading.Thread(target=run, name="netns")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def in_network(namespace: Path, work: Callable[[], T]) -> T:
    """Runs `work` in the named network namespace; sockets that it makes stay there. Blocks the caller."""

    def enter() -> T:
        fd = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
        try:
            setns(fd, NEWNET)
        finally:
            os.close(fd)
        return work()

    return _in_thread(enter)


def create_network(namespace: Path) -> None:
    """Makes an empty network namespace and keeps it under the name `namespace`, where other processes can open it."""

    def make() -> None:
        unshare(NEWNET)
        namespace.touch(mode=0o600, exist_ok=False)
        mount("/proc/thread-self/ns/net", str(namespace), flags=MS_BIND)

    _in_thread(make)


def remove_network(namespace: Path) -> None:
    """Gives the name up; the namespace itself ends with its last process and socket. Idempotent."""
    with contextlib.suppress(OSError):
        unmount(str(namespace))
    namespace.unlink(missing_ok=True)


def become_lab_root(ns_dir: Path) -> None:
    """Moves the calling program into its own user, mount and pid namespaces, as their root.

    Call it early, while the process has one thread. The network stays the host's. Three processes result:
    the caller waits and hands on signals and the exit code; the first process of the new namespaces collects
    orphans; the program goes on in the third. Whichever of them dies, the kernel ends everything inside.
    `ns_dir` becomes a file system in memory that only the lab sees, for the names of network namespaces.
    """
    enter_user_namespace()
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    sys.stdout.flush()
    mask = hold_signals()
    first = os.fork()
    if first:
        stand_by(first)
    end_with_parent()
    mount("proc", "/proc", "proc")
    ns_dir.mkdir(parents=True, exist_ok=True)
    mount("tmpfs", str(ns_dir), "tmpfs", 0, "mode=0700,size=1m")
    program = os.fork()
    if program:
        stand_by(program)
    take_signals(mask)


def enter_user_namespace() -> None:
    """New user, mount and (for children) pid namespaces, with the caller's own identity mapped to root."""
    uid, gid = os.geteuid(), os.getegid()
    unshare(NEWUSER | NEWNS | NEWPID)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
