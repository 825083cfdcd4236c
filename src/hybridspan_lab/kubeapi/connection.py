"""Requests to one API server: JSON in and out, plain text, and answers that go on."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, Self

import aiohttp

from hybridspan_lab.kubeapi.access import Access
from hybridspan_lab.kubeapi.answers import ApiError, Document, refusal


class Connection:
    """One API server. Use it as an asynchronous context manager, or call `close`."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Document:
        """One request with a JSON answer; raises ApiError for every status from 400 and for a lost connection."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        text = await self._answer(method, path, query, data, headers)
        answer: Document = json.loads(text) if text else {}
        return answer

    async def text(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """The plain body of a GET, for example a pod's log or /readyz; fails as `request` does."""
        return await self._answer("GET", path, query)

    async def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        words = {**self.access.headers(), **(headers or {})}
        try:
            async with self._client().request(
                method, self.access.server + path, params=query or {}, data=data, headers=words
            ) as response:
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise ApiError(0, "Unreachable", f"{method} {path}: {error or type(error).__name__}") from error
        if response.status >= 400:
            raise refusal(response.status, text)
        return text

    async def stream(
        self, path: str, query: Mapping[str, str], seconds: float
    ) -> AsyncGenerator[bytes, None]:
        """Lines of a GET that the server keeps open for as long as `seconds`; ends quietly where the connection is lost."""
        # Longer than the server's own end, which comes first where all is well.
        limits = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=seconds + 30)
        try:
            async with self._client().get(
                self.access.server + path, params=query, headers=self.access.headers(), timeout=limits
            ) as response:
                if response.status >= 400:
                    raise refusal(response.status, await response.text())
                async for line in lines(response.content):
                    yield line
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            return

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self.access.tls, limit=0)
            timeout = aiohttp.ClientTimeout(total=60, sock_connect=10)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False)
        return self._session


async def lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length; the reader's own readline refuses long ones, and objects are long."""
    rest = b""
    async for chunk in content.iter_any():
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            if line:
                yield line
