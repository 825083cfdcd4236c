"""Agent pools of a managed cluster."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hybridspan_lab.arm.context import Answer, ArmRequest
from hybridspan_lab.arm.errors import ArmError, bad_request, method_not_allowed
from hybridspan_lab.arm.operations import Action, Operation
from hybridspan_lab.arm.paths import Target
from hybridspan_lab.arm.providers import agent_pool_documents, cluster_subnets, hosted_clusters
from hybridspan_lab.arm.providers.cluster_parts import ClusterPart


class AgentPools(ClusterPart):
    """Agent pools of a cluster."""

    type = agent_pool_documents.TYPE

    def missing(self, target: Target) -> ArmError:
        known = self.arm.store.get(self.cluster_key(target.key)) is not None
        return (
            ArmError(404, "NotFound", f"Could not find the agent pool {target.name}.")
            if known
            else super().missing(target)
        )

    def put(self, request: ArmRequest) -> Answer:
        self.require_group(request.target)
        cluster = self.arm.store.get(self.cluster_key(request.target.key))
        if cluster is None:
            raise super().missing(request.target.parent)
        existing = self.arm.store.get(request.target.key)
        self.check_etag(request, existing)
        self.refuse_when_busy(request)
        properties = deepcopy(request.body.get("properties") or {})
        body = {**properties, "name": request.target.name}
        pool = agent_pool_documents.new_pool(cluster, body, existing)
        others = [
            (k, p)
            for k, p in self.arm.store.children(request.target.key.rsplit("/", 1)[0])
            if k != request.target.key
        ]
        cluster_subnets.check_network(self.arm.store.all, cluster, [*(p for _, p in others), pool])
        self.check_quota(cluster, [*(p for _, p in others), pool])
        self.arm.store.put(request.target.key, pool)
        verb = "Updating" if existing else "Creating"
        operation = self._start(request, "pool.put", verb)
        return self.accepted(
            request, operation, 200 if existing else 201, self.render(request.target.key, pool)
        )

    def patch(self, request: ArmRequest) -> Answer:
        raise method_not_allowed(request.method, request.target)

    def delete(self, request: ArmRequest) -> Answer:
        pool = self.arm.store.get(request.target.key)
        if pool is None:
            return Answer(204)
        self.check_etag(request, pool)
        self.refuse_when_busy(request)
        siblings = [
            d
            for k, d in self.arm.store.children(request.target.key.rsplit("/", 1)[0])
            if k != request.target.key
        ]
        if not any(d["properties"]["mode"] == "System" for d in siblings):
            message = f"There has to be at least one system agent pool; {pool['name']} cannot be deleted."
            raise bad_request("InvalidParameter", message, target="agentPoolProfile.mode")
        self.settle(request.target.key, "Deleting")
        return self.accepted(request, self._start(request, "pool.delete", "Deleting"), 202)

    def actions(self) -> dict[str, Action]:
        return {
            "pool.put": Action(0.3, self._scale, self.fail),
            "pool.delete": Action(0.3, self._gone, self.fail),
        }

    def _start(self, request: ArmRequest, action: str, verb: str) -> Operation:
        return self.begin(request, action, lock=self.cluster_key(request.target.key), verb=verb)

    async def _scale(self, operation: Operation) -> None:
        key = self.cluster_key(operation.path)
        cluster_subnets.check_room(self.arm.store.all, key)
        cluster = hosted_clusters.for_host(self.arm.store.all, key)
        await self.arm.host.scale(cluster.id, cluster.pools)
        self.settle(operation.path, "Succeeded")

    async def _gone(self, operation: Operation) -> None:
        key = self.cluster_key(operation.path)
        cluster = hosted_clusters.for_host(self.arm.store.all, key)
        left = tuple(pool for pool in cluster.pools if pool.name.lower() != operation.path.rsplit("/", 1)[1])
        await self.arm.host.scale(cluster.id, left)
        self.arm.store.remove(operation.path)

    def fail(self, operation: Operation, error: dict[str, Any]) -> None:
        self.settle(operation.path, "Failed")
