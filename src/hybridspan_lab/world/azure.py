"""The Azure stand-in inside the world: its server on loopback, and what its documents mean for the network."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

from aiohttp import web

from hybridspan.secrets import Secret
from hybridspan_lab.arm import ARM, CERTIFICATES, ClusterHost, create_app, serve
from hybridspan_lab.arm.context import NetworkListener
from hybridspan_lab.world.given import Given


class Azure:
    """The server of the stand-in."""

    def __init__(self, state: Path, host: ClusterHost, listener: NetworkListener, given: Given) -> None:
        self._app = create_app(
            state, host, listener, subscriptions=given.subscriptions, settings=given.settings
        )
        self._runner: web.AppRunner | None = None

    @property
    def authority(self) -> Path:
        """Certificate of the CA that the server's own is from."""
        return self._app[CERTIFICATES].authority

    def server_tls(self) -> ssl.SSLContext:
        """TLS settings for another server of this machine, with the same certificate."""
        return self._app[CERTIFICATES].server_context()

    def client_secret(self) -> Secret:
        """The secret of the lab's service principal."""
        return self._app[ARM].credentials.owner.secret

    async def start(self, listening: socket.socket) -> None:
        """Answers on that socket, over TLS."""
        _, self._runner = await serve(self._app, listening)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def fault(self, question: dict[str, Any]) -> dict[str, Any]:
        """Sets a fault (`{"kind": …}` with the fields of a Fault), or clears (`{"clear": id or null}`); lists them."""
        arm = self._app[ARM]
        wanted = {name: value for name, value in question.items() if name != "ask"}
        if "clear" in wanted:
            arm.clear_faults(wanted["clear"])
        elif wanted:
            arm.faults.add(wanted.pop("kind"), **wanted)
        return {"faults": [fault.to_document() for fault in arm.faults.list()]}
