"""A plain client of the stand-in: it asks again until an operation has ended, as az does."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from hybridspan_lab.arm import ARM, CERTIFICATES, ClusterHost, Settings, create_app, serve
from hybridspan_lab.arm.credentials import SUBSCRIPTION, Credentials
from hybridspan_lab.arm.documents import Documents

VERSION = "2024-05-01"
DEADLINE = 60.0


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> str:
        return self.body["error"]["code"]

    @property
    def properties(self) -> dict[str, Any]:
        return self.body["properties"]


class ArmClient:
    def __init__(
        self, base: str, app: web.Application, session: aiohttp.ClientSession, state_dir: Path
    ) -> None:
        self.base, self.app, self.session, self.state_dir = base, app, session, state_dir
        self.arm = app[ARM]
        self.token = ""
        self.networks: list[Documents] = []

    def group(self, name: str = "rg", subscription: str = SUBSCRIPTION) -> str:
        return f"/subscriptions/{subscription}/resourceGroups/{name}"

    def vnet(self, name: str, group: str = "rg") -> str:
        return f"{self.group(group)}/providers/Microsoft.Network/virtualNetworks/{name}"

    def nsg(self, name: str) -> str:
        return f"{self.group()}/providers/Microsoft.Network/networkSecurityGroups/{name}"

    def cluster(self, name: str = "aks") -> str:
        return f"{self.group()}/providers/Microsoft.ContainerService/managedClusters/{name}"

    async def login(self, client_id: str | None = None, secret: str | None = None) -> Reply:
        owner = self.arm.credentials.owner
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id or owner.client_id,
            "client_secret": secret or owner.secret.reveal(),
            "scope": f"{self.base}//.default",
        }
        url = f"{self.base}/{self.arm.credentials.tenant}/oauth2/v2.0/token"
        async with self.session.post(url, data=form) as answer:
            reply = Reply(answer.status, await answer.json(), answer.headers)
        if reply.status == 200:
            self.token = reply.body["access_token"]
        return reply

    async def ask(
        self, method: str, path: str, body: Any = None, *, version: str | None = VERSION, **headers: str
    ) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        url = path if path.startswith("https://") else self.base + path
        if version is not None and "api-version=" not in url:
            url += f"{'&' if '?' in url else '?'}api-version={version}"
        async with self.session.request(method, url, json=body, headers=sent) as answer:
            text = await answer.text()
            return Reply(answer.status, await answer.json() if text else None, answer.headers)

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.ask("GET", path, **headers)

    async def settle(self, reply: Reply) -> dict[str, Any]:
        """The last state of the operation that a reply began."""
        url = reply.headers.get("Azure-AsyncOperation")
        if url is None:
            return {"status": "Succeeded"}
        async with asyncio.timeout(DEADLINE):
            while True:
                state = (await self.get(url)).body
                if state["status"] in ("Succeeded", "Failed", "Canceled"):
                    return state
                await asyncio.sleep(0.01)

    async def _result(self, url: str) -> Reply:
        async with asyncio.timeout(DEADLINE):
            while True:
                reply = await self.get(url)
                if reply.status != 202:
                    return reply
                await asyncio.sleep(0.01)

    async def put(self, path: str, body: Any, **headers: str) -> Reply:
        """Puts, waits for the end, and gives the resource as it then is; a refusal is given as it came."""
        reply = await self.ask("PUT", path, body, **headers)
        if reply.status >= 400:
            return reply
        ended = await self.settle(reply)
        assert ended["status"] == "Succeeded", ended
        return await self.get(path.partition("?")[0])

    async def delete(self, path: str) -> Reply:
        reply = await self.ask("DELETE", path)
        if reply.status == 202:
            await self.ended(reply)
        return reply

    async def ended(self, reply: Reply) -> Reply | None:
        """Waits for the end of what a reply began, by whichever URL it gave; the last answer of a Location."""
        if "Azure-AsyncOperation" not in reply.headers:
            return await self._result(reply.headers["Location"])
        await self.settle(reply)
        return None

    async def make_vnet(
        self, name: str, prefix: str, *subnets: str, location: str = "eastus", group: str = "rg"
    ) -> Reply:
        listed = [{"name": f"subnet{n}", "properties": {"addressPrefix": s}} for n, s in enumerate(subnets)]
        properties = {"addressSpace": {"addressPrefixes": [prefix]}, "subnets": listed}
        return await self.put(self.vnet(name, group), {"location": location, "properties": properties})

    async def peer(self, one: str, other: str, query: str = "") -> Reply:
        path = f"{self.vnet(one)}/virtualNetworkPeerings/{one}-to-{other}{query}"
        return await self.put(path, {"properties": {"remoteVirtualNetwork": {"id": self.vnet(other)}}})

    def peering(self, one: str, other: str) -> str:
        return f"{self.vnet(one)}/virtualNetworkPeerings/{one}-to-{other}"


@contextlib.asynccontextmanager
async def running(
    state_dir: Path,
    host: ClusterHost,
    settings: Settings,
    credentials: Credentials | None = None,
    subscriptions: Sequence[str] = (),
) -> AsyncIterator[ArmClient]:
    seen: list[Documents] = []

    def listener(documents: Documents) -> None:
        seen.append(dict(documents))

    app = create_app(
        state_dir, host, listener, credentials=credentials, settings=settings, subscriptions=subscriptions
    )
    base, runner = await serve(app)
    tls = ssl.create_default_context(cafile=app[CERTIFICATES].authority)
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session:
            client = ArmClient(base, app, session, state_dir)
            client.networks = seen
            assert (await client.login()).status == 200
            yield client
    finally:
        await runner.cleanup()
