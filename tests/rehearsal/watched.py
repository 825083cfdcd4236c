"""Runs `hybridspan` and writes down every address that its process connects or sends to: `watched.py FILE ARGUMENTS…`

An audit hook of the interpreter sees each call of a socket, whichever library makes it.
"""

from __future__ import annotations

import os
import runpy
import sys
from typing import Any

CALLS = ("socket.connect", "socket.sendto", "socket.sendmsg")


def main() -> None:
    record = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event in CALLS and isinstance(arguments[1], tuple):
            os.write(record, f"{arguments[1][0]} {arguments[1][1]}\n".encode())

    sys.addaudithook(hear)
    # The folder of this file is no place to import from.
    del sys.path[0]
    sys.argv = ["hybridspan", *sys.argv[2:]]
    runpy.run_module("hybridspan", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
