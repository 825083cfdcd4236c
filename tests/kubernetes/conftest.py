"""An API server's stream endpoints without a cluster behind them: the wire is real, the pod is a script."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web

from hybridspan.kubernetes.cluster import KubernetesCluster

Behaviour = Callable[[web.WebSocketResponse, web.Request], Awaitable[None]]


@dataclass
class Pod:
    """What the next exec does, and what it was asked."""

    exec: Behaviour | None = None
    commands: list[list[str]] = field(default_factory=list)
    records: list[tuple[str, dict[str, object]]] = field(default_factory=list)


def status(code: int) -> bytes:
    """The Status object that ends an exec stream."""
    if code == 0:
        return json.dumps({"status": "Success"}).encode()
    causes = [{"reason": "ExitCode", "message": str(code)}]
    document = {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}}
    return json.dumps(document).encode()


@dataclass
class Server:
    """The endpoints of one API server."""

    pod: Pod = field(default_factory=Pod)
    url: str = ""

    def routes(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/version", self._version)
        app.router.add_get("/api/v1/namespaces/apigee/pods/{pod}/exec", self._exec)
        app.router.add_get("/api/v1/namespaces/apigee/pods/{pod}/portforward", self._forward)
        return app

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response({"gitVersion": "v1.37.2"})

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["pod"] == "gone":
            return web.json_response({"message": 'pods "gone" not found'}, status=404)
        socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io",))
        await socket.prepare(request)
        self.pod.commands.append(request.query.getall("command"))
        assert self.pod.exec is not None
        await self.pod.exec(socket, request)
        if not socket.closed:
            await socket.close()
        return socket

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        """A port on which everything comes back in capitals; on port 1 nothing listens, to one pod nobody may."""
        port = int(request.query["ports"])
        if request.match_info["pod"] == "forbidden":
            return web.json_response({"message": "cannot get resource pods/portforward"}, status=403)
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",), max_msg_size=0)
        await socket.prepare(request)
        for channel in (0, 1):
            await socket.send_bytes(bytes([channel]) + port.to_bytes(2, "little"))
        if port == 1:
            await socket.send_bytes(b"\x01nothing listens on port 1")
        async for message in socket:
            if message.type is WSMsgType.BINARY and message.data[0] == 0:
                await socket.send_bytes(b"\x00" + message.data[1:].upper())
        return socket


@asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    """The URL of an application that serves until the context ends."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    async with listening(server.routes()) as server.url:
        yield server


@pytest.fixture
def pod(server: Server) -> Pod:
    return server.pod


@pytest.fixture
async def cluster(server: Server, tmp_path: Path) -> AsyncIterator[KubernetesCluster]:
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(kubeconfig(server.url)))
    records = server.pod.records
    opened = await KubernetesCluster.connect(
        path, None, "apigee-eastus", lambda k, d: records.append((k, dict(d)))
    )
    yield opened
    await opened.close()


def kubeconfig(url: str) -> dict[str, object]:
    return {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
