"""The way from the API server into the cluster: a proxy that takes `CONNECT address:port` on a unix socket.

The API server knows nodes, pods and services by their addresses in the virtual network, which do not exist where it
runs. Here a node's kubelet port becomes the port on loopback, and everything else is connected from inside a pod.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from hybridspan_lab.kubelet.netsockets import splice

LOG: Final = logging.getLogger(__name__)
LONGEST_PATH: Final = 107
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dial = Callable[[str, int], Awaitable[Streams]]


async def serve(socket_path: Path, dial: Dial) -> asyncio.Server:
    """Listens on `socket_path`; `dial` reaches an address of the cluster or raises OSError."""
    socket_path.parent.mkdir(parents=True, exist_ok=True)
    socket_path.unlink(missing_ok=True)
    if len(os.fsencode(socket_path)) > LONGEST_PATH:
        raise OSError(f"the path of the socket is too long: {socket_path}")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await take(reader, writer, dial)

    return await asyncio.start_unix_server(handle, socket_path)


async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, dial: Dial) -> None:
    """One connection: the request, the dialling, then bytes both ways."""
    try:
        async with asyncio.timeout(10):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            address, port = target_of(head)
            other = await dial(address, port)
    except (
        OSError,
        ValueError,
        TimeoutError,
        asyncio.IncompleteReadError,
        asyncio.LimitOverrunError,
    ) as error:
        LOG.info("no way into the cluster: %s", error or type(error).__name__)
        with contextlib.suppress(ConnectionError):
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        writer.close()
        return
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await splice((reader, writer), other)


def target_of(head: str) -> tuple[str, int]:
    """Address and port of a CONNECT request; raises ValueError for anything else."""
    method, _, rest = head.partition(" ")
    target, _, _ = rest.partition(" ")
    address, _, port = target.rpartition(":")
    if method != "CONNECT" or not address:
        raise ValueError(f"not a CONNECT request: {head[:60]!r}")
    return address.strip("[]"), int(port)
