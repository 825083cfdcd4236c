"""Virtual networks, with Azure's refusals about address spaces.

A network and its children share one etag. A network's PUT replaces its children: those that the body does not name
are dropped, so nobody may PUT a network from partial knowledge. While an operation on a network or one of its
children runs, the network takes no other write, although it itself may read Succeeded.
"""

from __future__ import annotations

import uuid
from copy import deepcopy

from hybridspan_lab.arm.context import Answer, ArmRequest, new_etag
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import bad_request
from hybridspan_lab.arm.operations import Action, Operation
from hybridspan_lab.arm.providers import addresses
from hybridspan_lab.arm.providers.kind import Kind, checked_tags
from hybridspan_lab.arm.providers.network_parts import (
    NETWORK,
    READ_ONLY,
    NetworkPart,
    check_security_group,
    subnet_document,
)
from hybridspan_lab.arm.providers.resources import disconnect


class VirtualNetworks(NetworkPart):
    """Virtual networks."""

    type = NETWORK

    def render(self, key: str, document: Document) -> Document:
        shown = deepcopy(document)
        for name in ("subnets", "virtualNetworkPeerings"):
            kind = self.arm_kinds[name]
            children = self.arm.store.children(f"{key}/{name}")
            shown["properties"][name] = [kind.render(k, d) for k, d in children]
        return shown

    arm_kinds: dict[str, Kind]
    """The kinds of its children; set when the providers are put together."""

    def put(self, request: ArmRequest) -> Answer:
        self.require_group(request.target)
        key, existing = request.target.key, self.arm.store.get(request.target.key)
        self.check_etag(request, existing)
        self.refuse_when_busy(request)
        document = self._document(request, existing)
        wanted = request.body.get("properties", {}).get("subnets") or []
        subnets = [subnet_document(document, child, self._old(key, child)) for child in wanted]
        addresses.check_subnets(document, subnets)
        for subnet in subnets:
            check_security_group(self, subnet)
        self._drop_children(request, subnets)
        self.arm.store.put(key, document)
        for subnet in subnets:
            self.arm.store.put(f"{key}/subnets/{subnet['name']}", subnet)
        operation = self.begin(request, "network.put", lock=key, verb="PutVirtualNetworkOperation")
        return self.accepted(request, operation, 200 if existing else 201, self.render(key, document))

    def delete(self, request: ArmRequest) -> Answer:
        document = self.arm.store.get(request.target.key)
        if document is None:
            return Answer(204)
        self.check_etag(request, document)
        self.refuse_when_busy(request)
        for key, subnet in self.arm.store.children(f"{request.target.key}/subnets"):
            self.refuse_when_used(key, subnet)
        self.settle(request.target.key, "Deleting")
        operation = self.begin(
            request, "network.delete", lock=request.target.key, verb="DeleteVirtualNetworkOperation"
        )
        return self.accepted(request, operation, 202)

    def actions(self) -> dict[str, Action]:
        return {
            "network.put": Action(0.6, self._ready, self.fail),
            "network.delete": Action(0.5, self._gone, self.fail),
        }

    def _document(self, request: ArmRequest, existing: Document | None) -> Document:
        given = deepcopy(request.body.get("properties") or {})
        prefixes = addresses.prefixes_of_network(given, request.target.name)
        if existing is not None:
            self._check_peers(request, prefixes)
        kept = {name: value for name, value in given.items() if name not in READ_ONLY}
        old = (existing or {}).get("properties", {})
        properties = {
            "provisioningState": "Updating",
            "resourceGuid": old.get("resourceGuid") or str(uuid.uuid4()),
            "privateEndpointVNetPolicies": "Disabled",
            "enableDdosProtection": False,
            **kept,
        }
        properties["addressSpace"] = addresses.space(prefixes)
        document: Document = {
            "name": existing["name"] if existing else request.target.name,
            "id": existing["id"] if existing else self.resource_id(request.target),
            "etag": new_etag(),
            "type": self.type,
            "location": self.location_of(request, existing),
            "properties": properties,
        }
        if request.body.get("tags"):
            document["tags"] = checked_tags(request.body["tags"])
        return document

    def _check_peers(self, request: ArmRequest, prefixes: list[str]) -> None:
        mine = addresses.networks(prefixes)
        for _, peering in self.arm.store.children(f"{request.target.key}/virtualNetworkPeerings"):
            remote = self.arm.store.get(peering["properties"]["remoteVirtualNetwork"]["id"])
            theirs = addresses.networks(addresses.prefixes(remote)) if remote else []
            if addresses.overlap(mine, theirs):
                message = (
                    f"Address space of the virtual network {request.target.path} cannot be changed: it overlaps "
                    f"with the address space of the already peered virtual network {remote['id'] if remote else ''}."
                )
                raise bad_request("VnetAddressSpaceOverlapsWithAlreadyPeeredVnet", message)

    def _old(self, key: str, child: Document) -> Document | None:
        return self.arm.store.get(f"{key}/subnets/{child.get('name', '')}")

    def _drop_children(self, request: ArmRequest, subnets: list[Document]) -> None:
        """Azure takes the body for the whole: what it does not name goes."""
        named = {subnet["name"].lower() for subnet in subnets}
        for key, subnet in list(self.arm.store.children(f"{request.target.key}/subnets")):
            if subnet["name"].lower() not in named:
                self.refuse_when_used(key, subnet)
                self.arm.store.remove(key)
        peerings = request.body.get("properties", {}).get("virtualNetworkPeerings") or []
        kept = {str(peering.get("name", "")).lower() for peering in peerings}
        for key, peering in list(self.arm.store.children(f"{request.target.key}/virtualNetworkPeerings")):
            if peering["name"].lower() not in kept:
                self.arm.store.remove(key)
        disconnect(self.arm, set())

    async def _ready(self, operation: Operation) -> None:
        self.settle(operation.path, "Succeeded")
        for key, _ in list(self.arm.store.children(f"{operation.path}/subnets")):
            self.settle(key, "Succeeded")
        self.touch(operation.path)
        await self.arm.network_changed()

    async def _gone(self, operation: Operation) -> None:
        self.arm.store.remove(operation.path)
        disconnect(self.arm, {operation.path})
        await self.arm.network_changed()
