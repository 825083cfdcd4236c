"""A region's installation of Apigee hybrid, as its owner made it by hand: the same commands in the same order."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Literal

from hybridspan.errors import PermanentFailure
from hybridspan_lab.apigee import cert_manager_manifests, installation, names, readiness, resources
from hybridspan_lab.apigee.joining import Joining
from hybridspan_lab.apigee.objects import object_of
from hybridspan_lab.apigee.overrides import Overrides, OverridesError
from hybridspan_lab.kubeapi import KubeApi

Document = dict[str, Any]
SystemKeyspaces = Literal["installed", "simple"]
Say = Callable[[str], None]

FIELD_MANAGER: Final = "kubectl"
READY_SECONDS: Final = 600.0
POLL_SECONDS: Final = 0.5


def _silent(_: str) -> None:
    """Says nothing."""


async def install(
    kubeconfig: Path,
    overrides: Path,
    system_keyspaces: SystemKeyspaces = "installed",
    progress: Say = _silent,
    joining: Joining | None = None,
) -> None:
    """Installs into the current context of the kubeconfig and returns when everything runs.

    `system_keyspaces="simple"` leaves Cassandra's own defaults in place. Files that the overrides name must be there.
    With `joining` it is a further region, whose Cassandra comes before the rest and becomes part of a ring.
    Raises PermanentFailure HS-LAB-030 when a command refuses, HS-LAB-031 when it is not ready in ten minutes.
    """
    read = _read(overrides)
    async with KubeApi.from_kubeconfig(kubeconfig) as api:
        progress("cert-manager, namespace and Cassandra's passwords")
        for document in cert_manager_manifests.manifests():
            await readiness.patiently(resources.apply, api, document, FIELD_MANAGER)
        if joining:
            await joining.give(api)
        await _prepare(api, read, system_keyspaces)
        progress("apigeectl init")
        await _apigeectl(kubeconfig, overrides, "init")
        await _until_ready(lambda: _of_controller(api), read, progress)
        if joining:
            await joining.open()
            progress("apigeectl apply --datastore")
            await _apigeectl(kubeconfig, overrides, "apply", "--datastore")
            await _until_ready(lambda: _of_everything(api, read), read, progress)
            await joining.widen(api)
        progress("apigeectl apply")
        await _apigeectl(kubeconfig, overrides, "apply")
        await _until_ready(lambda: _of_everything(api, read), read, progress)


def _read(overrides: Path) -> Overrides:
    try:
        return Overrides.read(overrides)
    except OverridesError as error:
        raise PermanentFailure(
            "HS-LAB-030",
            "the region's overrides cannot be used",
            where=str(overrides),
            why=str(error),
            hint="correct that file (hybridspan validate names its lines), then: hybridspan lab down, and lab up",
        ) from error


async def _prepare(api: KubeApi, overrides: Overrides, system_keyspaces: SystemKeyspaces) -> None:
    """The namespaces, the secret that `cassandra.auth.secret` names, and what the lab asks of the controller."""
    namespace = object_of("v1", "Namespace", overrides.namespace, labels=names.PLATFORM_LABEL)
    await resources.apply(api, namespace, FIELD_MANAGER)
    name = overrides.at("cassandra.auth.secret")
    if name and await api.find("/api/v1", "secrets", name, overrides.namespace) is None:
        await resources.apply(
            api, installation.secret(name, overrides.namespace, installation.new_credentials()), FIELD_MANAGER
        )
    if system_keyspaces == "simple":
        options = object_of("v1", "ConfigMap", names.LAB_OPTIONS, names.LAB_NAMESPACE)
        await resources.apply(api, {**options, "data": {"system-keyspaces": "simple"}}, FIELD_MANAGER)


async def _apigeectl(kubeconfig: Path, overrides: Path, *command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hybridspan_lab.apigee.apigeectl", *command, "-f", str(overrides)),
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    if process.returncode:
        raise PermanentFailure(
            "HS-LAB-030",
            f"apigeectl {' '.join(command)} refused",
            where=str(overrides),
            why=errors.decode(errors="replace").strip(),
            hint="correct what it names in these overrides, then: hybridspan lab down, and lab up",
        )


async def _of_controller(api: KubeApi) -> list[str]:
    """Nothing can be applied before it answers, and on a busy machine that takes longer than apigeectl waits."""
    return [waiting] if (waiting := await readiness.controller(api)) else []


async def _of_everything(api: KubeApi, overrides: Overrides) -> list[str]:
    """What `check-ready` looks at."""
    return [line async for line in readiness.unready(api, overrides)]


async def _until_ready(look: Callable[[], Awaitable[list[str]]], overrides: Overrides, progress: Say) -> None:
    """Looks until nothing waits, and says what everything else waits for when that changes."""
    said = ""
    deadline = asyncio.get_running_loop().time() + READY_SECONDS
    while waiting := await look():
        # The first in this order is what the others need: controller, datastore, organization, environments.
        if waiting[0] != said:
            progress(said := waiting[0])
        if asyncio.get_running_loop().time() > deadline:
            raise PermanentFailure(
                "HS-LAB-031",
                f"the region is not ready after {READY_SECONDS:.0f} s",
                where=str(overrides.at("k8sCluster.name", "")),
                why="; ".join(waiting),
                hint="look at the pods: kubectl get pods -A, kubectl logs",
            )
        await asyncio.sleep(POLL_SECONDS)
