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
from hybridspan_lab.arm.errors import ArmError, bad_request, method_not_allowed
from hybridspan_lab.arm.operations import Action, Operation
from hybridspan_lab.arm.providers import (
    agent_pool_documents,
    cluster_documents,
    cluster_subnets,
    hosted_clusters,
)
from hybridspan_lab.arm.providers.cluster_documents import CLUSTER
from hybridspan_lab.arm.providers.cluster_parts import ClusterPart
from hybridspan_lab.arm.providers.lists import checked_tags
from hybridspan_lab.arm.providers.long_writes import Write
from hybridspan_lab.arm.providers.resources import node_group_key

UPDATE: Final = Write("cluster.update", 0.5, "Updating")
FROZEN: Final = (
    "dnsPrefix",
    "nodeResourceGroup",
    "networkProfile.networkPlugin",
    "networkProfile.serviceCidr",
    "networkProfile.dnsServiceIP",
    "networkProfile.podCidr",
    "networkProfile.loadBalancerSku",
)


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
        existing = self.arm.store.get(request.target.key)
        if existing is None:
            return super().put(request)
        self.require_parent(request.target)
        self.check_etag(request, existing)
        self.refuse_when_busy(request)
        self._update(request, existing)
        operation = self.begin(request, UPDATE)
        return self.accepted(request, operation, 200, self.render(request.target.key, existing))

    def write(self, request: ArmRequest, existing: Document | None) -> Document:
        group = self.require_group(request.target)
        document, pools = cluster_documents.new_cluster(self, request, group["name"])
        cluster_subnets.check_network(self.arm.store.all, document, pools)
        self.check_quota(document, pools)
        self.arm.store.put(request.target.key, document)
        for pool in pools:
            self.arm.store.put(f"{request.target.key}/agentPools/{pool['name']}", pool)
        self._make_node_group(document)
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
        if admin and document["properties"].get("disableLocalAccounts"):
            message = "Getting static credential is not allowed because this cluster is set to disable local accounts."
            raise bad_request("BadRequest", message)
        config = base64.b64encode(self.arm.host.kubeconfig(document["id"], admin)).decode()
        name = "clusterAdmin" if admin else "clusterUser"
        return Answer(200, {"kubeconfigs": [{"name": name, "value": config}]})

    def actions(self) -> dict[str, Action]:
        return {
            **super().actions(),
            UPDATE.action: Action(UPDATE.seconds, super().ready, super().fail),
        }

    def _update(self, request: ArmRequest, existing: Document) -> None:
        key, wanted = request.target.key, request.body.get("properties") or {}
        self.location_of(request, existing)
        for path in FROZEN:
            _refuse_change(path, existing["properties"], wanted)
        agent_pool_documents.refuse_pool_changes(
            [pool for _, pool in self.arm.store.children(f"{key}/agentPools")],
            wanted.get("agentPoolProfiles") or [],
        )
        existing["tags"] = checked_tags(request.body.get("tags") or {})
        for name in ("oidcIssuerProfile", "securityProfile", "autoUpgradeProfile", "disableLocalAccounts"):
            if name in wanted:
                existing["properties"][name] = wanted[name]
        existing["eTag"] = str(uuid.uuid4())
        existing["properties"]["provisioningState"] = "Updating"
        self.arm.store.put(key, existing)

    def _make_node_group(self, cluster: Document) -> None:
        """The group that AKS keeps for nodes, with its own security group: nobody else's business."""
        name, location = cluster["properties"]["nodeResourceGroup"], cluster["location"]
        root = f"/subscriptions/{cluster['id'].split('/')[2]}/resourceGroups/{name}"
        group = {
            "id": root,
            "name": name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": location,
            "managedBy": cluster["id"],
            "properties": {"provisioningState": "Succeeded"},
        }
        self.arm.store.put(root, group)
        guard = f"aks-agentpool-{cluster['properties']['resourceUID'][:8]}-nsg"
        path = f"{root}/providers/Microsoft.Network/networkSecurityGroups/{guard}"
        document = {
            "name": guard,
            "id": path,
            "etag": new_etag(),
            "type": "Microsoft.Network/networkSecurityGroups",
            "location": location,
            "properties": {"provisioningState": "Succeeded", "resourceGuid": str(uuid.uuid4())},
        }
        self.arm.store.put(path, document)

    async def ready(self, operation: Operation) -> None:
        cluster = hosted_clusters.for_host(self.arm.store.all, operation.path)
        cluster_subnets.check_room(self.arm.store.all, operation.path)
        await self.arm.host.create(cluster, lambda status: self.arm.operations.report(operation, status))
        await super().ready(operation)
        self.settle_pools(operation.path, "Succeeded")
        await self.arm.network_changed()

    async def gone(self, operation: Operation) -> None:
        document = self.arm.store.get(operation.path)
        if document is None:
            return
        await self.arm.host.delete(document["id"])
        self.arm.store.remove(node_group_key(document))
        await super().gone(operation)
        await self.arm.network_changed()

    def fail(self, operation: Operation, error: dict[str, Any]) -> None:
        super().fail(operation, error)
        self.settle_pools(operation.path, "Failed")


def _refuse_change(path: str, existing: Document, wanted: Document) -> None:
    old, new = _dig(existing, path), _dig(wanted, path)
    if new is not None and old is not None and str(new).lower() != str(old).lower():
        message = f"Changing property '{path}' is not allowed."
        raise ArmError(400, "PropertyChangeNotAllowed", message, target=path)


def _dig(properties: Document, path: str) -> Any:
    found: Any = properties
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found
