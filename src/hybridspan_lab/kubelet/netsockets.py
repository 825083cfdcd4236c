"""Sockets inside a pod's network namespace, used from the kubelet's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

from hybridspan_lab.sandbox.namespaces import in_network

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def make_socket(namespace: Path | None, kind: int = socket.SOCK_STREAM) -> socket.socket:
    """A socket that lives in `namespace`, or in the kubelet's own when that is None."""

    def make() -> socket.socket:
        return socket.socket(socket.AF_INET, kind)

    made = make() if namespace is None else in_network(namespace, make)
    made.setblocking(False)
    return made


def listening_socket(
    namespace: Path, address: str, port: int, kind: int = socket.SOCK_STREAM
) -> socket.socket:
    """A bound socket in a namespace; a TCP one listens."""
    made = make_socket(namespace, kind)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        if kind == socket.SOCK_STREAM:
            made.listen(64)
    except OSError:
        made.close()
        raise
    return made


async def connect(
    namespace: Path | None, address: str, port: int, *, tls: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connects from inside a namespace; without one, only to loopback: the lab's addresses are public elsewhere."""
    if namespace is None and not ipaddress.ip_address(address).is_loopback:
        raise ValueError(f"{address} may only be reached from inside the lab's networks")
    ipaddress.ip_address(address)
    made = make_socket(namespace)
    try:
        await asyncio.get_running_loop().sock_connect(made, (address, port))
        return await asyncio.open_connection(sock=made, ssl=tls, server_hostname=address if tls else None)
    except BaseException:
        made.close()
        raise


async def splice(
    one: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    other: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Copies both ways until both directions have ended; each end is handed on by itself."""
    try:
        await asyncio.gather(_copy(one[0], other[1]), _copy(other[0], one[1]))
    finally:
        for _, writer in (one, other):
            writer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    with contextlib.suppress(OSError, RuntimeError):
        if target.can_write_eof():
            target.write_eof()
