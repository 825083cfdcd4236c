from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from hybridspan.azure.cloud import AzureCloud
from hybridspan.azure.gateway import AzureGateway
from hybridspan_lab.arm import ARM, CERTIFICATES, NullHost, Settings, create_app, serve
from hybridspan_lab.arm.credentials import SUBSCRIPTION
from tests.azure.regions import Recorded

FAST = Settings(clock_scale=0.02)


@dataclass
class StandIn:
    """The stand-in for Resource Manager, and what was asked of it."""

    url: str
    app: web.Application
    host: NullHost
    home: Path

    @property
    def arm(self) -> Any:
        return self.app[ARM]

    def fault(self, kind: str, **where: Any) -> None:
        self.arm.faults.add(kind, **where)

    def requests(self, method: str = "PUT") -> list[str]:
        """The paths of that method so far, in lower case."""
        wanted = [e for e in self.entries() if e["method"] == method and "/oauth2/" not in e["path"]]
        return [e["path"].lower() for e in wanted]

    def entries(self) -> list[dict[str, Any]]:
        """The journal of requests so far."""
        return [json.loads(line) for line in (self.home / "requests.jsonl").read_text().splitlines()]


@pytest.fixture
async def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StandIn]:
    host = NullHost(seconds=0.05)
    home = tmp_path / "arm"
    app = create_app(home, host, lambda _: None, settings=FAST)
    url, runner = await serve(app)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(app[CERTIFICATES].authority))
    sign_in(monkeypatch, app)
    yield StandIn(url, app, host, home)
    await hung_up(runner)
    await runner.cleanup()


async def hung_up(runner: web.AppRunner) -> None:
    """Cut what clients have left half open: the server would leave those sockets to the garbage collector."""
    async with asyncio.timeout(60):
        while runner.server is not None and runner.server.connections:
            for connection in list(runner.server.connections):
                if connection.transport is not None:
                    connection.transport.abort()
            await asyncio.sleep(0.01)


def sign_in(monkeypatch: pytest.MonkeyPatch, app: web.Application) -> None:
    credentials = app[ARM].credentials
    monkeypatch.setenv("AZURE_TENANT_ID", credentials.tenant)
    monkeypatch.setenv("AZURE_CLIENT_ID", credentials.owner.client_id)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", credentials.owner.secret.reveal())
    for name in ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_CERTIFICATE_PATH", "HYBRIDSPAN_ARM_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def records() -> Recorded:
    return Recorded()


@pytest.fixture
async def gateway(stand_in: StandIn, records: Recorded) -> AsyncIterator[AzureGateway]:
    cloud = await asyncio.to_thread(AzureCloud.discover, stand_in.url)
    opened = AzureGateway(cloud, SUBSCRIPTION, records)
    yield opened
    await opened.close()
