"""Hears from the kernel where a watched command, and every program that it starts, connects or sends to."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import struct
import threading
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

from tests.rehearsal.watched import CALLS

RECEIVE, SEND = 0xC0502100, 0xC0182101
NOTICE: Final = struct.Struct("=QII iIQ6Q")
"""`struct seccomp_notif`: id, process, flags; then the call's number, architecture, place and six arguments."""
ANSWER: Final = struct.Struct("=QqiI")
GO_ON: Final = 1
LONGEST_ADDRESS: Final = 128
UNREADABLE: Final = "unreadable"

Hear = Callable[[str, str], None]
"""`hear(program, target)`; a target is an IP address, or UNREADABLE."""


class Listening:
    """A thread that answers the kernel for as long as any process under the filter lives."""

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self._here, self.there = socket.socketpair()

    def start(self) -> None:
        """Take the listener over from the command, and let it begin."""
        self.there.close()
        with self._here:
            _, (descriptor, *_), _, _ = socket.recv_fds(self._here, 16, 1)
            threading.Thread(target=self._serve, args=(descriptor,), daemon=True).start()
            self._here.sendall(b"!")

    def _serve(self, descriptor: int) -> None:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        try:
            while not any(events & select.POLLHUP for _, events in poll.poll()):
                self._one(descriptor)
        finally:
            os.close(descriptor)

    def _one(self, descriptor: int) -> None:
        notice = bytearray(NOTICE.size)
        try:
            fcntl.ioctl(descriptor, RECEIVE, notice)
            identity, process, _, number, _, _, *arguments = NOTICE.unpack(notice)
            for target in targets(process, number, arguments):
                self._hear(name_of(process), target)
            fcntl.ioctl(descriptor, SEND, ANSWER.pack(identity, 0, 0, GO_ON))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EINTR):  # it was killed meanwhile
                raise


def targets(process: int, number: int, arguments: list[int]) -> list[str]:
    """The IP addresses that a call names; a Unix socket, or no address at all, is none."""
    try:
        if number == CALLS["connect"]:
            return address(process, arguments[1], arguments[2])
        if number == CALLS["sendto"]:
            return address(process, arguments[4], arguments[5])
        count = arguments[2] if number == CALLS["sendmmsg"] else 1
        size = 64 if number == CALLS["sendmmsg"] else 56
        heads = [memory(process, arguments[1] + index * size, 16) for index in range(count)]
        named = [struct.unpack("=QI4x", head) for head in heads]
        return [found for place, length in named for found in address(process, place, length)]
    except OSError:
        return [UNREADABLE]


def address(process: int, place: int, length: int) -> list[str]:
    content = memory(process, place, min(length, LONGEST_ADDRESS)) if place and length else b""
    family = int.from_bytes(content[:2], "little")
    if family == socket.AF_INET:
        return [str(ip_address(content[4:8]))]
    if family == socket.AF_INET6:
        found = ip_address(content[8:24])
        return [str(found.ipv4_mapped or found)] if found.version == 6 else []
    return []


def memory(process: int, place: int, length: int) -> bytes:
    with open(f"/proc/{process}/mem", "rb", buffering=0) as file:
        file.seek(place)
        return file.read(length)


def name_of(process: int) -> str:
    """The program, and the first of what it was told: an interpreter's script or module; as far as it still lives."""
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            words = file.read().decode(errors="replace").split("\0")
    except OSError:
        return "?"
    return " ".join(os.path.basename(word) for word in words[:3] if word)
