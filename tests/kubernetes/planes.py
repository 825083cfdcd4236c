"""Real control planes without machines, for tests of objects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from hybridspan.kubernetes.cluster import KubernetesCluster
from hybridspan_lab.controlplane import ControlPlane
from hybridspan_lab.parts import ensure


@asynccontextmanager
async def clusters(home: Path, *names: str) -> AsyncIterator[list[KubernetesCluster]]:
    """Running clusters of those names, connected to."""
    parts = await asyncio.to_thread(ensure)
    async with AsyncExitStack() as stack:
        found = []
        for number, name in enumerate(names):
            plane = await ControlPlane.start(home / name, name, f"10.{number + 1}.0.0/16", parts, None)
            stack.push_async_callback(plane.stop)
            cluster = await KubernetesCluster.connect(plane.kubeconfig, None, name, lambda _k, _d: None)
            stack.push_async_callback(cluster.close)
            found.append(cluster)
        yield found
