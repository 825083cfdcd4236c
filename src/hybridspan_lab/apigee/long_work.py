"""Work of the operator that takes longer than a pass: one task for each subject, looked after until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from hybridspan_lab.apigee.ring import Ring
from hybridspan_lab.apigee.watching import Cluster
from hybridspan_lab.kubeapi import ApiError

RETRY_SECONDS: Final = 1.0


@dataclass(slots=True)
class LongWork:
    """The running tasks by subject, such as `apigee/replication`."""

    ring: Ring
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    subjects: dict[str, Any] = field(default_factory=dict)
    """What a pass keeps of a subject for the next one."""

    def is_running(self, subject: str) -> bool:
        return subject in self.tasks and not self.tasks[subject].done()

    def start(self, subject: str, cluster: Cluster, act: Callable[[], Awaitable[None]]) -> None:
        """Starts it; its end makes another pass happen, a refusal of the API server is printed and tried again by that."""
        self.tasks[subject] = asyncio.create_task(self._run(subject, cluster, act))

    async def _run(self, subject: str, cluster: Cluster, act: Callable[[], Awaitable[None]]) -> None:
        try:
            await act()
        except ApiError as error:
            print(f"ERROR controller {subject}: {error}", flush=True)
            await asyncio.sleep(RETRY_SECONDS)
        finally:
            cluster.changed.set()
