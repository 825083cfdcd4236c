"""A person's streams to a program, over a WebSocket's channels or SPDY's streams, behind one face."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final, Protocol

from aiohttp import WSMsgType, web

from hybridspan_lab.kubelet import spdy
from hybridspan_lab.kubelet.hijack import RawConnection

STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
SOCKET_PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io")
SPDY_PROTOCOL: Final = "v4.channel.k8s.io"
STREAM_SECONDS: Final = 10.0
STREAM_NAMES: Final = {"stdin": STDIN, "stdout": STDOUT, "stderr": STDERR, "error": STATUS, "resize": RESIZE}
Message = tuple[int, bytes]


class Session(Protocol):
    """Streams to and from the client."""

    async def receive(self) -> Message | None:
        """The next message of a channel, empty at the channel's end; None when the client has gone."""

    async def send(self, channel: int, data: bytes) -> None:
        """Sends to a channel; raises ConnectionError when the client has gone."""

    async def finish(self) -> None:
        """Ends the session after the last message."""


def is_set(request: web.Request, *names: str) -> bool:
    return any(request.query.get(name) in ("1", "true") for name in names)


class SocketSession:
    """Channels of a WebSocket: the first byte of each message is the channel's number."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.response = socket

    @classmethod
    async def open(cls, request: web.Request) -> SocketSession:
        socket = web.WebSocketResponse(protocols=SOCKET_PROTOCOLS, max_msg_size=0)
        await socket.prepare(request)
        return cls(socket)

    async def receive(self) -> Message | None:
        while True:
            message = await self.response.receive()
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                return None
            data = message.data if message.type == WSMsgType.BINARY else message.data.encode()
            if not data:
                continue
            if data[0] == CLOSE:  # v5: the named channel has ended
                return data[1], b""
            if len(data) > 1:
                return data[0], data[1:]

    async def send(self, channel: int, data: bytes) -> None:
        if self.response.closed:
            raise ConnectionResetError("the client has gone")
        await self.response.send_bytes(bytes([channel]) + data)

    async def finish(self) -> None:
        await self.response.close()


class SpdySession:
    """Streams of a SPDY connection, one for each channel, opened by the client."""

    def __init__(self, raw: RawConnection, wanted: int) -> None:
        self.response = web.Response()
        self._raw = raw
        self._wanted = wanted
        self._streams: dict[int, spdy.Stream] = {}
        self._complete = asyncio.Event()
        self._incoming: asyncio.Queue[Message | None] = asyncio.Queue()
        self._connection = spdy.Connection(raw.write, self._take)
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    async def open(cls, request: web.Request) -> SpdySession:
        """Returns when the client has opened every stream that its request announced."""
        kinds = (("output", "stdout"), ("input", "stdin"), ("tty",))
        wanted = 1 + sum(is_set(request, *names) for names in kinds)
        wanted += is_set(request, "error", "stderr") and not is_set(request, "tty")
        raw = RawConnection.take(request, {"Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": SPDY_PROTOCOL})
        session = cls(raw, wanted)
        async with asyncio.timeout(STREAM_SECONDS):
            await session._complete.wait()
        return session

    async def receive(self) -> Message | None:
        return await self._incoming.get()

    async def send(self, channel: int, data: bytes) -> None:
        if channel in self._streams:
            await self._streams[channel].write(data)

    async def finish(self) -> None:
        with contextlib.suppress(ConnectionError):
            for stream in self._streams.values():
                await stream.close()
        # The client closes the connection when it has read the streams' ends.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                await asyncio.shield(self._reading)
        self._raw.close()
        self._reading.cancel()
        await self._connection.close()

    async def _take(self, stream: spdy.Stream) -> None:
        channel = STREAM_NAMES[stream.headers["streamtype"]]
        self._streams[channel] = stream
        if len(self._streams) >= self._wanted:
            self._complete.set()
        if channel in (STDIN, RESIZE):
            while data := await stream.read():
                self._incoming.put_nowait((channel, data))
            self._incoming.put_nowait((channel, b""))

    async def _read(self) -> None:
        while data := await self._raw.read():
            await self._connection.feed(data)
        self._incoming.put_nowait(None)


async def open_session(request: web.Request) -> SocketSession | SpdySession:
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return await SocketSession.open(request)
    return await SpdySession.open(request)
