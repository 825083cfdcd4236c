from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.kubernetes.cluster import KubernetesCluster
from hybridspan.kubernetes.execution import exit_code

from .conftest import Pod, listening, status


async def test_output_and_exit_code_arrive(cluster: KubernetesCluster, pod: Pod):
    async def script(socket: web.WebSocketResponse, request: web.Request) -> None:
        assert request.headers["Authorization"] == "Bearer t"
        await socket.send_bytes(b"\x01UN ")
        await socket.send_bytes(b"\x02careful")
        await socket.send_bytes(b"\x01120.38.1.9")
        await socket.send_bytes(b"\x03" + status(3))

    pod.exec = script
    ended = await cluster.exec("apigee", "cassandra-0", ["nodetool", "status"])
    assert (ended.code, ended.stdout, ended.stderr) == (3, "UN 120.38.1.9", "careful")
    assert pod.commands == [["nodetool", "status"]]


async def test_standard_input_is_ended(cluster: KubernetesCluster, pod: Pod):
    async def script(socket: web.WebSocketResponse, request: web.Request) -> None:
        received = b""
        async for message in socket:
            if message.data[0] == 255:
                break
            received += message.data[1:]
        await socket.send_bytes(b"\x01%d" % len(received))
        await socket.send_bytes(b"\x03" + status(0))

    pod.exec = script
    assert (await cluster.exec("apigee", "p", ["wc"], stdin=b"x" * 100_000)).stdout == "100000"


async def test_a_lost_stream_is_not_an_exit_code(cluster: KubernetesCluster, pod: Pod):
    async def script(socket: web.WebSocketResponse, request: web.Request) -> None:
        await socket.send_bytes(b"\x01half an answer")
        assert request.transport is not None
        request.transport.abort()

    pod.exec = script
    with pytest.raises(TemporaryFailure, match="HS-KUBE-006"):
        await cluster.exec("apigee", "p", ["nodetool", "rebuild"])


async def test_a_stream_closed_without_a_status_is_lost(cluster: KubernetesCluster, pod: Pod):
    async def script(socket: web.WebSocketResponse, request: web.Request) -> None:
        await socket.send_bytes(b"\x01all sessions completed")

    pod.exec = script
    with pytest.raises(TemporaryFailure, match="HS-KUBE-006"):
        await cluster.exec("apigee", "p", ["nodetool", "rebuild"])


async def test_a_command_that_takes_too_long_is_given_up(cluster: KubernetesCluster, pod: Pod):
    async def script(socket: web.WebSocketResponse, request: web.Request) -> None:
        await socket.receive()

    pod.exec = script
    with pytest.raises(TemporaryFailure, match="HS-KUBE-007"):
        await cluster.exec("apigee", "p", ["sleep"], timeout=0.2)


async def test_a_missing_pod_may_come(cluster: KubernetesCluster):
    with pytest.raises(TemporaryFailure, match="HS-KUBE-008"):
        await cluster.exec("apigee", "gone", ["true"])


async def test_a_container_that_does_not_run_is_told_apart_from_an_exit_code(
    cluster: KubernetesCluster, pod: Pod
):
    async def script(socket: web.WebSocketResponse, request: web.Request) -> None:
        await socket.send_bytes(b'\x03{"status": "Failure", "message": "container not found"}')

    pod.exec = script
    with pytest.raises(TemporaryFailure, match="container not found"):
        await cluster.exec("apigee", "p", ["true"])


async def test_standard_input_needs_a_protocol_that_can_end_it(cluster: KubernetesCluster):
    async def old(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        await socket.receive()
        return socket

    app = web.Application()
    app.router.add_get("/api/v1/namespaces/apigee/pods/p/exec", old)
    async with listening(app) as cluster._access._configuration.host:
        with pytest.raises(PermanentFailure, match="HS-KUBE-014"):
            await cluster.exec("apigee", "p", ["cat"], stdin=b"x")


async def test_many_commands_run_at_once(cluster: KubernetesCluster, pod: Pod):
    async def script(socket: web.WebSocketResponse, request: web.Request) -> None:
        await socket.send_bytes(b"\x01" + request.query["command"].encode())
        await socket.send_bytes(b"\x03" + status(0))

    pod.exec = script
    ended = await asyncio.gather(*(cluster.exec("apigee", "p", [str(n)]) for n in range(40)))
    assert [e.stdout for e in ended] == [str(n) for n in range(40)]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"status": "Success"}, 0),
        ({"status": "Failure", "details": {"causes": [{"reason": "ExitCode", "message": "137"}]}}, 137),
        ({"status": "Failure", "message": "unable to upgrade connection"}, None),
    ],
)
def test_the_status_object_tells_the_exit_code(document: dict[str, object], code: int | None):
    assert exit_code(document) == code
