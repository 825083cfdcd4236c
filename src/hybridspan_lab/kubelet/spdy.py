"""SPDY/3.1 frames as Kubernetes uses them: the server's side, many streams over one connection, no flow control.

kubectl's port-forward knows nothing else, inside a WebSocket or on a connection of its own.
Format: https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Awaitable, Callable
from typing import Final

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY, HEADERS = 1, 2, 3, 6, 7, 8
FIN: Final = 1
LARGEST_FRAME: Final = 32768
CONTROL: Final = 0x8003  # the control bit and version 3

_NAMES: Final = (  # one string, split below: a list of so many short words would fill pages
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer "  # codespell:ignore te
    "transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status"
)
_REST: Final = ("200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin")
_PHRASES: Final = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY: Final = b"".join(
    struct.pack(">I", len(word)) + word.encode() for word in (*_NAMES.split(), *_REST)
) + (_PHRASES.encode())
"""What both sides' header compression starts from (section 2.6.10.1)."""

Send = Callable[[bytes], Awaitable[None]]


class Stream:
    """One stream. `read` gives b"" when the peer has ended its side."""

    def __init__(self, connection: Connection, identity: int, headers: dict[str, str]) -> None:
        self.headers = headers
        self.identity = identity
        self._connection = connection
        self._incoming: asyncio.Queue[bytes] = asyncio.Queue()
        self._is_closed = False

    async def read(self) -> bytes:
        return await self._incoming.get()

    async def write(self, data: bytes) -> None:
        for start in range(0, len(data), LARGEST_FRAME):
            await self._connection.send_data(self.identity, data[start : start + LARGEST_FRAME])

    async def close(self) -> None:
        """Ends our side; the peer may go on sending."""
        if not self._is_closed:
            self._is_closed = True
            await self._connection.send_data(self.identity, b"", FIN)

    def take(self, data: bytes) -> None:
        self._incoming.put_nowait(data)


class Connection:
    """One connection: fed with received bytes, sending through `send`, handing new streams to `on_stream`."""

    def __init__(self, send: Send, on_stream: Callable[[Stream], Awaitable[None]]) -> None:
        self.streams: dict[int, Stream] = {}
        self._send = send
        self._on_stream = on_stream
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)
        self._tasks: set[asyncio.Task[None]] = set()

    async def feed(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 8:
            first, second = struct.unpack_from(">II", self._buffer)
            length = second & 0xFFFFFF
            if len(self._buffer) < 8 + length:
                return
            body = bytes(self._buffer[8 : 8 + length])
            del self._buffer[: 8 + length]
            if first >> 31:
                await self._control(first & 0xFFFF, second >> 24, body)
            else:
                self._deliver(first, body, second >> 24)

    async def send_data(self, identity: int, data: bytes, flags: int = 0) -> None:
        await self._send(struct.pack(">II", identity, flags << 24 | len(data)) + data)

    async def close(self) -> None:
        """The peer has gone: every stream ends, and what works on them is cancelled."""
        for stream in self.streams.values():
            stream.take(b"")
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _control(self, kind: int, flags: int, body: bytes) -> None:
        if kind == SYN_STREAM:
            await self._open(body, flags)
        elif kind == PING:
            await self._send_control(PING, body)
        elif kind in (HEADERS, SYN_REPLY):
            self._headers(body[4:])
            self._deliver(struct.unpack_from(">I", body)[0], b"", flags)
        elif kind == RST_STREAM:
            self._deliver(struct.unpack_from(">I", body)[0], b"", FIN)
        elif kind == GOAWAY:
            for stream in self.streams.values():
                stream.take(b"")

    async def _open(self, body: bytes, flags: int) -> None:
        identity = struct.unpack_from(">I", body)[0] & 0x7FFFFFFF
        stream = self.streams[identity] = Stream(self, identity, self._headers(body[10:]))
        await self._send_control(SYN_REPLY, struct.pack(">I", identity) + self._packed({}))
        if flags & FIN:
            stream.take(b"")
        task = asyncio.ensure_future(self._serve(stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, stream: Stream) -> None:
        await self._on_stream(stream)

    async def _send_control(self, kind: int, body: bytes) -> None:
        await self._send(struct.pack(">HHI", CONTROL, kind, len(body)) + body)

    def _deliver(self, identity: int, data: bytes, flags: int) -> None:
        stream = self.streams.get(identity & 0x7FFFFFFF)
        if stream is None:
            return
        if data:
            stream.take(data)
        if flags & FIN:
            stream.take(b"")

    def _headers(self, block: bytes) -> dict[str, str]:
        raw = self._inflate.decompress(block)
        (count,) = struct.unpack_from(">I", raw)
        place, texts = 4, []
        for _ in range(2 * count):
            (length,) = struct.unpack_from(">I", raw, place)
            texts.append(raw[place + 4 : place + 4 + length].decode())
            place += 4 + length
        return {
            name.lower(): value.split("\0")[0] for name, value in zip(texts[::2], texts[1::2], strict=True)
        }

    def _packed(self, headers: dict[str, str]) -> bytes:
        texts = [text.encode() for pair in headers.items() for text in pair]
        raw = struct.pack(">I", len(headers)) + b"".join(struct.pack(">I", len(t)) + t for t in texts)
        return self._deflate.compress(raw) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
