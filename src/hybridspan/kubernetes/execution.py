"""Commands in containers: one WebSocket each, the exit code from the error channel.

Three ends are told apart: the command's own (its code, whatever it is), a container that cannot run it, and a stream
that was lost, after which nothing is known of the command.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure
from hybridspan.kubernetes.access import Access
from hybridspan.kubernetes.failures import stream_lost

_STDIN, _STDOUT, _STDERR, _ERROR, _CLOSE = 0, 1, 2, 3, 255
_V4: Final = "v4.channel.k8s.io"
_V5: Final = "v5.channel.k8s.io"
_CHUNK: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How a command in a container ended."""

    code: int
    stdout: str
    stderr: str


async def run(
    access: Access,
    namespace: str,
    pod: str,
    argv: Sequence[str],
    *,
    container: str | None,
    stdin: bytes | None,
    seconds: float,
) -> ExecResult:
    """Run a command to its end; TemporaryFailure where it cannot start, its stream is lost or `seconds` are over."""
    where = f"pod {namespace}/{pod}, command {argv[0]}"
    try:
        async with asyncio.timeout(seconds):
            socket = await _open(access, namespace, pod, argv, container, stdin is not None, where)
            try:
                return await _converse(
                    socket, stdin, f"{access.name}, {where}", _why_not(access, namespace, pod)
                )
            finally:
                await socket.close()
    except TimeoutError as error:
        raise TemporaryFailure(
            "HS-KUBE-007",
            f"the command did not end within {seconds:.0f} s",
            where=f"{access.name}, {where}",
            hint="the container may be overloaded; what the command does is looked at before it is started again",
        ) from error


async def _open(
    access: Access,
    namespace: str,
    pod: str,
    argv: Sequence[str],
    container: str | None,
    takes_input: bool,
    where: str,
) -> aiohttp.ClientWebSocketResponse:
    query = [("command", word) for word in argv]
    query += [("stdout", "true"), ("stderr", "true"), ("stdin", str(takes_input).lower())]
    query += [("container", container)] if container else []
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/exec"
    try:
        socket = await access.websocket(path, query, (_V5, _V4), where)
    except HybridspanError as error:
        raise _cannot_start(error, _why_not(access, namespace, pod)) from error
    if takes_input and socket.protocol != _V5:
        await socket.close()
        raise PermanentFailure(
            "HS-KUBE-014",
            "the API server cannot end a command's standard input",
            where=f"{access.name}, {where}",
            why=f"it speaks {socket.protocol or 'no known protocol'}, which has no end of input",
            hint="Kubernetes 1.30 or later can",
        )
    return socket


def _why_not(access: Access, namespace: str, pod: str) -> str:
    return f"{access.kubectl} -n {namespace} describe pod {pod} says why it does not run"


def _cannot_start(error: HybridspanError, hint: str) -> HybridspanError:
    """A pod that is missing or not running yet may come; everything else stays what it was."""
    if error.code != "HS-KUBE-004":
        return error
    return TemporaryFailure(
        "HS-KUBE-008",
        "the container cannot run a command now",
        where=error.where,
        why=error.why,
        hint=hint,
    )


async def _converse(
    socket: aiohttp.ClientWebSocketResponse, stdin: bytes | None, where: str, hint: str
) -> ExecResult:
    channels: dict[int, bytearray] = {_STDOUT: bytearray(), _STDERR: bytearray(), _ERROR: bytearray()}
    feeding = asyncio.create_task(_feed(socket, stdin)) if stdin is not None else None
    try:
        async for message in socket:
            if message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
                data = message.data.encode() if isinstance(message.data, str) else message.data
                if data and data[0] in channels:
                    channels[data[0]] += data[1:]
    except (aiohttp.ClientError, OSError) as error:
        raise stream_lost(where, str(error) or type(error).__name__) from error
    finally:
        if feeding is not None:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
    if not channels[_ERROR]:
        raise stream_lost(where, f"it was closed ({_closing(socket)}) before the command's end was told")
    return _result(channels, where, hint)


def _closing(socket: aiohttp.ClientWebSocketResponse) -> str:
    failure = socket.exception()
    return str(failure) if failure else f"code {socket.close_code}"


async def _feed(socket: aiohttp.ClientWebSocketResponse, stdin: bytes) -> None:
    for start in range(0, len(stdin), _CHUNK):
        await socket.send_bytes(bytes([_STDIN]) + stdin[start : start + _CHUNK])
    await socket.send_bytes(bytes([_CLOSE, _STDIN]))


def _result(channels: dict[int, bytearray], where: str, hint: str) -> ExecResult:
    status = _status(bytes(channels[_ERROR]))
    code = exit_code(status)
    if code is None:
        raise TemporaryFailure(
            "HS-KUBE-008",
            "the container cannot run a command now",
            where=where,
            why=str(status.get("message") or status),
            hint=hint,
        )
    return ExecResult(
        code, channels[_STDOUT].decode(errors="replace"), channels[_STDERR].decode(errors="replace")
    )


def _status(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError:
        return {"message": content.decode(errors="replace")}
    return document if isinstance(document, dict) else {"message": str(document)}


def exit_code(status: dict[str, Any]) -> int | None:
    """The command's exit code by the Status object that ends an exec stream; None where it never ran."""
    if status.get("status") == "Success":
        return 0
    causes = (status.get("details") or {}).get("causes") or []
    found = next((c.get("message") for c in causes if c.get("reason") == "ExitCode"), None)
    return int(found) if found is not None and str(found).lstrip("-").isdigit() else None
