"""Probes of containers: commands, connections and requests, all from inside the pod."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final

from hybridspan_lab.kubeapi import Document
from hybridspan_lab.kubelet.container import Container
from hybridspan_lab.kubelet.netsockets import connect
from hybridspan_lab.kubelet.podnetwork import PodNetwork
from hybridspan_lab.sandbox.process import StartFailed, start

Probe = Callable[[], Awaitable[str]]
"""What is wrong; nothing when all is well."""
Tell = Callable[[str], None]
LONGEST_OUTPUT: Final = 1024


async def watch_over(
    container: Container,
    network: PodNetwork,
    *,
    on_change: Callable[[], None],
    on_failure: Tell,
    on_dead: Callable[[str], Awaitable[None]],
) -> None:
    """Runs a container's probes until cancelled: first the startup probe, then liveness and readiness together.

    `on_failure` is told each failure in a sentence, `on_dead` which probe has given the container up.
    """
    spec = container.spec

    def prepared(kind: str) -> tuple[Document, Probe]:
        probe = spec[f"{kind}Probe"]
        return probe, told(
            prober(probe, container, network), kind, probe.get("timeoutSeconds", 1), on_failure
        )

    if spec.get("startupProbe") and not await settle(*prepared("startup"), wanted=True):
        await on_dead("startup")
        return
    container.is_started = True
    container.started.set()
    container.is_ready = not spec.get("readinessProbe")
    on_change()
    async with asyncio.TaskGroup() as tasks:
        if spec.get("readinessProbe"):
            tasks.create_task(keep_ready(*prepared("readiness"), container, on_change))
        if spec.get("livenessProbe"):
            tasks.create_task(stay_alive(*prepared("liveness"), on_dead))


async def keep_ready(
    probe: Document, check: Probe, container: Container, on_change: Callable[[], None]
) -> None:
    while True:
        await settle(probe, check, wanted=not container.is_ready, patient=True)
        container.is_ready = not container.is_ready
        on_change()


async def stay_alive(probe: Document, check: Probe, on_dead: Callable[[str], Awaitable[None]]) -> None:
    await settle(probe, check, wanted=False, patient=True)
    await on_dead("liveness")


async def settle(probe: Document, check: Probe, *, wanted: bool, patient: bool = False) -> bool:
    """Probes until `wanted` came as often in a row as its threshold says (True), or the opposite did (False).

    A patient one waits for what is wanted and nothing else.
    """
    needed = {True: probe.get("successThreshold", 1), False: probe.get("failureThreshold", 3)}
    row = {True: 0, False: 0}
    await asyncio.sleep(probe.get("initialDelaySeconds", 0))
    while True:
        outcome = not await check()
        row[outcome], row[not outcome] = row[outcome] + 1, 0
        if row[wanted] >= needed[wanted]:
            return True
        if not patient and row[not wanted] >= needed[not wanted]:
            return False
        await asyncio.sleep(probe.get("periodSeconds", 10))


def told(check: Probe, kind: str, timeout: float, on_failure: Tell) -> Probe:
    """The check within its time, its failures handed on as `kubectl describe` shows them."""

    async def once() -> str:
        if problem := await within(check, timeout):
            on_failure(f"{kind.capitalize()} probe failed: {problem}")
        return problem

    return once


async def within(check: Probe, timeout: float) -> str:
    try:
        async with asyncio.timeout(timeout):
            return await check()
    except TimeoutError:
        return f"timed out after {timeout:g}s"
    except (OSError, StartFailed, ValueError, IndexError) as error:
        return str(error) or type(error).__name__


def prober(probe: Document, container: Container, network: PodNetwork) -> Probe:
    if "exec" in probe:
        return lambda: run_command(probe["exec"]["command"], container)
    if "httpGet" in probe:
        return lambda: request(probe["httpGet"], container, network)
    action = probe.get("tcpSocket") or probe.get("grpc") or {}
    return lambda: reach(action, container, network)


async def run_command(command: list[str], container: Container) -> str:
    process, launch = container.process, container.launch
    if process is None or launch is None:
        return "the container is not running"
    pipe = asyncio.subprocess.PIPE
    probing = await start(
        launch.inside(process.pid), launch.words(command), launch.env, cwd=launch.cwd,
        stdout=pipe, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await probing.launcher.communicate()
        code = await probing.wait()
    finally:
        probing.kill()
    words = output[:LONGEST_OUTPUT].decode(errors="replace").strip()
    return (words or f"exit code {code}") if code else ""


async def reach(action: dict[str, Any], container: Container, network: PodNetwork) -> str:
    _, writer = await dial(network, action.get("host") or network.address, port_of(action, container))
    writer.close()
    return ""


async def dial(
    network: PodNetwork, host: str, port: int, tls: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection, or an OSError in the real kubelet's words."""
    try:
        return await connect(network.namespace, host, port, tls=tls)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise OSError(f"dial tcp {host}:{port}: connect: {reason}") from error


async def request(action: dict[str, Any], container: Container, network: PodNetwork) -> str:
    """A GET that any status from 200 to 399 satisfies; certificates are not verified, as by a real kubelet."""
    host, port = action.get("host") or network.address, port_of(action, container)
    tls = ssl._create_unverified_context() if action.get("scheme", "HTTP").upper() == "HTTPS" else None  # noqa: S323, SLF001
    reader, writer = await dial(network, host, port, tls)
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
    return "" if 200 <= status < 400 else f"HTTP probe failed with statuscode: {status}"


def port_of(action: dict[str, Any], container: Container) -> int:
    port = action["port"]
    if isinstance(port, int):
        return port
    for declared in container.spec.get("ports") or []:
        if declared.get("name") == port:
            return int(declared["containerPort"])
    return int(port)
