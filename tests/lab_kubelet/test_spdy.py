"""SPDY frames, against a small client of our own."""

from __future__ import annotations

import asyncio
import hashlib
import struct
import zlib

from hybridspan_lab.kubelet import spdy


class Client:
    """The other side of a connection: makes frames and takes them apart."""

    def __init__(self):
        self.received = bytearray()
        self._deflate = zlib.compressobj(zdict=spdy.DICTIONARY)

    async def take(self, data):
        self.received += data

    def open(self, identity, headers, flags=0):
        texts = [text.encode() for pair in headers.items() for text in pair]
        raw = struct.pack(">I", len(headers)) + b"".join(struct.pack(">I", len(t)) + t for t in texts)
        block = self._deflate.compress(raw) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        body = struct.pack(">IIBB", identity, 0, 0, 0) + block
        return struct.pack(">HHI", spdy.CONTROL, spdy.SYN_STREAM, flags << 24 | len(body)) + body

    @staticmethod
    def data(identity, content, flags=0):
        return struct.pack(">II", identity, flags << 24 | len(content)) + content

    def frames(self):
        place = 0
        while place < len(self.received):
            first, second = struct.unpack_from(">II", self.received, place)
            length = second & 0xFFFFFF
            yield first, second >> 24, bytes(self.received[place + 8 : place + 8 + length])
            place += 8 + length


async def echo(stream):
    while data := await stream.read():
        await stream.write(data)
    await stream.close()


async def exchange(frames, chunk):
    client = Client()
    connection = spdy.Connection(client.take, echo)
    data = b"".join(frames(client))
    for start in range(0, len(data), chunk):
        await connection.feed(data[start : start + chunk])
    for _ in range(20):
        await asyncio.sleep(0)
    await connection.close()
    return list(client.frames())


def test_the_dictionary_is_the_protocols_own():
    assert len(spdy.DICTIONARY) == 1423
    assert hashlib.sha256(spdy.DICTIONARY).hexdigest().startswith("51d27341373f923f")


async def test_a_stream_carries_bytes_both_ways_in_pieces_of_any_size():
    def frames(client):
        return [
            client.open(1, {"streamType": "data"}),
            client.data(1, b"hello"),
            client.data(1, b"", spdy.FIN),
        ]

    for chunk in (1, 7, 1000):
        answers = await exchange(frames, chunk)
        assert [body for first, _, body in answers if first == 1] == [b"hello", b""]
        assert answers[-1][1] == spdy.FIN


async def test_large_writes_go_as_several_frames():
    def frames(client):
        return [client.open(1, {"streamType": "data"}), client.data(1, b"x" * 70_000, spdy.FIN)]

    sizes = [len(body) for first, _, body in await exchange(frames, 4096) if first == 1]
    assert sizes == [32768, 32768, 4464, 0]


async def test_a_ping_is_answered():
    ping = struct.pack(">HHI", spdy.CONTROL, spdy.PING, 4) + b"\0\0\0\7"
    assert (await exchange(lambda _: [ping], 100))[0][2] == b"\0\0\0\7"
