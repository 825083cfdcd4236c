"""The cluster's name server, on a socket inside each pod's network: the cluster's own names and no others."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Final

Lookup = Callable[[str], list[str] | None]

TYPE_A: Final = 1
TYPE_ANY: Final = 255
OK, NO_SUCH_NAME = 0, 3
ANSWER_FLAGS: Final = 0x8580  # an authoritative answer, recursion offered
TTL_SECONDS: Final = 5


def answer(query: bytes, lookup: Lookup) -> bytes:
    """The reply to one query; raises ValueError when it is no query."""
    if len(query) < 12:
        raise ValueError("too short for a query")
    identity, flags, questions = struct.unpack_from(">HHH", query)
    if flags & 0x8000 or questions != 1:
        raise ValueError("not a query with one question")
    name, end = read_name(query, 12)
    kind, _ = struct.unpack_from(">HH", query, end)
    question = query[12 : end + 4]
    found = lookup(name)
    records = [record(address) for address in found or []] if kind in (TYPE_A, TYPE_ANY) else []
    code = NO_SUCH_NAME if found is None else OK
    wanted = ANSWER_FLAGS | (flags & 0x0100) | code
    return struct.pack(">HHHHHH", identity, wanted, 1, len(records), 0, 0) + question + b"".join(records)


def read_name(query: bytes, start: int) -> tuple[str, int]:
    """A name of the question section and the place behind it; compression does not occur there."""
    labels, place = [], start
    while place < len(query) and (length := query[place]):
        if length > 63:
            raise ValueError("a compressed name in a question")
        labels.append(query[place + 1 : place + 1 + length].decode("ascii", "replace"))
        place += 1 + length
    if place + 5 > len(query):
        raise ValueError("a question without an end")
    return ".".join(labels), place + 1


def record(address: str) -> bytes:
    """An address record for the question's own name, which a pointer refers to."""
    return struct.pack(">HHHIH", 0xC00C, TYPE_A, 1, TTL_SECONDS, 4) + socket.inet_aton(address)


class DatagramServer(asyncio.DatagramProtocol):
    """Answers queries that come as datagrams."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # asyncio gives a datagram transport here

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._transport is None:
            return
        try:
            self._transport.sendto(answer(data, self._lookup), addr)
        except ValueError:
            return


async def serve_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lookup: Lookup) -> None:
    """Answers queries on a TCP connection, each with its length in front."""
    try:
        while True:
            (length,) = struct.unpack(">H", await reader.readexactly(2))
            reply = answer(await reader.readexactly(length), lookup)
            writer.write(struct.pack(">H", len(reply)) + reply)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, ValueError):
        return
    finally:
        writer.close()
