"""Ports of pods as ports of this machine's loopback, each connection by its own stream.

The API server has no half-closed streams here: when one side is done, the connection ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import aiohttp

from hybridspan.errors import HybridspanError
from hybridspan.kubernetes.access import Access

_DATA, _ERROR = 0, 1
_PROTOCOL: Final = "v4.channel.k8s.io"
_CHUNK: Final = 64 * 1024


@dataclass(slots=True, eq=False)
class ForwardedPort:
    """A port of 127.0.0.1; `refusal` is why the last connection's stream was not opened, None where it was."""

    number: int
    refusal: HybridspanError | None = None


@contextlib.asynccontextmanager
async def forward(access: Access, namespace: str, pod: str, port: int) -> AsyncIterator[ForwardedPort]:
    """Listen on a free port of 127.0.0.1 as long as the context lasts; every connection reaches the pod.

    A connection whose stream cannot be opened is closed at once, which says nothing to its client: the port keeps why.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    forwarded = ForwardedPort(listener.getsockname()[1])
    connections: dict[asyncio.Task[None], socket.socket] = {}

    async def serve(connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection, limit=_CHUNK)
        try:
            with contextlib.suppress(OSError):
                forwarded.refusal = await _carry(access, (namespace, pod, port), reader, writer)
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    def accept() -> None:
        with contextlib.suppress(OSError):  # it has gone again
            connection, _ = listener.accept()
            connection.setblocking(False)
            task = asyncio.create_task(serve(connection))
            connections[task] = connection
            task.add_done_callback(lambda task: connections.pop(task).close())

    # Not by asyncio's server: in Python 3.11 that loses a connection which comes while it closes, and logs a traceback.
    loop = asyncio.get_running_loop()
    loop.add_reader(listener, accept)
    try:
        yield forwarded
    finally:
        loop.remove_reader(listener)
        listener.close()
        for task in tuple(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _carry(
    access: Access, target: tuple[str, str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> HybridspanError | None:
    """One connection to its end; why it could not begin, or None."""
    namespace, pod, port = target
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward"
    try:
        stream = await access.websocket(
            path, [("ports", str(port))], (_PROTOCOL,), f"pod {namespace}/{pod}, port {port}"
        )
    except HybridspanError as failure:
        return failure
    try:
        await _pumped(stream, reader, writer)
    finally:
        await stream.close()
    return None


async def _pumped(
    stream: aiohttp.ClientWebSocketResponse, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Both directions, until one of them is done."""
    pumps = (asyncio.create_task(_outwards(stream, reader)), asyncio.create_task(_inwards(stream, writer)))
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _outwards(stream: aiohttp.ClientWebSocketResponse, reader: asyncio.StreamReader) -> None:
    prefix = bytes([_DATA])
    while data := await reader.read(_CHUNK):
        await stream.send_bytes(prefix + data)


async def _inwards(stream: aiohttp.ClientWebSocketResponse, writer: asyncio.StreamWriter) -> None:
    # The first message of each channel names the port (two bytes, little endian) and carries nothing else.
    named: set[int] = set()
    async for message in stream:
        if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
            continue
        channel, data = message.data[0], message.data[1:]
        if channel not in named and len(data) == struct.calcsize("<H"):
            named.add(channel)
        elif channel == _DATA:
            writer.write(data)
            await writer.drain()
        elif channel == _ERROR and data:
            return
