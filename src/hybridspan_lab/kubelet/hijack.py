"""Takes a connection out of the HTTP server's hands, for protocols that begin with an upgrade."""

from __future__ import annotations

import asyncio

from aiohttp import web


class RawConnection(asyncio.Protocol):
    """The bare connection after `101 Switching Protocols`."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._incoming: asyncio.Queue[bytes] = asyncio.Queue()
        self._writable = asyncio.Event()
        self._writable.set()

    @classmethod
    def take(cls, request: web.Request, headers: dict[str, str]) -> RawConnection:
        """Answers the upgrade with `headers` and takes over."""
        transport = request.transport
        if not isinstance(transport, asyncio.Transport):
            raise ConnectionResetError("the client has gone")
        connection = cls(transport)
        transport.set_protocol(connection)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        transport.write(f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n{lines}\r\n".encode())
        return connection

    async def read(self) -> bytes:
        """What has come, b"" when the client has gone."""
        return await self._incoming.get()

    async def write(self, data: bytes) -> None:
        await self._writable.wait()
        if self._transport.is_closing():
            raise ConnectionResetError("the client has gone")
        self._transport.write(data)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._incoming.put_nowait(data)

    def eof_received(self) -> bool:
        self._incoming.put_nowait(b"")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._incoming.put_nowait(b"")
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()
