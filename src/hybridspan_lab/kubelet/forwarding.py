"""Port-forward: SPDY streams on a bare connection or inside a WebSocket, and the channels of older clients."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import Final

from aiohttp import WSMsgType, web

from hybridspan_lab.kubelet import spdy
from hybridspan_lab.kubelet.hijack import RawConnection
from hybridspan_lab.kubelet.netsockets import connect
from hybridspan_lab.kubelet.podnetwork import PodNetwork

PROTOCOLS: Final = ("SPDY/3.1+portforward.k8s.io", "v4.channel.k8s.io", "channel.k8s.io")
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def dial(network: PodNetwork, port: int) -> Streams:
    """A program in the pod that listens on loopback or only on the pod's address."""
    if network.namespace is None:  # without one, loopback is everybody's
        return await connect(None, network.address, port)
    try:
        return await connect(network.namespace, "127.0.0.1", port)
    except ConnectionRefusedError:
        return await connect(network.namespace, network.address, port)


class Pairs:
    """Each forwarded connection has two streams with the same request id: its bytes and its error."""

    def __init__(self, network: PodNetwork) -> None:
        self._network = network
        self._waiting: dict[str, dict[str, spdy.Stream]] = {}

    async def take(self, stream: spdy.Stream) -> None:
        identity = stream.headers.get("requestid", "")
        pair = self._waiting.setdefault(identity, {})
        pair[stream.headers["streamtype"]] = stream
        if len(pair) == 2:
            del self._waiting[identity]
            await serve(pair["data"], pair["error"], self._network)


async def serve(data: spdy.Stream, error: spdy.Stream, network: PodNetwork) -> None:
    """One forwarded connection, until both directions have ended."""
    port = int(data.headers["port"])
    try:
        reader, writer = await dial(network, port)
    except OSError as problem:
        await error.write(f"failed to connect to localhost:{port} inside the pod: {problem}".encode())
        await error.close()
        await data.close()
        return
    try:
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(inward(data, writer), outward(reader, data))
            await error.close()
    finally:
        writer.close()


async def inward(stream: spdy.Stream, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while received := await stream.read():
            writer.write(received)
            await writer.drain()
    with contextlib.suppress(OSError):
        if writer.can_write_eof():
            writer.write_eof()


async def outward(reader: asyncio.StreamReader, stream: spdy.Stream) -> None:
    with contextlib.suppress(ConnectionError):
        while received := await reader.read(65536):
            await stream.write(received)
    await stream.close()


async def over_spdy(request: web.Request, network: PodNetwork) -> web.StreamResponse:
    headers = {"Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "portforward.k8s.io"}
    raw = RawConnection.take(request, headers)
    connection = spdy.Connection(raw.write, Pairs(network).take)
    try:
        while received := await raw.read():
            await connection.feed(received)
    finally:
        await connection.close()
        raw.close()
    return web.Response()


async def over_socket(request: web.Request, network: PodNetwork, ports: list[int]) -> web.StreamResponse:
    socket = web.WebSocketResponse(protocols=PROTOCOLS, max_msg_size=0)
    await socket.prepare(request)
    if (socket.ws_protocol or "").startswith("SPDY"):
        await tunnel(socket, network)
    else:
        await channels(socket, network, ports)
    return socket


async def tunnel(socket: web.WebSocketResponse, network: PodNetwork) -> None:
    connection = spdy.Connection(socket.send_bytes, Pairs(network).take)
    try:
        async for message in socket:
            if message.type == WSMsgType.BINARY:
                await connection.feed(message.data)
    finally:
        await connection.close()


async def channels(socket: web.WebSocketResponse, network: PodNetwork, ports: list[int]) -> None:
    """Channel 2i carries the bytes of port i, 2i+1 its error; each begins with the port, little endian."""
    opened: list[Streams | None] = []
    tasks: list[asyncio.Task[None]] = []
    for number, port in enumerate(ports):
        for channel in (2 * number, 2 * number + 1):
            await socket.send_bytes(bytes([channel]) + struct.pack("<H", port))
        try:
            streams = await dial(network, port)
        except OSError as problem:
            await socket.send_bytes(bytes([2 * number + 1]) + str(problem).encode())
            opened.append(None)
            continue
        opened.append(streams)
        tasks.append(asyncio.ensure_future(send_channel(socket, 2 * number, streams[0], len(ports) == 1)))
    try:
        await receive_channels(socket, opened)
    finally:
        for task in tasks:
            task.cancel()
        for streams_or_none in opened:
            if streams_or_none is not None:
                streams_or_none[1].close()


async def send_channel(
    socket: web.WebSocketResponse, channel: int, reader: asyncio.StreamReader, is_only: bool
) -> None:
    with contextlib.suppress(ConnectionError):
        while received := await reader.read(65536):
            await socket.send_bytes(bytes([channel]) + received)
        if is_only:
            await socket.close()


async def receive_channels(socket: web.WebSocketResponse, opened: list[Streams | None]) -> None:
    async for message in socket:
        if message.type == WSMsgType.BINARY and len(message.data) > 1:
            streams = opened[message.data[0] // 2] if message.data[0] // 2 < len(opened) else None
            if streams is not None and message.data[0] % 2 == 0:
                with contextlib.suppress(ConnectionError):
                    streams[1].write(message.data[1:])
                    await streams[1].drain()
