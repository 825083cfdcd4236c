"""Runs `hybridspan` under a filter of system calls that tells of every address it, or a program it starts, goes to.

`watched.py SOCKET ARGUMENTS…`: SOCKET is the number of an inherited Unix socket to the listener (listening.py). The filter
holds for all threads and all children, whatever they are written in, needs no right, and changes nothing that they do.
"""

from __future__ import annotations

import ctypes
import os
import platform
import runpy
import socket
import struct
import sys
from typing import Final

CALLS: Final = {
    "x86_64": {"connect": 42, "sendto": 44, "sendmsg": 46, "sendmmsg": 307, "seccomp": 317},
    "aarch64": {"connect": 203, "sendto": 206, "sendmsg": 211, "sendmmsg": 269, "seccomp": 277},
}[platform.machine()]
"""The calls that take an address, and the one that sets a filter."""
ARCHITECTURE: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[platform.machine()]

HAND_OVER: Final = 1000
"""The descriptor on which the listener is handed over: `sendmsg` on it passes, or nobody could ever answer."""

LOAD, IS, RETURN = 0x20, 0x15, 0x06
ALLOW, ASK, KILL = 0x7FFF0000, 0x7FC00000, 0x80000000
NUMBER, ARCH, FIRST, FIFTH = 0, 4, 16, 48
NO_NEW_PRIVILEGES, SET_FILTER, NEW_LISTENER = 38, 1, 8


class Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def instructions() -> list[bytes]:
    """connect and sendmmsg ask, sendto with an address, sendmsg but for the hand-over; all else passes."""

    def line(code: int, yes: int, no: int, value: int) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    return [
        line(LOAD, 0, 0, ARCH),
        line(IS, 1, 0, ARCHITECTURE),
        line(RETURN, 0, 0, KILL),
        line(LOAD, 0, 0, NUMBER),
        line(IS, 8, 0, CALLS["connect"]),
        line(IS, 7, 0, CALLS["sendmmsg"]),
        line(IS, 1, 0, CALLS["sendto"]),
        line(IS, 2, 6, CALLS["sendmsg"]),
        line(LOAD, 0, 0, FIFTH),
        line(IS, 4, 3, 0),
        line(LOAD, 0, 0, FIRST),
        line(IS, 2, 1, HAND_OVER),
        line(RETURN, 0, 0, ALLOW),
        line(RETURN, 0, 0, ASK),
        line(RETURN, 0, 0, ALLOW),
    ]


def listener() -> int:
    """Sets the filter for this thread and all that comes from it; the descriptor on which the kernel asks."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = b"".join(lines := instructions())
    held = ctypes.create_string_buffer(code, len(code))
    program = Program(len(lines), ctypes.addressof(held))
    if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    descriptor: int = libc.syscall(CALLS["seccomp"], SET_FILTER, NEW_LISTENER, ctypes.byref(program))
    if descriptor < 0:
        raise OSError(
            ctypes.get_errno(), "this kernel sets no filter with a listener (Linux 5.0 and later do)"
        )
    return descriptor


def main() -> None:
    os.dup2(int(sys.argv[1]), HAND_OVER, inheritable=False)
    os.close(int(sys.argv[1]))
    descriptor = listener()
    there = socket.socket(fileno=HAND_OVER)
    socket.send_fds(there, [b"listener"], [descriptor])
    os.close(descriptor)
    # Nothing begins before somebody listens. The number stays taken: what is sent on it is not heard.
    there.recv(1)
    there.detach()
    # The folder of this file is no place to import from.
    del sys.path[0]
    sys.argv = ["hybridspan", *sys.argv[2:]]
    runpy.run_module("hybridspan", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
