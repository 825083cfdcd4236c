"""The stand-in in a thread of its own, for clients that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from hybridspan_lab.arm import ARM, CERTIFICATES, DESK, NullHost, Settings, create_app, request_journal, serve
from hybridspan_lab.arm.credentials import CLIENT, SUBSCRIPTION, TENANT, Credentials
from hybridspan_lab.arm.request_journal import RequestRecord


@dataclass
class Lab:
    base: str
    app: web.Application
    host: NullHost
    state_dir: Path

    client: str = CLIENT
    tenant: str = TENANT
    subscription: str = SUBSCRIPTION

    @property
    def arm(self):
        return self.app[ARM]

    @property
    def authority(self) -> Path:
        return self.app[CERTIFICATES].authority

    @property
    def secret(self) -> str:
        return self.arm.credentials.owner.secret.reveal()

    @property
    def federated_token(self) -> str:
        return self.app[DESK].federated_token(self.arm.credentials.owner)

    @property
    def scopes(self) -> list[str]:
        return [f"{self.base}//.default"]

    def requests(self) -> tuple[RequestRecord, ...]:
        return request_journal.read(self.state_dir / "requests.jsonl")


@contextmanager
def running(state_dir: Path, settings: Settings, credentials: Credentials | None = None) -> Iterator[Lab]:
    started: Future[Lab] = Future()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(_serve(state_dir, settings, credentials, started, stop))
    )
    thread.start()
    try:
        yield started.result(timeout=120)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=120)
        loop.close()


async def _serve(
    state_dir: Path,
    settings: Settings,
    credentials: Credentials | None,
    started: Future[Lab],
    stop: asyncio.Event,
) -> None:
    host = NullHost()
    app = create_app(state_dir, host, lambda _: None, settings=settings, credentials=credentials)
    base, runner = await serve(app)
    started.set_result(Lab(base, app, host, state_dir))
    await stop.wait()
    await runner.cleanup()
    # A TLS connection whose client has gone waits for a farewell that never comes.
    for transport in list(asyncio.get_running_loop()._transports.values()):
        transport.abort()
    await asyncio.sleep(0)
