"""Ports of pods as ports of this machine's loopback, each connection by its own stream.

The API server has no half-closed streams here: when one side is done, the connection ends.
"""

from __future__ import annotations

import asyncio
import contextlib
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
    forwarded = ForwardedPort(0)
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        # Ending quietly when cancelled: Python 3.11's streams log a cancelled callback as a failure.
        try:
            with contextlib.suppress(asyncio.CancelledError, OSError):
                forwarded.refusal = await _carry(access, (namespace, pod, port), reader, writer)
                writer.close()
                await writer.wait_closed()
        finally:
            connections.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=_CHUNK)
    try:
        forwarded.number = server.sockets[0].getsockname()[1]
        yield forwarded
    finally:
        server.close()
        for task in tuple(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()


async def _carry(
    access: Access, target: tuple[str, str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> HybridspanError | None:
    """One connection to its end; why it could not begin, or None."""
    namespace, pod, port = target
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward"
    try:
        socket = await access.websocket(
            path, [("ports", str(port))], (_PROTOCOL,), f"pod {namespace}/{pod}, port {port}"
        )
    except HybridspanError as failure:
        return failure
    outwards = asyncio.create_task(_outwards(socket, reader))
    inwards = asyncio.create_task(_inwards(socket, writer))
    try:
        await asyncio.wait((outwards, inwards), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in (outwards, inwards):
            pump.cancel()
        await asyncio.gather(outwards, inwards, return_exceptions=True)
        await socket.close()
    return None


async def _outwards(socket: aiohttp.ClientWebSocketResponse, reader: asyncio.StreamReader) -> None:
    prefix = bytes([_DATA])
    while data := await reader.read(_CHUNK):
        await socket.send_bytes(prefix + data)


async def _inwards(socket: aiohttp.ClientWebSocketResponse, writer: asyncio.StreamWriter) -> None:
    # The first message of each channel names the port (two bytes, little endian) and carries nothing else.
    named: set[int] = set()
    async for message in socket:
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
