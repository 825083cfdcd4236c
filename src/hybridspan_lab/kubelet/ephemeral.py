"""Ephemeral containers: what `kubectl debug` puts into a pod that runs. Each runs once and is no part of the pod's health.

They see the pod's network and volumes, but only their own processes, also with `--target`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hybridspan_lab.kubelet import supervision
from hybridspan_lab.kubelet.container import Container
from hybridspan_lab.kubelet.supervision import Scene

GRACE: Final = 1.0


class Ephemerals:
    """Those of one pod; they can be added, never changed or taken away."""

    def __init__(self, scene: Scene, logs: Path, on_change: Callable[[], None]) -> None:
        self.containers: list[Container] = []
        self._scene = scene
        self._logs = logs
        self._on_change = on_change
        self._lives: list[asyncio.Task[None]] = []

    def follow(self) -> None:
        """Starts those that the pod's newest version has more; nothing before the pod has a network."""
        known = {container.name for container in self.containers}
        for spec in self._scene.document["spec"].get("ephemeralContainers") or []:
            if spec["name"] not in known and self._scene.network is not None:
                made = Container(spec, self._logs / spec["name"], self._on_change)
                self.containers.append(made)
                life = supervision.keep_running(made, self._scene, "Never", self._on_change)
                self._lives.append(asyncio.create_task(life))

    async def end(self) -> None:
        """Stops them all."""
        await asyncio.gather(*(container.stop(GRACE) for container in self.containers))
        await supervision.cancelled(*self._lives)
