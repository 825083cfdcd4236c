"""Objects of one kind, kept current by a watch, so that starting a pod asks the API server for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from hybridspan_lab.kubeapi import Document, KubeApi, WatchEvent


class ObjectCache:
    """All objects of a kind by namespace and name. `listeners` are called for every event, after the change."""

    def __init__(self, api: KubeApi, path: str, resource: str) -> None:
        self.objects: dict[tuple[str, str], Document] = {}
        self.listeners: list[Callable[[WatchEvent], None]] = []
        self.synced = asyncio.Event()
        self._api, self._path, self._resource = api, path, resource
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Watches for ever."""
        events = self._api.watch(self._path, self._resource, on_synced=self.synced.set)
        async for event in events:
            self._take(event)

    def get(self, namespace: str, name: str) -> Document | None:
        return self.objects.get((namespace, name))

    def named(self, name: str) -> Document | None:
        """The first object of that name in any namespace."""
        return next((found for (_, called), found in self.objects.items() if called == name), None)

    def of_namespace(self, namespace: str) -> Iterator[Document]:
        return (found for (space, _), found in self.objects.items() if space == namespace)

    @property
    def change(self) -> asyncio.Event:
        """Set at the next change of any object after this moment."""
        return self._changed

    def _take(self, event: WatchEvent) -> None:
        metadata: dict[str, Any] = event.object["metadata"]
        key = metadata.get("namespace", ""), metadata["name"]
        if event.kind == "DELETED":
            self.objects.pop(key, None)
        else:
            self.objects[key] = event.object
        self._changed.set()
        self._changed = asyncio.Event()
        for listener in self.listeners:
            listener(event)
