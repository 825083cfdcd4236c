"""Agent pools of a managed cluster."""

from __future__ import annotations

from copy import deepcopy

from hybridspan_lab.arm.context import Answer, ArmRequest
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import ArmError, bad_request, method_not_allowed
from hybridspan_lab.arm.operations import Operation
from hybridspan_lab.arm.paths import Target
from hybridspan_lab.arm.providers import agent_pool_documents, cluster_subnets, hosted_clusters
from hybridspan_lab.arm.providers.cluster_parts import ClusterPart, check_members
from hybridspan_lab.arm.providers.long_writes import Write


class AgentPools(ClusterPart):
    """Agent pools of a cluster."""

    type = agent_pool_documents.TYPE
    puts = Write("pool.put", 0.3, "Creating")
    deletes = Write("pool.delete", 0.3, "Deleting")

    def missing(self, target: Target) -> ArmError:
        known = self.arm.store.get(self.root_key(target.key)) is not None
        return (
            ArmError(404, "NotFound", f"Could not find the agent pool {target.name}.")
            if known
            else super().missing(target)
        )

    def require_parent(self, target: Target) -> None:
        super().require_parent(target)
        if self.arm.store.get(self.root_key(target.key)) is None:
            raise super().missing(target.parent)

    def write(self, request: ArmRequest, existing: Document | None) -> Document:
        check_members(request.body.get("properties") or {}, "agentPools")
        key, cluster = request.target.key, self.arm.store.get(self.root_key(request.target.key)) or {}
        body = {**deepcopy(request.body.get("properties") or {}), "name": request.target.name}
        pool = agent_pool_documents.new_pool(cluster, body, existing)
        pools = [*self._siblings(key), pool]
        agent_pool_documents.require_system(pools)
        cluster_subnets.check_access(self, request, [pool["properties"]])
        cluster_subnets.check_network(self.arm.store.all, cluster, pools)
        self.check_quota(cluster, pools)
        self.arm.store.put(key, pool)
        return pool

    def patch(self, request: ArmRequest) -> Answer:
        raise method_not_allowed(request.method, request.target)

    def check_removal(self, key: str, document: Document) -> None:
        if not any(d["properties"]["mode"] == "System" for d in self._siblings(key)):
            message = f"There has to be at least one system agent pool; {document['name']} cannot be deleted."
            raise bad_request("InvalidParameter", message, target="agentPoolProfile.mode")

    def _siblings(self, key: str) -> list[Document]:
        return [d for k, d in self.arm.store.children(key.rsplit("/", 1)[0]) if k != key]

    async def ready(self, operation: Operation) -> None:
        key = self.root_key(operation.path)
        cluster_subnets.check_room(self.arm.store.all, key)
        cluster = hosted_clusters.for_host(self.arm.store.all, key)
        await self.arm.host.scale(cluster.id, cluster.pools)
        await super().ready(operation)

    async def gone(self, operation: Operation) -> None:
        cluster = hosted_clusters.for_host(self.arm.store.all, self.root_key(operation.path))
        left = tuple(pool for pool in cluster.pools if pool.name.lower() != operation.path.rsplit("/", 1)[1])
        await self.arm.host.scale(cluster.id, left)
        await super().gone(operation)
