"""Reconciles CassandraDataReplication: widens the organization's keyspaces, then rebuilds node after node.

As far as the real operator is described: it needs the organization's resource; the source is a *data center*; how far each
node is stands on the datastore (`status.cassandraDataReplication.rebuildDetails`), not on the resource itself; a node that has
been rebuilt is not rebuilt again unless `force` is set. It believes what `nodetool rebuild` answers and compares nothing. Whether
`force` also makes a node forget which ranges it has received is not documented; here it does not, and Cassandra then skips
those. An operator that was told to lie (the lab's option `replication`) reports `complete` without a rebuild.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hybridspan_lab.apigee import names, options
from hybridspan_lab.apigee.crds import DATASTORE, ORGANIZATION, REPLICATION
from hybridspan_lab.apigee.long_work import LongWork
from hybridspan_lab.apigee.ring import Ring, cause
from hybridspan_lab.apigee.watching import Cluster, Document

RUNNING, COMPLETE, ERROR = "running", "complete", "error"
STILL_REBUILDING: Final = "Node is still rebuilding"
POLL_SECONDS: Final = 2.0
KEYSPACES: Final = "apigee-cassandra-keyspaces"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about one resource, and the state and sentence that say so."""

    state: str
    message: str
    organization: str = ""
    """Whose keyspaces are copied; empty where nothing is to be done."""


async def reconcile(cluster: Cluster, work: LongWork, resource: Document) -> None:
    """One pass over one resource; the copying itself is long work."""
    metadata = resource["metadata"]
    subject = f"{metadata['namespace']}/{metadata['name']}/{metadata['generation']}"
    if metadata.get("deletionTimestamp") or work.is_running(subject) or is_over(resource):
        return
    decision = decide(cluster, resource)
    if not decision.organization:
        await report(cluster, resource, decision.state, decision.message)
        return
    await report(cluster, resource, decision.state, decision.message, metadata["generation"])
    copying = Copying(cluster, work.ring, resource, decision.organization)
    work.start(subject, cluster, copying.run)


def is_over(resource: Document) -> bool:
    """Whether this form of the resource has been carried out, well or not."""
    status = resource.get("status") or {}
    seen = status.get("lastAppliedGeneration") == resource["metadata"]["generation"]
    return bool(seen and status.get("state") in (COMPLETE, ERROR))


def decide(cluster: Cluster, resource: Document) -> Decision:
    """Whether the resource can be carried out now, and if not, why."""
    namespace, spec = resource["metadata"]["namespace"], resource.get("spec") or {}
    reference = spec.get("organizationRef") or ""
    organization = cluster.find(ORGANIZATION.plural, reference, namespace)
    datastore = cluster.find(DATASTORE.plural, spec.get("datastoreRef") or names.DATASTORE, namespace)
    if not reference:
        return Decision(ERROR, "spec.organizationRef is required")
    if not (spec.get("source") or {}).get("region"):
        return Decision(ERROR, "spec.source.region is required")
    if organization is None:
        return Decision(ERROR, f'ApigeeOrganization.apigee.cloud.google.com "{reference}" not found')
    if datastore is None:
        return Decision(ERROR, 'ApigeeDatastore.apigee.cloud.google.com "default" not found')
    for kind, document in (("ApigeeDatastore", datastore), ("ApigeeOrganization", organization)):
        state = (document.get("status") or {}).get("state")
        if state != "running":
            name = document["metadata"]["name"]
            return Decision(RUNNING, f"waiting for {kind} {name} to be running, it is {state or 'creating'}")
    return Decision(RUNNING, "", str(organization["spec"]["name"]))


async def report(
    cluster: Cluster, resource: Document, state: str, message: str, generation: int | None = None
) -> None:
    """Writes the resource's own status where it differs."""
    status: Document = {"state": state, "message": message}
    if generation is not None:
        status["lastAppliedGeneration"] = generation
    old = resource.get("status") or {}
    if any(old.get(name) != value for name, value in status.items()):
        metadata = resource["metadata"]
        await cluster.api.update_status(
            REPLICATION.api, REPLICATION.plural, metadata["name"], status, metadata["namespace"]
        )


class Copying:
    """One resource being carried out."""

    def __init__(self, cluster: Cluster, ring: Ring, resource: Document, organization: str) -> None:
        self._cluster = cluster
        self._ring = ring
        self._resource = resource
        self._organization = organization
        self._namespace = str(resource["metadata"]["namespace"])
        self._source = str(resource["spec"]["source"]["region"])

    async def run(self) -> None:
        """To the end, whatever it is; only a refusal of the API server itself is raised."""
        lies = (await options.read(self._cluster)).get("replication", "")
        problem = "" if lies == "lies-at-once" else await self._widen()
        if not problem:
            pods = [pod for pod in self._pods() if self._is_due(pod)]
            for pod in pods:
                if not self._is_wanted():
                    return
                await self._write({pod: detail(RUNNING, "")}, RUNNING)
                message = "" if lies else await self._rebuild(pod)
                await self._write({pod: detail(ERROR if message else COMPLETE, message)}, RUNNING)
                problem = problem or message
        if not self._is_wanted():
            return
        state = ERROR if problem else COMPLETE
        await self._write({}, state, problem)
        await report(self._cluster, self._resource, state, problem, self._resource["metadata"]["generation"])

    async def _widen(self) -> str:
        """The organization's keyspaces on this data center; empty, or why not."""
        replicas = self._datastore()["spec"]["components"]["cassandra"]["replicas"]
        done = await self._ring.program(
            *(self._namespace, self._pods()[0], KEYSPACES, "add"),
            *("--organization", self._organization, "--replicas", str(replicas)),
        )
        return f"failed to update the replication of the keyspaces: {cause(done)}" if done.code else ""

    async def _rebuild(self, pod: str) -> str:
        """One node's rebuild; empty, or the message that the real operator shows."""
        while True:
            done = await self._ring.nodetool(self._namespace, pod, "rebuild", "--", self._source)
            if done.code == 0:
                return ""
            reason = cause(done)
            if STILL_REBUILDING not in reason:
                return f"failed to rebuild from {self._source}: {reason}"
            # An operator that was restarted meanwhile finds its own rebuild going on.
            await asyncio.sleep(POLL_SECONDS)

    def _pods(self) -> list[str]:
        count = int(self._datastore()["spec"]["components"]["cassandra"]["replicas"])
        return [f"{names.CASSANDRA}-{ordinal}" for ordinal in range(count)]

    def _is_wanted(self) -> bool:
        """Whether the resource is still there: nobody is told any more how one ended that was deleted."""
        metadata = self._resource["metadata"]
        found = self._cluster.find(REPLICATION.plural, metadata["name"], self._namespace)
        return found is not None and found["metadata"].get("uid") == metadata.get("uid")

    def _is_due(self, pod: str) -> bool:
        found = details_of(self._datastore()).get(pod) or {}
        if found.get("state") != COMPLETE:
            return True
        return bool(self._resource["spec"].get("force"))

    def _datastore(self) -> Document:
        reference = self._resource["spec"].get("datastoreRef") or names.DATASTORE
        found = self._cluster.find(DATASTORE.plural, reference, self._namespace)
        if found is None:
            raise LookupError(f"datastore {reference} has been deleted")
        return found

    async def _write(self, changed: Mapping[str, Document], state: str, message: str = "") -> None:
        name = self._datastore()["metadata"]["name"]
        status: Document = {"state": state, "updated": now(), "message": message}
        if changed:
            status["rebuildDetails"] = dict(changed)
        whole = {"cassandraDataReplication": status}
        await self._cluster.api.update_status(DATASTORE.api, DATASTORE.plural, name, whole, self._namespace)


def details_of(datastore: Document) -> Mapping[str, Any]:
    """Pod → {state, message, updated}, as far as any copying has come."""
    replication = (datastore.get("status") or {}).get("cassandraDataReplication") or {}
    found: Mapping[str, Any] = replication.get("rebuildDetails") or {}
    return found


def detail(state: str, message: str) -> Document:
    return {"state": state, "message": message, "updated": now()}


def now() -> int:
    """Seconds since 1970, as the status has them."""
    return int(time.time())
