"""Ports of 127.0.0.1 that are kept for a program until it listens there, and as long as it may listen there again."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Self


class HeldPorts:
    """So many ports that nobody else gets, and no outgoing connection either. Iterate over them; `release` gives them up.

    Each is bound and does not listen. A program of the same user that asks for SO_REUSEPORT can listen there all the same.
    """

    def __init__(self, sockets: ExitStack, ports: tuple[int, ...]) -> None:
        self._sockets = sockets
        self._ports = ports

    @classmethod
    def take(cls, count: int) -> Self:
        with ExitStack() as opening:
            sockets = [opening.enter_context(socket.socket()) for _ in range(count)]
            for one in sockets:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                one.bind(("127.0.0.1", 0))
            ports = tuple(int(one.getsockname()[1]) for one in sockets)
            return cls(opening.pop_all(), ports)

    def __iter__(self) -> Iterator[int]:
        return iter(self._ports)

    def release(self) -> None:
        self._sockets.close()
