"""Starts the lab's root process detached, and ends a lab however it died."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Final

import hybridspan_lab
from hybridspan.errors import InputError, PermanentFailure
from hybridspan_lab.network.mode import Mode
from hybridspan_lab.sandbox.marked import WORLD_VARIABLE, end_marked
from hybridspan_lab.world import requests
from hybridspan_lab.world.places import Places
from hybridspan_lab.world.record import Record, members

NAMESPACES_REFUSED: Final = 77
"""Exit code of the root process when the kernel gives no user namespaces."""
START_SECONDS: Final = 120.0
END_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05


async def start(places: Places, topology: Path, system_keyspaces: str, network: Mode) -> Record:
    """Starts a world in prepared places and returns when it answers.

    Raises PermanentFailure HS-LAB-023 where the kernel gives no user namespaces, HS-LAB-024 when it does not start.
    """
    argv = [sys.executable, "-m", "hybridspan_lab.world", str(places.home)]
    argv += [str(topology), system_keyspaces, network]
    source = str(Path(hybridspan_lab.__file__).resolve().parents[1])
    home = str(places.home)
    environment = {**os.environ, "PYTHONPATH": source, "HYBRIDSPAN_LAB_HOME": home, WORLD_VARIABLE: home}
    pid = _spawn(argv, environment, places.log)
    deadline = time.monotonic() + START_SECONDS
    while (record := Record.read(places.record)) is None or not await _answers(places):
        code = _exit_code(pid)
        if code is not None or time.monotonic() > deadline:
            raise _did_not_start(places, code)
        await asyncio.sleep(_POLL_SECONDS)
    return record


def _spawn(argv: list[str], environment: dict[str, str], log: Path) -> int:
    """Starts a program that outlives this one; a Popen object would insist on waiting for it."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, nothing, 0)]
        actions += [(os.POSIX_SPAWN_DUP2, output, number) for number in (1, 2)]
        return os.posix_spawn(argv[0], argv, environment, file_actions=actions, setsid=True)
    finally:
        os.close(output)
        os.close(nothing)


def _exit_code(pid: int) -> int | None:
    """Of a child that has ended; None while it runs."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


async def _answers(places: Places) -> bool:
    try:
        await requests.ask(places.control, {"ask": "status"})
    except OSError:
        return False
    return True


def _did_not_start(places: Places, code: int | None) -> PermanentFailure:
    said = "\n".join(places.log.read_text(errors="replace").splitlines()[-8:])
    if code == NAMESPACES_REFUSED:
        return PermanentFailure(
            "HS-LAB-023",
            "this machine gives no user namespaces, and the lab's networks are made of them",
            why=said,
            hint="allow them (sysctl kernel.unprivileged_userns_clone=1, or on Ubuntu"
            " kernel.apparmor_restrict_unprivileged_userns=0), run as root, or rehearse on loopback addresses: lab up"
            " --network loopback",
        )
    return PermanentFailure("HS-LAB-024", "the lab did not start", why=said, hint=f"its log is {places.log}")


async def clear(places: Places) -> None:
    """Removes what a lab that died left in its home, and makes the home's folders.

    Raises InputError HS-LAB-029 when the folder holds anything else: a lab removes its home at its end.
    """
    if places.home.is_dir() and any(places.home.iterdir()) and not places.marker.exists():
        hint = "give HYBRIDSPAN_LAB_HOME a folder of its own"
        raise InputError(
            "HS-LAB-029",
            "this folder is not a lab's, and a lab removes its home",
            where=str(places.home),
            hint=hint,
        )
    await end(places)
    for folder in (places.home, places.clusters, places.sockets):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if places.sockets.stat().st_uid != os.geteuid():
        raise PermanentFailure(
            "HS-LAB-024",
            "the lab did not start",
            where=str(places.sockets),
            why="that folder is another user's",
            hint="give this lab a home of its own: HYBRIDSPAN_LAB_HOME=~/lab hybridspan lab up",
        )
    places.marker.touch()


async def end(places: Places) -> bool:
    """Ends every process of the lab and removes what it left; returns whether anything was there.

    Killing the outermost process is enough: the kernel then kills the pid namespace, and mounts and networks go
    with their last process. Without namespaces (the fall-back) processes are found by their mark.
    Raises PermanentFailure HS-LAB-025 when a process does not go.
    """
    existed = places.marker.exists()
    namespaces = {record.namespace} if (record := Record.read(places.record)) else set[str]()
    # By the argument list too: a lab that died while it started has written no record.
    for pid in (roots := worlds(places.home)):
        namespaces.update(_namespaces_below(pid))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    namespaces.discard(os.readlink("/proc/self/ns/pid"))
    await asyncio.to_thread(end_marked, WORLD_VARIABLE, str(places.home))
    await _until_gone(places.home, namespaces)
    if existed:
        for folder in (places.sockets, places.home):
            with contextlib.suppress(FileNotFoundError):
                await asyncio.to_thread(shutil.rmtree, folder)
    return existed or bool(roots)


def worlds(home: Path) -> list[int]:
    """The root processes of the lab with that home, the outermost and those inside alike."""
    wanted = [b"hybridspan_lab.world", os.fsencode(home)]
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                arguments = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
                if all(argument in arguments for argument in wanted):
                    found.append(int(entry))
    return found


def _namespaces_below(pid: int) -> set[str]:
    with contextlib.suppress(OSError):
        return {os.readlink(f"/proc/{pid}/ns/{name}") for name in ("pid", "pid_for_children")}
    return set()


async def _until_gone(home: Path, namespaces: set[str]) -> None:
    try:
        async with asyncio.timeout(END_SECONDS):
            # Other processes' ends cannot be awaited, only looked for.
            while left := {*worlds(home), *(pid for name in namespaces for pid in members(name))}:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError as error:
        why = f"processes {', '.join(map(str, sorted(left)))} are still there"
        raise PermanentFailure(
            "HS-LAB-025",
            "the lab does not end",
            where=str(home),
            why=why,
            hint="ps -o pid,stat,wchan:20,args -p PID shows what holds them (D: the disk); then hybridspan lab down again",
        ) from error
