"""The lab's root process: the Azure stand-in inside it, control planes and kubelets below it.

It lives in namespaces of its own (user, mount, pid) but on the host's network, because a person's tools reach the
API servers on loopback. Whatever way it ends, the kernel ends everything below it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Self

from aiohttp import web

from hybridspan.secrets import Secret
from hybridspan.topology import loading
from hybridspan_lab.arm import network_from_documents
from hybridspan_lab.arm.documents import Documents
from hybridspan_lab.helm import registry
from hybridspan_lab.network.loopback import LoopbackPlane
from hybridspan_lab.network.mode import Mode
from hybridspan_lab.network.plane import NetworkPlane
from hybridspan_lab.parts import Parts, cassandra, ensure
from hybridspan_lab.world import azure, inventory, requests, variables
from hybridspan_lab.world.clusters import Clusters
from hybridspan_lab.world.given import Given
from hybridspan_lab.world.places import Places
from hybridspan_lab.world.record import Record, start_time
from hybridspan_lab.world.troubles import Troubles


@dataclass(frozen=True, slots=True)
class Doors:
    """The sockets on which the world answers; they listen before anybody is told their ports."""

    arm: socket.socket
    registry: socket.socket | None
    """None where the lab has no charts."""

    @classmethod
    def open(cls, *, has_registry: bool) -> Self:
        return cls(_listening(), _listening() if has_registry else None)

    @property
    def registry_port(self) -> int:
        return _port(self.registry) if self.registry else 0


class World:
    """Everything that a running lab consists of."""

    def __init__(self, places: Places, parts: Parts, record: Record, doors: Doors, given: Given) -> None:
        self._places = places
        self._record = record
        self._doors = doors
        self._parts = parts
        self._networks = (
            LoopbackPlane() if record.network == "loopback" else NetworkPlane(places.network_names)
        )
        self._applying = asyncio.Lock()
        self.clusters = Clusters(places, parts, self._clusters_changed, record.network, dict(given.contexts))
        self._azure = azure.Azure(places.arm, self.clusters, self._network_changed, given)

    async def run(self) -> None:
        """Serves until it is told to end."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        await self._azure.start(self._doors.arm)
        charts = await self._serve_charts()
        await asyncio.to_thread(self._write_environment)
        handlers = {"status": self._status, "fault": self._troubles().make}
        async with await requests.serve(self._places.control, handlers):
            # Whoever sees the record may ask: it is written when everything listens.
            self._record.write(self._places.record)
            await ended.wait()
        await self.clusters.stop()
        await self._azure.stop()
        if charts is not None:
            await charts.cleanup()

    async def _serve_charts(self) -> web.AppRunner | None:
        """The registry; None where the lab has no charts."""
        if self._doors.registry is None:
            return None
        served = registry.Registry(Secret(token_hex(16)))
        await asyncio.to_thread(served.add_all, self._places.charts)
        variables.write_registry_login(self._places, self._record, registry.login(served.password))
        return await registry.serve(served, self._doors.registry, self._azure.server_tls())

    def _troubles(self) -> Troubles:
        return Troubles(self._places, self.clusters, self._azure, self._record)

    def _write_environment(self) -> None:
        """What `lab env` points at."""
        secret = self._azure.client_secret()
        with os.fdopen(os.open(self._places.client_secret, os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
            stream.write(secret.reveal())
        variables.write_bundle(self._places, self._azure.authority)
        variables.write_cloud(self._places, self._record)
        variables.write_programs(self._places, self._parts.kube_bin / "kubectl", self._parts.helm)
        self.clusters.write_kubeconfig()

    def _clusters_changed(self) -> None:
        self.clusters.write_kubeconfig()

    async def _network_changed(self, documents: Documents) -> None:
        desired = network_from_documents(documents)
        async with self._applying:
            await asyncio.to_thread(self._networks.apply, desired)

    async def _status(self, question: dict[str, Any]) -> dict[str, Any]:
        network = self._record.network
        return {"network": network, **(await inventory.take(self._places, self.clusters, network))}


@dataclass(frozen=True, slots=True)
class Outermost:
    """The lab's outermost process, as the host sees it."""

    pid: int
    started: str

    @classmethod
    def current(cls) -> Self:
        return cls(os.getpid(), start_time(os.getpid()))


async def serve(
    places: Places, outermost: Outermost, topology: str, system_keyspaces: str, network: Mode
) -> None:
    """Runs the world of a lab."""
    declared = loading.load(topology)
    doors = Doors.open(has_registry=places.charts.is_dir())
    record = Record(
        pid=outermost.pid,
        started=outermost.started,
        namespace=os.readlink("/proc/self/ns/pid") if network == "namespaces" else "",
        arm_port=_port(doors.arm),
        topology=topology,
        system_keyspaces=system_keyspaces,
        since=time.time(),
        network=network,
        registry_port=doors.registry_port,
        cassandra=cassandra.wanted().line,
        namespace_of_apigee=declared.first.namespace,
        subscription=declared.first.subscription,
    )
    await World(places, ensure(), record, doors, Given.of(declared)).run()


def _listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def _port(listening: socket.socket) -> int:
    return int(listening.getsockname()[1])
