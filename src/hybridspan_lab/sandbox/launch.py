"""Starts one program as a container, or one more program in a running container.

Run as `python -I -S launch.py SPEC_FD REPORT_FD`: the specification is JSON on one descriptor, and on the other this
program reports `{"pid": …}` of the container's first process and, when the program could not be started, `{"error": …}`.
It then waits and ends as the program did. Everything in the container ends with it. With `plain` nothing is made or entered:
the program is a process like any other.
"""

from __future__ import annotations

import json
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from hybridspan_lab.sandbox import first_process, system

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}
TIOCSCTTY = 0x540E


def main() -> None:
    spec_fd, report_fd = int(sys.argv[1]), int(sys.argv[2])
    for fd in (spec_fd, report_fd):
        os.set_inheritable(fd, False)
    with open(spec_fd) as source:
        spec = json.load(source)
    system.end_with_parent()
    try:
        if "enter" in spec:
            enter(spec["enter"])
        elif "plain" not in spec:
            system.unshare(system.NEWNS | system.NEWUTS | system.NEWIPC | system.NEWPID)
    except OSError as error:
        fail(report_fd, error)
    mask = first_process.hold_signals()
    first = os.fork()
    if first == 0:
        contained(spec, report_fd, mask)
    first_process.take_signals(mask)
    report(report_fd, {"pid": first})
    os.close(report_fd)
    release_streams()
    finish(first)


def contained(spec: dict, report_fd: int, mask: set[int]) -> None:  # type: ignore[type-arg]
    """The first process inside: prepares the root, then starts the program and collects orphans."""
    try:
        system.end_with_parent()
        if "enter" in spec:
            run(spec, report_fd, mask)
        if "plain" not in spec:
            prepare(spec)
        program = os.fork()
        if program == 0:
            run(spec, report_fd, mask)
    except OSError as error:
        fail(report_fd, error)
    os.close(report_fd)
    release_streams()
    first_process.stand_by(program)


def run(spec: dict, report_fd: int, mask: set[int]) -> None:  # type: ignore[type-arg]
    try:
        if "plain" in spec:
            system.end_with_parent()
        os.setsid()
        if spec.get("tty"):
            import fcntl

            fcntl.ioctl(0, TIOCSCTTY, 0)
        os.chdir(spec.get("cwd") or "/")
        first_process.take_signals(mask)
        # Python ignores a closed pipe, and a program would inherit that.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execvpe(spec["argv"][0], spec["argv"], spec["env"])  # noqa: S606 - an argument list, no shell
    except OSError as error:
        fail(report_fd, error, spec["argv"][0])


def enter(pid: int) -> None:
    """Joins the namespaces of a running container; its root comes with the mount namespace."""
    fd = os.pidfd_open(pid)
    system.setns(fd, system.NEWNS | system.NEWUTS | system.NEWIPC | system.NEWPID | system.NEWNET)
    os.close(fd)


def prepare(spec: dict) -> None:  # type: ignore[type-arg]
    system.mount(None, "/", None, system.MS_REC | system.MS_PRIVATE)
    fd = os.open(spec["network"], os.O_RDONLY | os.O_CLOEXEC)
    system.setns(fd, system.NEWNET)
    os.close(fd)
    import socket

    socket.sethostname(spec["hostname"])
    root = spec["root"]
    system.mount("tmpfs", root, "tmpfs", system.MS_NOSUID | system.MS_NODEV, "mode=0755")
    for name in ("tmp", "var/tmp", "run", "root", "etc", "proc", "dev/pts", "dev/shm"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    os.chmod(f"{root}/tmp", 0o1777)  # noqa: S103 - as every /tmp
    for path, target in spec["links"].items():
        os.symlink(target, root + path)
    for path, text in spec["files"].items():
        write(root + path, text)
    for source, target, read_only in spec["binds"]:
        bind(source, root + target, read_only=read_only)
    devices(root)
    system.mount("proc", f"{root}/proc", "proc")
    system.pivot_root(root)


def devices(root: str) -> None:
    for name in DEVICES:
        bind(f"/dev/{name}", f"{root}/dev/{name}", read_only=False)
    bind("/dev/pts", f"{root}/dev/pts", read_only=False)
    for name, target in LINKS.items():
        os.symlink(target, f"{root}/dev/{name}")


def bind(source: str, target: str, *, read_only: bool) -> None:
    """Puts a file or a directory with all that is mounted in it at `target`, which is made when missing."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.lexists(target):
        write(target, "")
    system.mount(source, target, None, system.MS_BIND | system.MS_REC)
    if read_only:
        system.make_read_only(target)


def write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def report(fd: int, document: dict) -> None:  # type: ignore[type-arg]
    os.write(fd, json.dumps(document).encode() + b"\n")


def fail(fd: int, error: OSError, program: str = "") -> None:
    """Reports why nothing runs, and ends with the exit code that a shell would give."""
    missing = isinstance(error, FileNotFoundError)
    text = f'exec: "{program}": executable file not found in $PATH' if program and missing else str(error)
    report(fd, {"error": text})
    os._exit(127 if missing else 126)


def release_streams() -> None:
    """Only the program keeps the streams, so that their readers see its end."""
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def finish(child: int) -> None:
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
