"""What `check-ready` looks at, and patience with a cluster that is still starting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from hybridspan_lab.apigee import components, names
from hybridspan_lab.apigee.crds import APIGEE_GROUP
from hybridspan_lab.apigee.overrides import Overrides
from hybridspan_lab.apigee.resources import location
from hybridspan_lab.kubeapi import ApiError, KubeApi

Document = dict[str, Any]

PATIENCE_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 0.3


async def check(api: KubeApi, overrides: Overrides) -> int:
    """Prints what is not ready; 0 when everything is that has been applied."""
    waiting = [line async for line in unready(api, overrides)]
    for line in waiting:
        print(line)
    print("All containers are ready." if not waiting else "Some containers are not ready.")
    return 1 if waiting else 0


async def controller(api: KubeApi) -> str:
    """What Apigee's controller, and with it every webhook, waits for; empty where it is ready."""
    found = await api.find("/apis/apps/v1", "deployments", names.CONTROLLER, names.SYSTEM_NAMESPACE)
    if found is None:
        return f"deployment {names.SYSTEM_NAMESPACE}/{names.CONTROLLER} not found"
    if not (found.get("status") or {}).get("readyReplicas"):
        return f"deployment {names.SYSTEM_NAMESPACE}/{names.CONTROLLER} is not ready"
    return ""


async def unready(api: KubeApi, overrides: Overrides) -> AsyncIterator[str]:
    """A sentence for each thing that has been applied and does not run."""
    if waiting := await controller(api):
        yield waiting
    for document in _expected(overrides):
        path, plural = location(document)
        name, kind = document["metadata"]["name"], document["kind"]
        found = await api.find(path, plural, name, overrides.namespace)
        status = (found or {}).get("status") or {}
        if found is not None and not is_running(found):
            nested = f" ({status['nestedState']})" if status.get("nestedState") else ""
            yield f"{kind} {overrides.namespace}/{name} is in state {status.get('state', 'creating')}{nested}"


def is_running(resource: Document) -> bool:
    """Whether the controller has seen the newest form of a resource, and everything of it runs."""
    status = resource.get("status") or {}
    seen = int(status.get("lastAppliedGeneration") or 0) >= resource["metadata"]["generation"]
    return bool(status.get("state") == "running" and seen)


def _expected(overrides: Overrides) -> list[Document]:
    """The custom resources of a whole installation; those not applied yet are not waited for."""
    documents = [
        *components.datastore(overrides),
        *components.redis(overrides),
        *components.telemetry(overrides),
        *components.organization(overrides),
        *(d for e in overrides.environments for d in components.environment(overrides, e["name"])),
    ]
    return [d for d in documents if d["apiVersion"].startswith(APIGEE_GROUP)]


async def patiently(act: Callable[..., Awaitable[str]], *arguments: Any) -> str:
    """Repeats what fails because a definition, a webhook or an endpoint is not served yet; up to a minute."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        try:
            return await act(*arguments)
        except ApiError as error:
            if not is_starting(error) or asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(PAUSE_SECONDS)


def is_starting(error: ApiError) -> bool:
    """Whether the refusal is that of a cluster that has just been given its definitions."""
    if error.status in (404, 0, 503, 429):
        return True
    return error.status == 500 and "failed calling webhook" in error.message
