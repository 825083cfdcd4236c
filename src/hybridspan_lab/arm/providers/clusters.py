"""Managed clusters: the control plane behind them is real and belongs to the host; here are the document and the rules.

One operation at a time per cluster. What a cluster was made with (plugin, ranges, subnets, sizes) cannot be changed;
agent pools after creation go through their own resource. Without a network profile AKS chooses overlay, whose pods
no peering reaches: it must be asked for what the other region has.
"""

from __future__ import annotations

import base64
import uuid
from copy import deepcopy
from typing import Any, Final

from hybridspan_lab.arm.context import Answer, ArmRequest, new_etag
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import ArmError, method_not_allowed
from hybridspan_lab.arm.operations import Action, Operation
from hybridspan_lab.arm.providers import (
    agent_pool_documents,
    cluster_changes,
    cluster_documents,
    cluster_subnets,
    cluster_words,
    hosted_clusters,
    kubeconfigs,
    node_groups,
)
from hybridspan_lab.arm.providers.cluster_documents import CLUSTER
from hybridspan_lab.arm.providers.cluster_parts import ClusterPart, check_members
from hybridspan_lab.arm.providers.lists import checked_tags
from hybridspan_lab.arm.providers.long_writes import Write
from hybridspan_lab.arm.providers.resources import disconnect

UPDATE: Final = Write("cluster.update", 0.5, "Updating")


class ManagedClusters(ClusterPart):
    """Managed clusters."""

    type = CLUSTER
    puts = Write("cluster.create", 0.2, "Creating")
    deletes = Write("cluster.delete", 0.2, "Deleting")

    def render(self, key: str, document: Document) -> Document:
        shown = deepcopy(document)
        pools = [
            agent_pool_documents.profile(pool) for _, pool in self.arm.store.children(f"{key}/agentPools")
        ]
        shown["properties"]["agentPoolProfiles"] = pools
        # AKS writes its own ids and type in this casing; clients must compare without regard to it.
        shown["id"] = shown["id"].replace("/resourceGroups/", "/resourcegroups/")
        shown["type"] = "Microsoft.ContainerService/ManagedClusters"
        return shown

    def put(self, request: ArmRequest) -> Answer:
        given = request.body.get("properties") or {}
        cluster_words.check_top(request.body)
        check_members(given, "managedClusters")
        check_members(given.get("networkProfile") or {}, "networkProfile")
        for pool in given.get("agentPoolProfiles") or []:
            check_members(pool, "agentPools")
        existing = self.arm.store.get(request.target.key)
        if existing is None:
            return super().put(request)
        self.require_parent(request.target)
        self.check_etag(request, existing)
        self.refuse_when_busy(request)
        write = self.puts if self._never_came_up(request.target.key, existing) else UPDATE
        self._update(request, existing, write.verb)
        operation = self.begin(request, write)
        return self.accepted(request, operation, 200, self.render(request.target.key, existing))

    def write(self, request: ArmRequest, existing: Document | None) -> Document:
        group = self.require_group(request.target)
        cluster_words.check_cluster(request.body)
        document, pools = cluster_documents.new_cluster(self, request, group["name"])
        cluster_subnets.check_access(self, request, [pool["properties"] for pool in pools])
        cluster_subnets.check_network(self.arm.store.all, document, pools)
        cluster_subnets.check_route_tables(self.arm.store.all, document, pools)
        self.check_quota(document, pools)
        if self.arm.store.get(node_groups.key(document)) is not None:
            raise node_groups.exists_already(document)
        self.arm.store.put(request.target.key, document)
        for pool in pools:
            self.arm.store.put(f"{request.target.key}/agentPools/{pool['name']}", pool)
        for path, part in node_groups.documents(document, pools).items():
            self.arm.store.put(path, part)
        return document

    def check_removal(self, key: str, document: Document) -> None:
        self.settle_pools(key, "Deleting")

    def post(self, request: ArmRequest, action: str) -> Answer:
        document = self.find(request)
        if action not in ("listclusterusercredential", "listclusteradmincredential"):
            raise method_not_allowed(request.method, request.target)
        if document["properties"]["provisioningState"] == "Creating":
            message = "The cluster's credentials are not available while it is being created."
            raise ArmError(409, "OperationNotAllowed", message)
        admin = action == "listclusteradmincredential"
        config = kubeconfigs.answered(document, self.arm.host.kubeconfig(document["id"], admin), admin=admin)
        name = "clusterAdmin" if admin else "clusterUser"
        return Answer(200, {"kubeconfigs": [{"name": name, "value": base64.b64encode(config).decode()}]})

    def actions(self) -> dict[str, Action]:
        return {
            **super().actions(),
            UPDATE.action: Action(UPDATE.seconds, self._updated, self._not_updated),
        }

    def _never_came_up(self, key: str, existing: Document) -> bool:
        """Whether its creation failed, and took all pools with it: written once more, it is made."""
        pools = [pool for _, pool in self._pools(key)]
        return all(d["properties"]["provisioningState"] == "Failed" for d in (existing, *pools))

    def _pools(self, key: str) -> list[tuple[str, Document]]:
        return list(self.arm.store.children(f"{key}/agentPools"))

    def _update(self, request: ArmRequest, existing: Document, state: str) -> None:
        key, wanted = request.target.key, request.body.get("properties") or {}
        self.location_of(request, existing)
        cluster_subnets.check_access(self, request, wanted.get("agentPoolProfiles") or [])
        cluster_changes.refuse(existing, request.body)
        self._update_pools(key, existing, wanted.get("agentPoolProfiles") or [])
        existing["tags"] = checked_tags(request.body.get("tags") or {})
        taken = {name: wanted[name] for name in cluster_changes.TAKEN if wanted.get(name) is not None}
        if "oidcIssuerProfile" in taken:
            taken["oidcIssuerProfile"] = cluster_documents.issuer(
                taken["oidcIssuerProfile"], key, existing["location"], self.arm.credentials.tenant
            )
        existing["properties"].update(taken)
        existing["eTag"] = str(uuid.uuid4())
        existing["properties"]["provisioningState"] = state
        self.arm.store.put(key, existing)

    def _update_pools(self, key: str, cluster: Document, wanted: list[Document]) -> None:
        have = [pool for _, pool in self._pools(key)]
        changed = {p["name"]: p for p in agent_pool_documents.changed_pools(cluster, have, wanted)}
        if not changed:
            return
        pools = [changed.get(pool["name"], pool) for pool in have]
        agent_pool_documents.require_system(pools)
        cluster_subnets.check_network(self.arm.store.all, cluster, pools)
        self.check_quota(cluster, pools)
        for name, pool in changed.items():
            self.arm.store.put(f"{key}/agentpools/{name}".lower(), pool)

    async def _updated(self, operation: Operation) -> None:
        """Nodes come and go only where a pool was changed; what failed by itself stays so."""
        if changed := self._updating(operation.path):
            cluster_subnets.check_room(self.arm.store.all, operation.path)
            cluster = hosted_clusters.for_host(self.arm.store.all, operation.path)
            await self.arm.host.scale(cluster.id, cluster.pools)
        await super().ready(operation)
        for key in changed:
            self.settle(key, "Succeeded")

    def _not_updated(self, operation: Operation, error: dict[str, Any]) -> None:
        super().fail(operation, error)
        for key in self._updating(operation.path):
            self.settle(key, "Failed")

    def _updating(self, key: str) -> list[str]:
        return [k for k, pool in self._pools(key) if pool["properties"]["provisioningState"] == "Updating"]

    async def ready(self, operation: Operation) -> None:
        cluster = hosted_clusters.for_host(self.arm.store.all, operation.path)
        cluster_subnets.check_room(self.arm.store.all, operation.path)
        await self.arm.host.create(cluster, lambda status: self.arm.operations.report(operation, status))
        await super().ready(operation)
        self.settle_pools(operation.path, "Succeeded")
        self._route(operation.path)
        await self.arm.network_changed()

    def _route(self, key: str, *, is_gone: bool = False) -> None:
        """Kubenet's route table comes to the subnets of the cluster's nodes, and goes with it; their network's etag changes."""
        cluster = self.arm.store.get(key) or {}
        if cluster["properties"]["networkProfile"]["networkPlugin"] != "kubenet":
            return
        pools = [pool["properties"] for _, pool in self.arm.store.children(f"{key}/agentPools")]
        for subnet_key in {str(pool.get("vnetSubnetID") or "").lower() for pool in pools}:
            if subnet := self.arm.store.get(subnet_key):
                table = None if is_gone else {"id": node_groups.route_table_id(cluster)}
                subnet["properties"]["routeTable"] = table
                self.arm.store.put(subnet_key, subnet)
                network = self.arm.store.get(subnet_key.rsplit("/", 2)[0]) or {}
                self.arm.store.put(subnet_key.rsplit("/", 2)[0], {**network, "etag": new_etag()})

    async def gone(self, operation: Operation) -> None:
        document = self.arm.store.get(operation.path)
        if document is None:
            return
        self._route(operation.path, is_gone=True)
        await self.arm.host.delete(document["id"])
        gone = {key for key, _ in self.arm.store.below(node_groups.key(document))}
        self.arm.store.remove(node_groups.key(document))
        disconnect(self.arm, gone)
        await super().gone(operation)
        await self.arm.network_changed()

    def fail(self, operation: Operation, error: dict[str, Any]) -> None:
        super().fail(operation, error)
        self.settle_pools(operation.path, "Failed")
