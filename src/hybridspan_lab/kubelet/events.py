"""What `kubectl describe` tells about a pod: an event for each thing worth knowing, repeated ones counted."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Final, Literal

from hybridspan_lab.kubeapi import ApiError, Document, KubeApi
from hybridspan_lab.kubelet.container import timestamp

Kind = Literal["Normal", "Warning"]
COMPONENT: Final = "kubelet"


class PodEvents:
    """Records one pod's events in their order, in the background: one that cannot be recorded holds nothing up."""

    def __init__(self, api: KubeApi, pod: Document) -> None:
        self._api = api
        self._metadata = pod["metadata"]
        self._node = pod["spec"].get("nodeName", "")
        self._said: dict[tuple[str, str], tuple[str, int]] = {}
        self._last: asyncio.Task[None] | None = None

    def say(self, kind: Kind, reason: str, message: str, container: str = "") -> None:
        self._last = asyncio.create_task(self._record(self._last, kind, reason, message, container))

    async def _record(
        self, before: asyncio.Task[None] | None, kind: Kind, reason: str, message: str, container: str
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        namespace = self._metadata["namespace"]
        name, count = self._said.get((reason, message), ("", 0))
        with contextlib.suppress(ApiError):
            if name:
                change = {"count": count + 1, "lastTimestamp": timestamp()}
                await self._api.patch("/api/v1", "events", name, change, namespace)
            else:
                # As real ones: events that are listed by name stand in the order in which they came about.
                name = f"{self._metadata['name']}.{time.time_ns():x}"
                event = self._event(name, kind, reason, message, container)
                await self._api.create("/api/v1", "events", event, namespace)
            self._said[(reason, message)] = name, count + 1

    def _event(self, name: str, kind: Kind, reason: str, message: str, container: str) -> Document:
        about = {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": self._metadata["namespace"],
            "name": self._metadata["name"],
            "uid": self._metadata["uid"],
        }
        if container:
            about["fieldPath"] = f"spec.containers{{{container}}}"
        now = timestamp()
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": self._metadata["namespace"]},
            "involvedObject": about,
            "type": kind,
            "reason": reason,
            "message": message,
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": COMPONENT, "host": self._node},
            "reportingComponent": COMPONENT,
            "reportingInstance": self._node,
        }
