from __future__ import annotations

import asyncio
import gc
import socket
import warnings

import pytest

from hybridspan.errors import PermanentFailure
from hybridspan.kubernetes.cluster import KubernetesCluster


async def echoed(port: int, content: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(content)
        return await reader.readexactly(len(content))
    finally:
        writer.close()
        await writer.wait_closed()


async def test_every_connection_reaches_the_pod_by_its_own_stream(cluster: KubernetesCluster):
    async with cluster.forward("apigee", "cassandra-0", 9042) as port:
        answers = await asyncio.gather(*(echoed(port.number, b"hello %d" % n) for n in range(30)))
    assert answers == [b"HELLO %d" % n for n in range(30)]


async def test_a_megabyte_each_way_arrives_whole(cluster: KubernetesCluster):
    content = b"0123456789abcdef" * 65536
    async with cluster.forward("apigee", "cassandra-0", 9042) as port:
        assert await echoed(port.number, content) == content.upper()


async def test_a_port_on_which_nothing_listens_ends_the_connection(cluster: KubernetesCluster):
    async with cluster.forward("apigee", "cassandra-0", 1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_a_way_that_the_api_server_refuses_is_kept_as_the_reason(cluster: KubernetesCluster):
    async with cluster.forward("apigee", "forbidden", 9042) as port:
        assert port.refusal is None
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        assert isinstance(port.refusal, PermanentFailure)
        assert port.refusal.code == "HS-KUBE-003"


async def test_leaving_ends_open_connections_quietly(
    cluster: KubernetesCluster, caplog: pytest.LogCaptureFixture
):
    async with cluster.forward("apigee", "cassandra-0", 9042) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
        writer.write(b"x")
        assert await reader.readexactly(1) == b"X"
    assert await reader.read() == b""
    writer.close()
    await asyncio.sleep(0)
    assert caplog.records == []


@pytest.mark.parametrize("rounds", range(8))
async def test_a_connection_that_comes_while_the_port_closes_leaves_nothing_behind(
    cluster: KubernetesCluster, caplog: pytest.LogCaptureFixture, rounds: int
):
    """Wherever it is on its way in: one that was left over ended with a traceback when Python 3.11's loop was closed."""
    async with cluster.forward("apigee", "cassandra-0", 9042) as port:
        client = socket.create_connection(("127.0.0.1", port.number))
        for _ in range(rounds):
            await asyncio.sleep(0)
    with client:
        for _ in range(8):
            await asyncio.sleep(0)
        left = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}
    assert not {name for name in left if name.startswith("forward.")}
    assert [record for record in caplog.records if record.name == "asyncio"] == []
    with warnings.catch_warnings():
        # aiohttp's, of a handshake that was broken off.
        warnings.filterwarnings("ignore", "Unclosed connection", ResourceWarning)
        gc.collect()
