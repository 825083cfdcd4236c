"""A further region of the existing estate: what it gets from those before it, as its owner did it long ago.

There is no seed in its overrides, as there is none in an installation that was expanded some time ago: the lab tells the new
nodes by a file of its own whom to call first.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from hybridspan.errors import PermanentFailure
from hybridspan.topology.model import Region
from hybridspan_lab.apigee import names, resources
from hybridspan_lab.apigee.objects import object_of
from hybridspan_lab.apigee.ring import PodRing, cause
from hybridspan_lab.arm.documents import write_atomically
from hybridspan_lab.kubeapi import ApiError, KubeApi
from hybridspan_lab.kubeapi.execution import Finished

FIELD_MANAGER: Final = "kubectl"
KEYSPACES: Final = "apigee-cassandra-keyspaces"
WAIT_SECONDS: Final = 600.0
_POLL_SECONDS: Final = 0.3
_SELECTOR: Final = f"app={names.CASSANDRA_CONTAINER}"

Document = dict[str, Any]
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class FurtherRegion:
    """How `region` becomes part of the ring of `first`."""

    first: Region
    region: Region
    organization: str
    source: KubeApi
    """The cluster of the first region."""
    shared: tuple[str, ...]
    """Names of the secrets that all regions have alike: Cassandra's users, with Helm whatever else the overrides name."""
    first_seeds: Path
    before: asyncio.Event
    """Set when the regions before this one run: all keyspaces are there."""
    say: Callable[[str], None]

    async def give(self, api: KubeApi) -> None:
        """Copies the authority and the secrets that all regions share."""
        await resources.apply(api, object_of("v1", "Namespace", self.region.namespace), FIELD_MANAGER)
        await self._copy(api, names.CA_SECRET, names.CERT_MANAGER_NAMESPACE, names.CERT_MANAGER_NAMESPACE)
        for name in self.shared:
            await self._copy(api, name, self.first.namespace, self.region.namespace)

    async def open(self) -> None:
        """Waits for a node of the first region and for Apigee's users in it, and writes the node's address down for the new ones.

        Before there are users, Cassandra's own keyspaces are on SimpleStrategy: a replica of the only user that there is would
        move to a new node, which does not have it, and nobody could log in any more.
        """
        await self._until("Apigee's users in the first region's Cassandra", self._users)
        address = await self._until("the first region's Cassandra", self._first_node)
        seeds = json.loads(self.first_seeds.read_text()) if self.first_seeds.exists() else {}
        # Kubelets of other regions may be reading it.
        write_atomically(self.first_seeds, json.dumps({**seeds, self.region.cluster.name: address}))

    async def widen(self, api: KubeApi) -> None:
        """Adds the data center to every keyspace, and has each new node copy what there is to copy."""
        await self.before.wait()
        self.say(f"keyspaces in {self.region.datacenter} as well")
        pod = f"{names.CASSANDRA}-0"
        widened = await PodRing(self.source).program(
            *(self.first.namespace, pod, KEYSPACES, "widen", "--datacenter", self.region.datacenter)
        )
        self._check(widened, KEYSPACES)
        await asyncio.gather(*(self._rebuild(PodRing(api), number) for number in self._ordinals))

    @property
    def _ordinals(self) -> range:
        return range(self.region.cassandra_nodes)

    async def _rebuild(self, ring: PodRing, ordinal: int) -> None:
        pod = f"{names.CASSANDRA}-{ordinal}"
        ended = await ring.nodetool(self.region.namespace, pod, "rebuild", "--", self.first.datacenter)
        self._check(ended, f"nodetool rebuild on {pod}")

    def _check(self, ended: Finished, what: str) -> None:
        if ended.code:
            raise PermanentFailure(
                "HS-LAB-030", f"{what} refused", where=self.region.name, why=cause(ended), hint=_LOOK
            )

    async def _copy(self, api: KubeApi, name: str, origin: str, target: str) -> None:
        found = await self._until(f"secret {origin}/{name}", lambda: self._secret(name, origin))
        copy = {**object_of("v1", "Secret", name, target), "type": found["type"], "data": found["data"]}
        await resources.apply(api, copy, FIELD_MANAGER)

    async def _secret(self, name: str, namespace: str) -> Document | None:
        return await self.source.find("/api/v1", "secrets", name, namespace)

    async def _users(self) -> Document | None:
        """The job that makes them, once it has succeeded."""
        name = f"apigee-cassandra-user-setup-{names.organization_name(self.organization)}"
        job = await self.source.find("/apis/batch/v1", "jobs", name, self.first.namespace)
        return job if job and (job.get("status") or {}).get("succeeded") else None

    async def _first_node(self) -> str | None:
        """Address of a ready node of the first region."""
        pods = await self.source.list("/api/v1", "pods", self.first.namespace, label_selector=_SELECTOR)
        return next((str(pod["status"]["podIP"]) for pod in pods if _is_ready(pod)), None)

    async def _until(self, what: str, look: Callable[[], Awaitable[Found | None]]) -> Found:
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        while True:
            try:
                if (found := await look()) is not None:
                    return found
            except ApiError as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise self._late(what, str(error)) from error
            if asyncio.get_running_loop().time() > deadline:
                raise self._late(what, "it does not come")
            await asyncio.sleep(_POLL_SECONDS)

    def _late(self, what: str, why: str) -> PermanentFailure:
        said = f"{what} is not there after {WAIT_SECONDS:.0f} s"
        return PermanentFailure("HS-LAB-031", said, where=self.region.name, why=why, hint=_LOOK)


_LOOK: Final = "look at the pods: kubectl get pods -A, kubectl logs"


def _is_ready(pod: Document) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
