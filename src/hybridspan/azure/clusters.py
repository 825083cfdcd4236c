"""Managed clusters: made whole, completed pool by pool, never told anything twice.

AKS takes one operation at a time for a cluster and refuses new pools in a PUT of a cluster that exists, so pools are added one
after the other by their own path.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any

from hybridspan.azure import documents
from hybridspan.azure.calls import CLUSTER_DEADLINE_SECONDS, ArmCalls, Document, is_terminal
from hybridspan.azure.clients import polling
from hybridspan.azure.cloud import AzureCloud
from hybridspan.azure.credentials import is_logged_in, source
from hybridspan.azure.grants import Grants
from hybridspan.azure.logins import unattended
from hybridspan.azure.networks import Clients
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.facts import azure_bodies as bodies
from hybridspan.facts.azure import ClusterFacts, has_failed
from hybridspan.facts.azure_bodies import Placement
from hybridspan.plan.phases.cluster_commands import owners_move, write_again, write_pool_again
from hybridspan.plan.phases.pools import (
    failed_pools,
    missing_pools,
    raised_pools,
    strange_pools,
)
from hybridspan.progress import Progress
from hybridspan.topology import azure_ids
from hybridspan.topology.model import NodePool, Region


class Clusters:
    """Reads, makes and completes managed clusters."""

    def __init__(self, clients: Clients, calls: ArmCalls, cloud: AzureCloud) -> None:
        self._cloud = cloud
        self._clients = clients
        self._calls = calls
        self._grants = Grants(clients, calls)

    async def document(self, region: Region) -> Document | None:
        """The region's cluster as Azure has it, or None."""

        def call() -> Any:
            place = azure_ids.cluster_place(region)
            operations = self._clients(place.subscription).clusters.managed_clusters
            return operations.get(place.resource_group, place.name)

        return await self._calls.read(call, azure_ids.cluster_id(region))

    async def kubeconfig(self, cluster_id: str) -> bytes | None:
        """The kubeconfig that Azure gives to a user of the cluster, or None where there is no cluster.

        Of two kinds, the one with a plug-in is asked for: the other one's tokens no client takes any more.
        """
        place = azure_ids.parse(cluster_id)

        def call() -> Any:
            operations = self._clients(place.subscription).clusters.managed_clusters
            return operations.list_cluster_user_credentials(place.resource_group, place.name, format="exec")

        document = await self._calls.read(call, cluster_id)
        if document is None:
            return None
        chosen = source(os.environ, is_logged_in(os.environ))
        return unattended(_kubeconfig(document, cluster_id), chosen, self._cloud)

    async def of_group(self, subscription: str, resource_group: str) -> list[Document]:
        """All clusters of a resource group; none where there is no such group."""

        def call() -> Any:
            operations = self._clients(subscription).clusters.managed_clusters
            return {"value": [c.as_dict() for c in operations.list_by_resource_group(resource_group)]}

        where = f"/subscriptions/{subscription}/resourceGroups/{resource_group}"
        return (await self._calls.read(call, where) or {}).get("value") or []

    async def unassigned(self, facts: ClusterFacts | None) -> tuple[str, ...]:
        """The subnets on which a cluster that we made has no role: its maker was killed, or might not give any."""
        if facts is None or not facts.principal_id or bodies.TOPOLOGY_TAG not in dict(facts.tags):
            return ()
        ids = facts.subnet_ids
        missing = await asyncio.gather(*(self._grants.is_missing(facts.principal_id, i) for i in ids))
        return tuple(i for i, is_missing in zip(ids, missing, strict=True) if is_missing)

    async def ensure(
        self,
        region: Region,
        place: Placement,
        like: ClusterFacts,
        marks: Mapping[str, str],
        progress: Progress,
    ) -> bool:
        """Make the cluster, or its missing pools; what is under way is waited for. True where something was written."""
        wrote = False

        async def once() -> None:
            nonlocal wrote
            facts, was_under_way = await self._at_rest(region, progress)
            if facts is not None:
                _refuse_if_strange(region, facts, marks)
            if is_written := facts is None or has_failed(facts.provisioning_state):
                wrote = True
                if facts is None:
                    await self._put(region, bodies.cluster(region, place, like, marks), "", progress)
                else:
                    await self._write_again(region, place, like, marks, progress)
                facts, _ = await self._at_rest(region, progress)
            if is_written or (was_under_way and is_ours(facts, marks)):
                # Also for a cluster whose maker was killed before he came to this.
                document = await self.document(region)
                for subnet in filter(None, (place.nodes, place.pods)):
                    await self._grants.ensure(region, document, subnet, progress)
            for pool in missing_pools(region, facts):
                wrote = True
                await self._put_pool(region, pool, bodies.pool(pool, place, marks), "", progress)
            for pool in _again(region, facts, marks) if facts else ():
                wrote = True
                document = await self._pool(region, pool)
                body = bodies.raised_pool(document, pool)
                await self._put_pool(region, pool, body, _etag(document), progress)

        await self._calls.persist(once, progress)
        return wrote

    async def _at_rest(self, region: Region, progress: Progress) -> tuple[ClusterFacts | None, bool]:
        """The cluster once neither it nor a pool is under way, or None where there is none; and whether that took waiting."""
        seen: list[ClusterFacts | None] = []

        async def look() -> str:
            document = await self.document(region)
            seen.append(None if document is None else documents.cluster(document))
            return "" if seen[-1] is None else state_of(seen[-1])

        where = azure_ids.cluster_id(region)
        await self._calls.until_settled(look, where, progress, CLUSTER_DEADLINE_SECONDS)
        return seen[-1], len(seen) > 1

    async def _put(self, region: Region, body: Document, etag: str, progress: Progress) -> None:
        def begin() -> Any:
            place = azure_ids.cluster_place(region)
            operations = self._clients(place.subscription).clusters.managed_clusters
            names = (place.resource_group, place.name)
            return operations.begin_create_or_update(*names, body, polling=polling(), **_if_match(etag))

        where = azure_ids.cluster_id(region)
        await self._calls.write("PUT", where, begin, progress, deadline=CLUSTER_DEADLINE_SECONDS)

    async def _write_again(
        self,
        region: Region,
        place: Placement,
        like: ClusterFacts,
        marks: Mapping[str, str],
        progress: Progress,
    ) -> None:
        """PUT our own failed cluster as Azure gives it, so that Azure finishes it; as the file says where it never had a pool.

        By now it may have more nodes, a later version or further pools than the file says.
        """
        document = await self.document(region)
        if document is None:
            raise _gone("cluster", azure_ids.cluster_id(region))
        has_pools = (document.get("properties") or {}).get("agentPoolProfiles")
        body = document if has_pools else bodies.cluster(region, place, like, marks)
        await self._put(region, body, _etag(document), progress)

    async def _pool(self, region: Region, pool: NodePool) -> Document:
        where = f"{azure_ids.cluster_id(region)}/agentPools/{pool.name}"

        def call() -> Any:
            place = azure_ids.cluster_place(region)
            operations = self._clients(place.subscription).clusters.agent_pools
            return operations.get(place.resource_group, place.name, pool.name)

        document = await self._calls.read(call, where)
        if document is None:
            raise _gone("pool", where)
        return document

    async def _put_pool(
        self, region: Region, pool: NodePool, body: Document, etag: str, progress: Progress
    ) -> None:
        def begin() -> Any:
            place = azure_ids.cluster_place(region)
            operations = self._clients(place.subscription).clusters.agent_pools
            names = (place.resource_group, place.name, pool.name)
            return operations.begin_create_or_update(*names, body, polling=polling(), **_if_match(etag))

        where = f"{azure_ids.cluster_id(region)}/agentPools/{pool.name}"
        await self._calls.write("PUT", where, begin, progress, deadline=CLUSTER_DEADLINE_SECONDS)


def _etag(document: Document) -> str:
    return str((document.get("properties") or {}).get("eTag") or document.get("eTag") or "")


def _if_match(etag: str) -> dict[str, Any]:
    """Options of a conditional write; nothing is asked where no etag is known."""
    if not etag:
        return {}
    from azure.core import MatchConditions

    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def state_of(facts: ClusterFacts) -> str:
    """The first state of the cluster or a pool that is not Succeeded, or Succeeded."""
    states = [facts.provisioning_state, *(p.provisioning_state for p in facts.node_pools)]
    return next((s for s in states if not is_terminal(s)), states[0])


def is_ours(facts: ClusterFacts | None, marks: Mapping[str, str]) -> bool:
    """Whether it carries this topology's tag."""
    return facts is not None and bodies.is_marked(marks[bodies.TOPOLOGY_TAG], facts.tags)


def _again(region: Region, facts: ClusterFacts, marks: Mapping[str, str]) -> list[NodePool]:
    """Pools that are there and are written once more: failed ones of ours, and those that the file lets grow."""
    failed = failed_pools(region, facts, marks[bodies.TOPOLOGY_TAG])
    return [*(pool for pool, _ in failed), *raised_pools(region, facts)]


def _refuse_if_strange(region: Region, facts: ClusterFacts, marks: Mapping[str, str]) -> None:
    """PermanentFailure for what Azure could not finish and what carries no tag of ours."""
    if has_failed(facts.provisioning_state) and not is_ours(facts, marks):
        message = f"the cluster is in state {facts.provisioning_state}, and hybridspan did not make it"
        raise _strange(message, facts.id, write_again(region))
    for pool in strange_pools(region, facts, marks[bodies.TOPOLOGY_TAG]):
        message = f"node pool {pool.name} is in state {pool.provisioning_state}, and hybridspan made neither it nor its cluster"
        raise _strange(message, f"{facts.id}/agentPools/{pool.name}", write_pool_again(region, pool))


def _strange(message: str, where: str, command: Sequence[str]) -> PermanentFailure:
    return PermanentFailure("HS-AZURE-017", message, where=where, hint=owners_move(command))


def _gone(what: str, where: str) -> TemporaryFailure:
    return TemporaryFailure(
        "HS-AZURE-008",
        f"the {what} has gone while it was looked at",
        where=where,
        hint="see who else changes it: az monitor activity-log list",
    )


def _kubeconfig(document: Document, where: str) -> bytes:
    import base64

    found = document.get("kubeconfigs") or []
    if not found:
        raise PermanentFailure(
            "HS-AZURE-024",
            "Azure gives no kubeconfig for the cluster",
            where=where,
            hint="the sign-in needs the role Azure Kubernetes Service Cluster User",
        )
    value = found[0]["value"]
    return value if isinstance(value, bytes) else base64.b64decode(value)
