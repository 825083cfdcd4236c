"""Tells the API server each new status of a pod, until the pod is gone there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from hybridspan_lab.kubeapi import ApiError, Document, KubeApi

LOG: Final = logging.getLogger(__name__)
LONGEST_PAUSE: Final = 5.0


class StatusPublisher:
    """Sends what `status` gives when it is `touch`ed; several changes at once go as one."""

    def __init__(self, api: KubeApi, metadata: Mapping[str, Any], status: Callable[[], Document]) -> None:
        self._api = api
        self._metadata = metadata
        self._status = status
        self._dirty = asyncio.Event()
        self._published: Document | None = None

    def touch(self) -> None:
        """Marks the status as changed."""
        self._dirty.set()

    async def run(self) -> None:
        """Publishes each change; ends once the API has no such pod, and tries again after every other refusal."""
        pause = 0.1
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            try:
                await self.publish()
                pause = 0.1
            except ApiError as error:
                if error.is_missing:
                    return
                LOG.info("status of pod %s: %s", self._metadata["name"], error)
                self._dirty.set()
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def publish(self) -> None:
        """Sends the status of now, unless the API has it; raises ApiError where it is refused."""
        status = self._status()
        if status == self._published:
            return
        metadata = self._metadata
        body = {"metadata": {"uid": metadata["uid"]}, "status": status}
        await self._api.patch(
            "/api/v1", "pods", metadata["name"], body, metadata["namespace"], subresource="status"
        )
        self._published = status
