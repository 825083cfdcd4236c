"""What a controller knows of its cluster: objects as the API server's watches deliver them, so that looking costs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from hybridspan_lab.apigee.resources import location
from hybridspan_lab.kubeapi import KubeApi, WatchEvent

Document = dict[str, Any]


class Writer(Protocol):
    """The writing part of KubeApi that reconciling needs."""

    async def apply(
        self, api: str, resource: str, document: Document, namespace: str | None = None, *, field_manager: str
    ) -> Document: ...

    async def patch(
        self, api: str, resource: str, name: str, patch: Any, namespace: str | None = None
    ) -> Document: ...

    async def update_status(
        self, api: str, resource: str, name: str, status: Document, namespace: str | None = None
    ) -> Document: ...

    async def delete(self, api: str, resource: str, name: str, namespace: str | None = None) -> None: ...

    async def find(
        self, api: str, resource: str, name: str, namespace: str | None = None
    ) -> Document | None: ...


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of object that is watched, all of them or those with a label."""

    api: str
    plural: str
    labels: str = ""


@dataclass(slots=True)
class Cluster:
    """The last known objects by plural, namespace and name; `changed` is set at every change."""

    api: Writer
    field_manager: str
    known: dict[str, dict[tuple[str, str], Document]] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def find(self, plural: str, name: str, namespace: str) -> Document | None:
        return self.known.get(plural, {}).get((namespace, name))

    def all(self, plural: str, namespace: str | None = None) -> list[Document]:
        return list(self._of(plural, namespace))

    def _of(self, plural: str, namespace: str | None) -> Iterator[Document]:
        for (space, _), document in self.known.get(plural, {}).items():
            if namespace in (None, space):
                yield document

    async def apply(self, document: Document) -> None:
        """Server-side apply; what comes back is known at once."""
        api, plural = location(document)
        namespace = document["metadata"].get("namespace")
        after = await self.api.apply(api, plural, document, namespace, field_manager=self.field_manager)
        self.take(plural, WatchEvent("MODIFIED", after))

    def take(self, plural: str, event: WatchEvent) -> None:
        """Takes in one change."""
        metadata = event.object["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        objects = self.known.setdefault(plural, {})
        if event.kind == "DELETED":
            objects.pop(key, None)
        else:
            objects[key] = event.object


async def follow(
    cluster: Cluster, api: KubeApi, source: Source, synced: asyncio.Event, namespace: str | None = None
) -> None:
    """Keeps the cluster's objects of one source up to date, until cancelled; sets `synced` when all of them are known."""
    async for event in api.watch(
        source.api, source.plural, namespace, label_selector=source.labels, on_synced=synced.set
    ):
        cluster.take(source.plural, event)
        cluster.changed.set()
