"""The lab's control socket: one JSON line asks, one JSON line answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
TIMEOUT: Final = 30.0
_LONGEST_LINE: Final = 1 << 24


async def serve(path: Path, handlers: Mapping[str, Handler]) -> asyncio.Server:
    """Answers requests on a unix socket: `{"ask": name, …}` goes to the handler of that name."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            question = json.loads(await reader.readline())
            writer.write(json.dumps(await _answer(handlers, question)).encode() + b"\n")
            await writer.drain()
        except (OSError, ValueError):
            return
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    path.unlink(missing_ok=True)
    return await asyncio.start_unix_server(converse, path, limit=_LONGEST_LINE)


async def _answer(handlers: Mapping[str, Handler], question: dict[str, Any]) -> dict[str, Any]:
    handler = handlers.get(str(question.get("ask")))
    if handler is None:
        return {"error": f"nobody answers {question.get('ask')!r} here"}
    try:
        return await handler(question)
    except Exception as error:  # noqa: BLE001 - the edge: whoever asked is told
        return {"error": f"{type(error).__name__}: {error}"}


async def ask(path: Path, question: Mapping[str, Any], timeout: float = TIMEOUT) -> dict[str, Any]:
    """Asks a lab; OSError when nobody listens there, TimeoutError when there is no answer in time."""
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_unix_connection(path, limit=_LONGEST_LINE)
        try:
            writer.write(json.dumps(dict(question)).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
        finally:
            writer.close()
    if not line:
        raise ConnectionResetError("the lab ended while it was asked")
    answer: dict[str, Any] = json.loads(line)
    return answer
