"""Takes a data center out of the ring when its datastore is deleted: keyspaces first, then node after node.

Only where the resource asks for it (`spec.components.removeDc`, which the Helm charts set) and not with `spec.forceDelete`: that
deletes pods and volumes at once, and the other regions keep the nodes as down ones until somebody removes them by hand.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from hybridspan_lab.apigee import names
from hybridspan_lab.apigee.ring import Ring, cause, datacenters
from hybridspan_lab.apigee.watching import Cluster, Document

KEYSPACES: Final = "apigee-cassandra-keyspaces"
NOBODY_LOGS_IN: Final = "Cannot achieve consistency level LOCAL_ONE"
RETRY_SECONDS: Final = 2.0
GONE: Final = ("not a member of the token ring", "Node in DECOMMISSIONED state")


def wants_removal(datastore: Document) -> bool:
    """Whether the ring has to be told before the nodes go."""
    spec = datastore["spec"]
    return bool("removeDc" in spec["components"] and not spec.get("forceDelete"))


class Removal:
    """The data center of one datastore, on its way out; `problem` says what stopped it."""

    def __init__(self, cluster: Cluster, ring: Ring, datastore: Document) -> None:
        self._cluster = cluster
        self._ring = ring
        self._datastore = datastore
        self._namespace = str(datastore["metadata"]["namespace"])
        self.problem = ""
        self.is_done = False

    async def run(self) -> None:
        """Every step looks first, so that one that was interrupted is carried on."""
        self.problem = await self._keyspaces()
        for pod in [] if self.problem or self.is_done else self._pods():
            done = await self._ring.nodetool(self._namespace, pod, "decommission", "--force")
            reason = cause(done) if done.code else ""
            if reason and not any(words in reason for words in GONE):
                self.problem = f"{pod}: {reason}"
                break
        self.is_done = not self.problem
        if self.problem:
            await asyncio.sleep(RETRY_SECONDS)

    async def _keyspaces(self) -> str:
        first = self._pods()[0]
        status = await self._ring.nodetool(self._namespace, first, "status")
        if status.code:
            return cause(status)
        if len(datacenters(status.stdout)) < 2:
            # The last one of all takes the ring with it.
            self.is_done = True
            return ""
        done = await self._ring.program(self._namespace, first, KEYSPACES, "remove")
        reason = cause(done) if done.code else ""
        # Somebody was here before: system_auth, the last one, does not name this data center any more.
        return "" if NOBODY_LOGS_IN in reason else reason

    def _pods(self) -> list[str]:
        replicas: Any = self._datastore["spec"]["components"]["cassandra"]["replicas"]
        return [f"{names.CASSANDRA}-{ordinal}" for ordinal in range(int(replicas))]
