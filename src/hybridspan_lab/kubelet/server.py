"""The kubelet's HTTPS server, which the API server calls for logs, exec, attach and port-forward."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import socket
import ssl
from typing import Any, Final, Protocol

from aiohttp import web

from hybridspan_lab.kubelet import execution, forwarding
from hybridspan_lab.kubelet.container import Container
from hybridspan_lab.kubelet.logfile import LogRequest, followed_lines, recorded_lines
from hybridspan_lab.kubelet.metrics import Metrics
from hybridspan_lab.kubelet.pod import Pod
from hybridspan_lab.kubelet.podnetwork import PodNetwork
from hybridspan_lab.kubelet.sessions import is_set, open_session

LOG: Final = logging.getLogger(__name__)


class Pods(Protocol):
    """What the server needs of the kubelet."""

    pods: dict[str, Pod]

    def find_pod(self, namespace: str, name: str) -> Pod | None:
        """The pod of that name, or None."""


async def start_server(
    pods: Pods, metrics: Metrics, tls: ssl.SSLContext, port: int
) -> tuple[web.AppRunner, int]:
    """Serves on loopback; returns the runner and the port."""
    routes = Routes(pods)
    app = web.Application()
    app.router.add_get("/healthz", routes.healthy)
    app.router.add_get("/pods", routes.list_pods)
    app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", routes.logs)
    app.router.add_route("*", "/exec/{namespace}/{pod}/{container}", routes.exec)
    app.router.add_route("*", "/exec/{namespace}/{pod}/{uid}/{container}", routes.exec)
    app.router.add_route("*", "/attach/{namespace}/{pod}/{container}", routes.attach)
    app.router.add_route("*", "/attach/{namespace}/{pod}/{uid}/{container}", routes.attach)
    app.router.add_route("*", "/portForward/{namespace}/{pod}", routes.forward)
    app.router.add_route("*", "/portForward/{namespace}/{pod}/{uid}", routes.forward)
    metrics.add_to(app.router)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", port), backlog=256)
    await web.SockSite(runner, listening, ssl_context=tls).start()
    return runner, int(listening.getsockname()[1])


class Routes:
    """The handlers."""

    def __init__(self, pods: Pods) -> None:
        self._pods = pods

    async def healthy(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def list_pods(self, _: web.Request) -> web.Response:
        items = [{**pod.document, "status": pod.status()} for pod in self._pods.pods.values()]
        return web.json_response({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items})

    async def logs(self, request: web.Request) -> web.StreamResponse:
        container = self._container(request)
        previous = is_set(request, "previous")
        restart = container.restarts - (1 if previous else 0)
        path = container.log_path(restart)
        if restart < 0 or not path.exists():
            raise web.HTTPBadRequest(text=no_log(container, request.match_info["pod"], previous=previous))
        wanted = log_request(request)
        lines, size = recorded_lines(path, wanted)
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        text = b"".join(lines)
        await response.write(text[: wanted.limit_bytes] if wanted.limit_bytes else text)
        log = container.log
        if is_set(request, "follow") and not previous and log is not None and log.path == path:
            with contextlib.suppress(ConnectionError):
                async for line in followed_lines(log, size, timestamps=wanted.timestamps):
                    await response.write(line)
        return response

    async def exec(self, request: web.Request) -> web.StreamResponse:
        container = self._container(request)
        wish = execution.Wish(
            request.query.getall("command", []), is_set(request, "input", "stdin"), is_set(request, "tty")
        )
        session = await open_session(request)
        await execution.run_command(session, container, wish)
        return session.response

    async def attach(self, request: web.Request) -> web.StreamResponse:
        container = self._container(request)
        if not container.is_running:
            raise web.HTTPBadRequest(text=f"container {container.name} is not running")
        session = await open_session(request)
        await execution.attach(session, container)
        return session.response

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Until the client goes or the pod does: kubectl then says `lost connection to pod`."""
        network = self._network(request)
        parting = asyncio.create_task(part(self._pod(request), request.transport))
        try:
            if request.headers.get("Upgrade", "").lower() != "websocket":
                return await forwarding.over_spdy(request, network)
            asked = request.query.getall("ports", request.query.getall("port", []))
            return await forwarding.over_socket(
                request, network, [int(n) for text in asked for n in text.split(",")]
            )
        finally:
            parting.cancel()

    def _pod(self, request: web.Request) -> Pod:
        names = request.match_info
        pod = self._pods.find_pod(names["namespace"], names["pod"])
        if pod is None:
            raise web.HTTPNotFound(text=f'pod "{names["pod"]}" does not exist')
        return pod

    def _container(self, request: web.Request) -> Container:
        name = request.match_info["container"]
        container = self._pod(request).container(name)
        if container is None:
            raise web.HTTPNotFound(text=f'container "{name}" does not exist')
        return container

    def _network(self, request: web.Request) -> PodNetwork:
        network = self._pod(request).network
        if network is None:
            raise web.HTTPConflict(text="the pod has no network yet")
        return network


async def part(pod: Pod, transport: asyncio.BaseTransport | None) -> None:
    """Ends a connection with its pod."""
    await pod.is_gone.wait()
    if transport is not None:
        transport.close()


def no_log(container: Container, pod: str, *, previous: bool) -> str:
    """Why there is no log, in the real kubelet's words: they say what to wait for."""
    if previous:
        return f'previous terminated container "{container.name}" in pod "{pod}" not found'
    reason = (container.state.get("waiting") or {}).get("reason", "no logs yet")
    return f'container "{container.name}" in pod "{pod}" is waiting to start: {reason}'


def log_request(request: web.Request) -> LogRequest:
    query: Any = request.query
    since = query.get("sinceTime", "")
    if "sinceSeconds" in query:
        moment = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=int(query["sinceSeconds"]))
        since = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return LogRequest(
        tail=int(query["tailLines"]) if "tailLines" in query else None,
        since=since,
        timestamps=is_set(request, "timestamps"),
        limit_bytes=int(query["limitBytes"]) if "limitBytes" in query else None,
    )
