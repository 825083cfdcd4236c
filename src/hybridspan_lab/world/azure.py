"""The Azure stand-in inside the world: its server on loopback, and what its documents mean for the network."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from hybridspan.secrets import Secret
from hybridspan_lab.arm import create_app, credentials, network_from_documents
from hybridspan_lab.arm.certificates import ensure
from hybridspan_lab.arm.context import NetworkListener
from hybridspan_lab.arm.documents import Documents
from hybridspan_lab.arm.ports import ClusterHost
from hybridspan_lab.network.model import DesiredNetwork


class Azure:
    """The server of the stand-in."""

    def __init__(self, state: Path, host: ClusterHost, listener: NetworkListener) -> None:
        self._state = state
        self._certificates = ensure(state)
        self._app = create_app(state, host, listener)
        self._runner = web.AppRunner(self._app, access_log=None)

    @property
    def authority(self) -> Path:
        """Certificate of the CA that the server's own is from."""
        return self._certificates.authority

    def client_secret(self) -> Secret:
        """The secret of the lab's service principal."""
        return credentials.ensure(self._state).owner.secret

    async def start(self, port: int) -> None:
        """Listens on that port of 127.0.0.1, over TLS."""
        await self._runner.setup()
        tls = self._certificates.server_context()
        await web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=tls).start()

    async def stop(self) -> None:
        await self._runner.cleanup()


def desired_network(documents: Documents) -> DesiredNetwork:
    """The networks, the peerings that carry traffic and the rules that these documents describe."""
    return network_from_documents(documents)
