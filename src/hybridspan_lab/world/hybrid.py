"""Installs Apigee hybrid into a cluster as a person does: cert-manager, the passwords, `apigeectl init`, `apply`, `check-ready`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from hybridspan.errors import PermanentFailure
from hybridspan_lab.apigee import cert_manager_manifests, installation, names, readiness, resources
from hybridspan_lab.apigee.objects import object_of
from hybridspan_lab.kubeapi import KubeApi

FIELD_MANAGER: Final = "kubectl"
READY_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 0.4
Say = Callable[[str], None]


async def install(kubeconfig: Path, overrides: Path, system_keyspaces: str, say: Say) -> None:
    """Installs everything that the overrides file declares and returns when it is ready.

    `kubeconfig` has the cluster as its current context. Raises PermanentFailure HS-LAB-030.
    """
    async with KubeApi.from_kubeconfig(kubeconfig) as api:
        await _prepare(api, overrides, system_keyspaces)
        await _until_deployed(api, cert_manager_manifests.NAMESPACE)
        say("cert-manager")
        await _apigeectl(kubeconfig, overrides, "init")
        await _until_deployed(api, names.SYSTEM_NAMESPACE)
        say("apigeectl init")
    await _apigeectl(kubeconfig, overrides, "apply")
    await _until_ready(kubeconfig, overrides)
    say("apigeectl apply: everything is ready")


async def _prepare(api: KubeApi, overrides: Path, system_keyspaces: str) -> None:
    for document in [*cert_manager_manifests.manifests(), *_own_objects(overrides, system_keyspaces)]:
        await readiness.patiently(resources.apply, api, document, FIELD_MANAGER)


def _own_objects(overrides: Path, system_keyspaces: str) -> list[dict[str, Any]]:
    """What a person makes before `apigeectl init`: the namespace and the secret with Cassandra's passwords."""
    declared = YAML(typ="safe").load(overrides.read_text())
    namespace = str(declared.get("namespace", "apigee"))
    documents = [
        object_of("v1", "Namespace", names.SYSTEM_NAMESPACE, labels={"control-plane": "controller-manager"}),
        object_of("v1", "Namespace", namespace, labels=names.PLATFORM_LABEL),
        {
            **object_of("v1", "ConfigMap", names.LAB_OPTIONS, names.SYSTEM_NAMESPACE),
            "data": {"system-keyspaces": system_keyspaces},
        },
    ]
    if name := ((declared.get("cassandra") or {}).get("auth") or {}).get("secret"):
        documents.append(installation.secret(name, namespace, _passwords()))
    return documents


def _passwords() -> dict[str, str]:
    """The documented users, each with a password of this lab's own."""
    return {
        key: secrets.token_urlsafe(18) if key.endswith(".password") else value
        for key, value in installation.CREDENTIAL_DEFAULTS.items()
    }


async def _apigeectl(kubeconfig: Path, overrides: Path, command: str) -> str:
    code, said = await _run_apigeectl(kubeconfig, overrides, command)
    if code != 0:
        raise _failed(command, said)
    return said


async def _run_apigeectl(kubeconfig: Path, overrides: Path, command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hybridspan_lab.apigee.apigeectl", command, "-f", str(overrides)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        cwd=overrides.parent,
    )
    async with _ended_with_us(process):
        output, _ = await process.communicate()
    return process.returncode or 0, output.decode(errors="replace")


@contextlib.asynccontextmanager
async def _ended_with_us(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()


async def _until_deployed(api: KubeApi, namespace: str) -> None:
    async with asyncio.timeout(READY_SECONDS):
        while not await _is_deployed(api, namespace):  # noqa: ASYNC110 - kubectl wait does the same
            await asyncio.sleep(_POLL_SECONDS)


async def _is_deployed(api: KubeApi, namespace: str) -> bool:
    found = await api.list("/apis/apps/v1", "deployments", namespace)
    return bool(found) and all((d.get("status") or {}).get("readyReplicas") for d in found)


async def _until_ready(kubeconfig: Path, overrides: Path) -> None:
    said = ""
    try:
        async with asyncio.timeout(READY_SECONDS):
            while True:
                code, said = await _run_apigeectl(kubeconfig, overrides, "check-ready")
                if code == 0:
                    return
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError as error:
        raise _failed("check-ready", said) from error


def _failed(command: str, said: str) -> PermanentFailure:
    return PermanentFailure(
        "HS-LAB-030",
        f"the existing installation could not be made: apigeectl {command} failed",
        why=said.strip()[-2000:],
        hint="look at the pods: kubectl get pods -A, with what `hybridspan lab env` prints",
    )
