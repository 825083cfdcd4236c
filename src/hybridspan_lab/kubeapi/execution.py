"""Runs a command in a pod, as `kubectl exec` does, over the API server's WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from hybridspan_lab.kubeapi.answers import ApiError
from hybridspan_lab.kubeapi.client import KubeApi
from hybridspan_lab.kubeapi.paths import object_path

PROTOCOL: Final = "v4.channel.k8s.io"
STDOUT, STDERR, STATUS = 1, 2, 3
CONNECT_SECONDS: Final = 30.0
END_SECONDS: Final = 5.0
PATIENT: Final = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
"""A command may run for hours; aiohttp's own default is five minutes in all."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str


async def run(api: KubeApi, namespace: str, pod: str, container: str, argv: tuple[str, ...]) -> Finished:
    """Runs it to its end; raises ApiError where it cannot be started or the connection is lost meanwhile."""
    address = api.access.server + object_path("/api/v1", "pods/exec", namespace, pod)
    query = [("container", container), ("stdout", "true"), ("stderr", "true")]
    query += [("command", word) for word in argv]
    said = {STDOUT: bytearray(), STDERR: bytearray(), STATUS: bytearray()}
    try:
        async with (
            _session(api) as session,
            session.ws_connect(
                address,
                params=query,
                headers=api.access.headers(),
                protocols=(PROTOCOL,),
                max_msg_size=0,
                timeout=aiohttp.ClientWSTimeout(ws_close=CONNECT_SECONDS),
            ) as stream,
        ):
            async for message in stream:
                if message.type is aiohttp.WSMsgType.BINARY and message.data[0] in said:
                    said[message.data[0]] += message.data[1:]
    except aiohttp.WSServerHandshakeError as error:
        raise ApiError(error.status, "Exec", f"{namespace}/{pod}: {error.message}") from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise ApiError(0, "Unreachable", f"{namespace}/{pod}: {error or type(error).__name__}") from error
    if not said[STATUS]:
        raise ApiError(0, "Unreachable", f"{namespace}/{pod}: the connection ended before the command did")
    code = exit_code(json.loads(said[STATUS]))
    return Finished(code, said[STDOUT].decode(errors="replace"), said[STDERR].decode(errors="replace"))


@contextlib.asynccontextmanager
async def _session(api: KubeApi) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that leaves no connection behind: aiohttp ends those of TLS by itself, in its own time."""
    opened: list[socket.socket] = []

    def new_socket(found: aiohttp.AddrInfoType) -> socket.socket:
        opened.append(socket.socket(*found[:3]))
        return opened[-1]

    connector = aiohttp.TCPConnector(ssl=api.access.tls, socket_factory=new_socket)
    try:
        async with aiohttp.ClientSession(connector=connector, timeout=PATIENT, trust_env=False) as session:
            yield session
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                # The transports close them; nothing tells of it.
                while any(one.fileno() >= 0 for one in opened):  # noqa: ASYNC110
                    await asyncio.sleep(0.005)


def exit_code(status: dict[str, Any]) -> int:
    """Of the status document that closes an exec; raises ApiError where the command did not run at all."""
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise ApiError(
        int(status.get("code") or 0), str(status.get("reason", "")), str(status.get("message", ""))
    )
