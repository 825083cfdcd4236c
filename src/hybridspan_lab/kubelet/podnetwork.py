"""What the cluster offers inside one pod's network: its name server, and its services' addresses.

A service's address exists only inside each pod: a listener there leads to an endpoint, over a connection that starts
in the same pod, so that peerings and rules apply to it as to any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

from pyroute2 import IPRoute, NetlinkError

from hybridspan_lab.kubelet import dns
from hybridspan_lab.kubelet.netsockets import connect, listening_socket, splice
from hybridspan_lab.kubelet.services import ServiceDirectory
from hybridspan_lab.sandbox.namespaces import in_network

LOG: Final = logging.getLogger(__name__)
CONNECT_SECONDS: Final = 10.0
LOCAL_TABLE: Final = 255


@dataclass(frozen=True, slots=True)
class ClusterServices:
    """What every pod of a cluster is offered; `api_port` is the API server's port on the host's loopback."""

    range: IPv4Network
    api_port: int
    directory: ServiceDirectory
    name_server: int = 0
    """Its port on the host's loopback, where pods have no networks of their own."""

    @property
    def kubernetes(self) -> tuple[str, int]:
        if self.name_server:
            return "127.0.0.1", self.api_port
        return str(self.range[1]), 443

    @property
    def dns(self) -> str:
        return str(self.range[10])


@dataclass(slots=True)
class PodNetwork:
    """One pod's network namespace and the listeners in it; without a namespace there are none."""

    namespace: Path | None
    address: str
    cluster: ClusterServices
    _servers: dict[tuple[str, int], asyncio.Server] = field(default_factory=dict)
    _datagrams: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        """Opens the name server and every service that there is now."""
        if self.namespace is None:
            return
        in_network(self.namespace, lambda: own_range(self.cluster.range))
        loop, lookup = asyncio.get_running_loop(), self.cluster.directory.addresses
        bound = listening_socket(self.namespace, self.cluster.dns, 53, socket.SOCK_DGRAM)
        self._datagrams, _ = await loop.create_datagram_endpoint(
            lambda: dns.DatagramServer(lookup), sock=bound
        )
        stream = listening_socket(self.namespace, self.cluster.dns, 53)
        self._servers[(self.cluster.dns, 53)] = await asyncio.start_server(
            lambda reader, writer: dns.serve_stream(reader, writer, lookup), sock=stream
        )
        await self.follow_services()

    async def follow_services(self) -> None:
        """Opens listeners of new services and closes those of services that are gone."""
        if self.namespace is None:
            return
        wanted = {self.cluster.kubernetes, *self.cluster.directory.virtual_ports()}
        for place in wanted - self._servers.keys():
            with contextlib.suppress(OSError):
                await self._listen(*place)
        for place in self._servers.keys() - wanted - {(self.cluster.dns, 53)}:
            self._servers.pop(place).close()

    def close(self) -> None:
        for server in self._servers.values():
            server.close()
        self._servers.clear()
        if self._datagrams is not None:
            self._datagrams.close()

    async def _listen(self, address: str, port: int) -> None:
        if self.namespace is None:
            return
        listening = listening_socket(self.namespace, address, port)
        # Another task may have opened the same place while this one waited.
        self._servers[(address, port)] = await asyncio.start_server(
            lambda reader, writer: self._relay(address, port, reader, writer), sock=listening
        )

    async def _relay(
        self, address: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                other = await self._reach(address, port)
        except (OSError, TimeoutError, ValueError) as error:
            LOG.info("service %s:%s from %s: %s", address, port, self.address, error)
            writer.transport.abort()
            return
        await splice((reader, writer), other)

    async def _reach(self, address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if (address, port) == self.cluster.kubernetes:
            return await connect(None, "127.0.0.1", self.cluster.api_port)
        target = self.cluster.directory.backend(address, port)
        if target is None:
            raise ConnectionRefusedError("no endpoint is ready")
        return await connect(self.namespace, *target)


def own_range(services: IPv4Network) -> None:
    """Makes the whole service range local to the namespace of the calling thread."""
    with IPRoute() as ip, contextlib.suppress(NetlinkError):
        ip.route("add", dst=str(services), oif=1, type="local", table=LOCAL_TABLE, scope="host")
