"""Starts and stops the control plane of one cluster."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives import serialization

from hybridspan.errors import PermanentFailure
from hybridspan_lab.controlplane import commands, kubeconfig
from hybridspan_lab.controlplane.authority import Authority, new_key, write_key
from hybridspan_lab.controlplane.commands import Site
from hybridspan_lab.controlplane.ports import HeldPorts
from hybridspan_lab.controlplane.programs import Program
from hybridspan_lab.parts import Parts

READY_SECONDS: Final = 180.0
_POLL_SECONDS: Final = 0.05
_CLIENTS: Final = {
    "admin": ("clusterAdmin", "system:masters"),
    "kubelet": ("lab:kubelet", "system:masters"),
    "controller-manager": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
}
"""Kubeconfig name → user and group of its certificate."""


class ControlPlane:
    """The running control plane of one cluster."""

    def __init__(self, site: Site, ports: HeldPorts) -> None:
        self.site = site
        self.programs: list[Program] = []
        self._ports = ports

    @classmethod
    async def start(
        cls,
        home: Path,
        name: str,
        service_cidr: IPv4Network | str,
        parts: Parts,
        egress_socket: Path | None,
        *,
        has_endpoints: bool = True,
    ) -> Self:
        """Starts it in that folder and returns when its API is ready, after about four seconds.

        Raises PermanentFailure HS-LAB-020 when a program ends or is not ready in time; nothing is left running.
        """
        cidr = IPv4Network(service_cidr)
        ports = HeldPorts.take(3)
        own, etcd, peer = ports
        site = Site(name, home, parts.kube_bin, cidr, own, etcd, peer, egress_socket, has_endpoints)
        plane = cls(site, ports)
        try:
            await asyncio.to_thread(_prepare, site)
            await plane._start_programs()
        except BaseException:
            await plane.stop()
            raise
        return plane

    @property
    def port(self) -> int:
        """The API server's port on 127.0.0.1."""
        return self.site.port

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; its context is named as the cluster."""
        return self.site.kubeconfig("admin")

    @property
    def kubelet_kubeconfig(self) -> Path:
        return self.site.kubeconfig("kubelet")

    @property
    def pki(self) -> Path:
        """Folder of the cluster's certificates: ca.crt and ca.key among them."""
        return self.site.pki

    async def stop(self) -> None:
        """Stops everything, the API server before its etcd: without etcd it would not end for minutes."""
        for program in reversed(self.programs):
            await program.stop()
        self.programs.clear()
        self._ports.release()

    async def _start_programs(self) -> None:
        site = self.site
        await self._run("etcd", commands.etcd(site))
        await self._run("kube-apiserver", commands.apiserver(site))
        await self._until_ready()
        await self._run("kube-controller-manager", commands.controller_manager(site))
        await self._run("kube-scheduler", commands.scheduler(site))

    async def _run(self, name: str, argv: list[str]) -> None:
        log = self.site.home / "logs" / f"{name}.log"
        self.programs.append(await Program.start(name, argv, log))

    async def _until_ready(self) -> None:
        tls = ssl.create_default_context(cafile=str(self.pki / "ca.crt"))
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not await _is_ready(self.port, tls):
                    self._check_running()
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError as error:
            raise self._not_ready("it is not ready in time") from error

    def _check_running(self) -> None:
        for program in self.programs:
            if not program.is_running:
                raise self._not_ready(f"{program.name} has ended: {program.last_words()}")

    def _not_ready(self, why: str) -> PermanentFailure:
        hint = f"the programs' logs are in {self.site.home / 'logs'}"
        return PermanentFailure(
            "HS-LAB-020", "a control plane did not start", where=self.site.name, why=why, hint=hint
        )


def _prepare(site: Site) -> None:
    site.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority = Authority.create(site.pki, f"{site.name} CA")
    loopback = ["127.0.0.1", "localhost"]
    inside = [f"kubernetes{rest}" for rest in ("", ".default", ".default.svc", ".default.svc.cluster.local")]
    authority.issue("etcd", "etcd", hosts=loopback)
    authority.issue("etcd-client", "apiserver")
    authority.issue("apiserver", "kube-apiserver", hosts=[*loopback, *inside, site.service_address])
    authority.issue("apiserver-kubelet-client", "kube-apiserver", organization="system:masters")
    authority.issue("front-proxy-client", "front-proxy-client")
    _write_account_keys(site.pki)
    for name, (user, group) in _CLIENTS.items():
        pair = authority.issue(name, user, organization=group)
        server = f"https://127.0.0.1:{site.port}"
        entry = kubeconfig.client_entry(site.name, f"{user}_{site.name}", server, site.pki / "ca.crt", pair)
        kubeconfig.write(site.kubeconfig(name), entry)
    if site.egress_socket is not None:
        (site.home / "egress.yaml").write_text(json.dumps(commands.egress_configuration(site.egress_socket)))


def _write_account_keys(pki: Path) -> None:
    key = new_key()
    write_key(pki / "sa.key", key)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (pki / "sa.pub").write_bytes(public)


async def _is_ready(port: int, tls: ssl.SSLContext) -> bool:
    """Whether /readyz answers 200; a plain request, since a client library would only be in the way."""
    try:
        async with _connection(port, tls) as (reader, writer):
            writer.write(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            await writer.drain()
            status = await asyncio.wait_for(reader.readline(), 5)
    except OSError:
        return False
    return status.split()[1:2] == [b"200"]


@contextlib.asynccontextmanager
async def _connection(
    port: int, tls: ssl.SSLContext
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
