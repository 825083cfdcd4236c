"""Probes of containers: commands, connections and requests, all from inside the pod."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from hybridspan_lab.kubeapi import Document
from hybridspan_lab.kubelet.container import Container
from hybridspan_lab.kubelet.netsockets import connect
from hybridspan_lab.kubelet.podnetwork import PodNetwork
from hybridspan_lab.sandbox.process import StartFailed, start

Probe = Callable[[], Awaitable[bool]]


async def watch_over(
    container: Container,
    network: PodNetwork,
    *,
    on_change: Callable[[], None],
    on_dead: Callable[[str], Awaitable[None]],
) -> None:
    """Runs a container's probes until cancelled: first the startup probe, then liveness and readiness together."""
    spec = container.spec
    startup = spec.get("startupProbe")
    if startup and not await settle(startup, prober(startup, container, network), wanted=True):
        await on_dead("startup probe failed")
        return
    container.is_started = True
    container.started.set()
    if readiness := spec.get("readinessProbe"):
        on_change()
    else:
        container.is_ready = True
        on_change()
    async with asyncio.TaskGroup() as tasks:
        if readiness:
            tasks.create_task(keep_ready(readiness, container, network, on_change))
        if liveness := spec.get("livenessProbe"):
            tasks.create_task(stay_alive(liveness, container, network, on_dead))


async def keep_ready(
    probe: Document, container: Container, network: PodNetwork, on_change: Callable[[], None]
) -> None:
    check = prober(probe, container, network)
    while True:
        await settle(probe, check, wanted=not container.is_ready, patient=True)
        container.is_ready = not container.is_ready
        on_change()


async def stay_alive(
    probe: Document, container: Container, network: PodNetwork, on_dead: Callable[[str], Awaitable[None]]
) -> None:
    await settle(probe, prober(probe, container, network), wanted=False, patient=True)
    await on_dead("liveness probe failed")


async def settle(probe: Document, check: Probe, *, wanted: bool, patient: bool = False) -> bool:
    """Probes until `wanted` came as often in a row as its threshold says (True), or the opposite did (False).

    A patient one waits for what is wanted and nothing else.
    """
    needed = {True: probe.get("successThreshold", 1), False: probe.get("failureThreshold", 3)}
    row = {True: 0, False: 0}
    await asyncio.sleep(probe.get("initialDelaySeconds", 0))
    while True:
        outcome = await once(check, probe.get("timeoutSeconds", 1))
        row[outcome], row[not outcome] = row[outcome] + 1, 0
        if row[wanted] >= needed[wanted]:
            return True
        if not patient and row[not wanted] >= needed[not wanted]:
            return False
        await asyncio.sleep(probe.get("periodSeconds", 10))


async def once(check: Probe, timeout: float) -> bool:
    try:
        async with asyncio.timeout(timeout):
            return await check()
    except (TimeoutError, OSError, StartFailed, ValueError, IndexError):
        return False


def prober(probe: Document, container: Container, network: PodNetwork) -> Probe:
    if "exec" in probe:
        return lambda: run_command(probe["exec"]["command"], container)
    if "httpGet" in probe:
        return lambda: request(probe["httpGet"], container, network)
    action = probe.get("tcpSocket") or probe.get("grpc") or {}
    return lambda: reach(action, container, network)


async def run_command(command: list[str], container: Container) -> bool:
    process, launch = container.process, container.launch
    if process is None or launch is None:
        return False
    probing = await start(launch.inside(process.pid), launch.words(command), launch.env, cwd=launch.cwd)
    try:
        return await probing.wait() == 0
    finally:
        probing.kill()


async def reach(action: dict[str, Any], container: Container, network: PodNetwork) -> bool:
    _, writer = await connect(
        network.namespace, action.get("host") or network.address, port_of(action, container)
    )
    writer.close()
    return True


async def request(action: dict[str, Any], container: Container, network: PodNetwork) -> bool:
    """A GET that any status from 200 to 399 satisfies; certificates are not verified, as by a real kubelet."""
    host, port = action.get("host") or network.address, port_of(action, container)
    tls = ssl._create_unverified_context() if action.get("scheme", "HTTP").upper() == "HTTPS" else None  # noqa: S323, SLF001
    reader, writer = await connect(network.namespace, host, port, tls=tls)
    try:
        headers = "".join(f"{h['name']}: {h['value']}\r\n" for h in action.get("httpHeaders") or [])
        path = action.get("path") or "/"
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: kube-probe/1.37\r\n"
            f"{headers}Connection: close\r\n\r\n".encode()
        )
        status = int((await reader.readline()).split()[1])
    finally:
        writer.close()
    return 200 <= status < 400


def port_of(action: dict[str, Any], container: Container) -> int:
    port = action["port"]
    if isinstance(port, int):
        return port
    for declared in container.spec.get("ports") or []:
        if declared.get("name") == port:
            return int(declared["containerPort"])
    return int(port)
