"""Virtual networks, with Azure's refusals about address spaces.

A network and its children share one etag. A network's PUT replaces its children: those that the body does not name
are dropped, so nobody may PUT a network from partial knowledge. While an operation on a network or one of its
children runs, the network takes no other write, although it itself may read Succeeded.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Final

from hybridspan_lab.arm.context import ArmRequest
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import bad_request
from hybridspan_lab.arm.operations import Operation
from hybridspan_lab.arm.providers import addresses, subnet_documents
from hybridspan_lab.arm.providers.kind import Kind
from hybridspan_lab.arm.providers.long_writes import Write
from hybridspan_lab.arm.providers.network_parts import (
    NETWORK,
    PEER,
    PEERING,
    NetworkResource,
    known_properties,
)
from hybridspan_lab.arm.providers.peering_documents import changes_peering
from hybridspan_lab.arm.providers.resources import disconnect

READ_ONLY: Final = (
    "provisioningState",
    "resourceGuid",
    "subnets",
    "virtualNetworkPeerings",
    "enableVmProtection",
)


class VirtualNetworks(NetworkResource):
    """Virtual networks."""

    type = NETWORK
    root = "virtualnetworks"
    child_type = "subnets"
    puts = Write("network.put", 0.6, "PutVirtualNetworkOperation")
    deletes = Write("network.delete", 0.5, "DeleteVirtualNetworkOperation")
    arm_kinds: dict[str, Kind]
    """The kinds of its children; set when the providers are put together."""

    def render(self, key: str, document: Document) -> Document:
        shown = deepcopy(document)
        for name in ("subnets", "virtualNetworkPeerings"):
            kind = self.arm_kinds[name]
            children = self.arm.store.children(f"{key}/{name}")
            shown["properties"][name] = [kind.render(k, d) for k, d in children]
        return shown

    def write(self, request: ArmRequest, existing: Document | None) -> Document:
        key = request.target.key
        document = self._document(request, existing)
        self._refuse_peering_changes(request)
        subnets = self._subnets(request, document)
        self._check_linked(request)
        self._drop_children(request, subnets)
        self.arm.store.put(key, document)
        for subnet in subnets:
            self.arm.store.put(f"{key}/subnets/{subnet['name']}", subnet)
        return document

    def check_removal(self, key: str, document: Document) -> None:
        for child, subnet in self.arm.store.children(f"{key}/subnets"):
            subnet_documents.refuse_when_used(self, child, subnet)

    def _check_linked(self, request: ArmRequest) -> None:
        """Who writes a network with its peerings must be allowed to peer with what they name."""
        for peering in request.body.get("properties", {}).get("virtualNetworkPeerings") or []:
            remote = ((peering.get("properties") or {}).get("remoteVirtualNetwork") or {}).get("id")
            if remote:
                self.require_linked(request, remote, PEER)

    def _refuse_peering_changes(self, request: ArmRequest) -> None:
        """Azure makes and changes peerings by their network's PUT too; the lab leaves them to their own path."""
        for given in request.body.get("properties", {}).get("virtualNetworkPeerings") or []:
            name = str(given.get("name", ""))
            kept = self.arm.store.get(f"{request.target.key}/virtualNetworkPeerings/{name}")
            known_properties(given, PEERING)
            if kept is None or changes_peering(given.get("properties") or {}, kept["properties"]):
                what = "make" if kept is None else "change"
                message = f"The lab does not {what} peering {name} through the PUT of its network."
                raise bad_request("OperationNotAllowed", message)

    def _subnets(self, request: ArmRequest, document: Document) -> list[Document]:
        wanted = request.body.get("properties", {}).get("subnets") or []
        known = {str(child.get("name", "")): self._old(request.target.key, child) for child in wanted}
        subnets = [
            subnet_documents.subnet_document(document, child, known[str(child.get("name", ""))])
            for child in wanted
        ]
        subnet_documents.check_twins(document, subnets)
        addresses.check_subnets(document, subnets)
        for subnet in subnets:
            subnet_documents.check_references(self, request, document, subnet)
            subnet_documents.check_allocations(self, known.get(subnet["name"]), subnet)
        return subnets

    def _document(self, request: ArmRequest, existing: Document | None) -> Document:
        given = self.properties_of(request)
        prefixes = addresses.prefixes_of_network(given, request.target.name)
        if existing is not None:
            self._check_peers(request, prefixes)
        kept = {name: value for name, value in given.items() if name not in READ_ONLY}
        defaults = {"privateEndpointVNetPolicies": "Disabled", "enableDdosProtection": False}
        properties = {**defaults, **kept, "addressSpace": addresses.space(prefixes)}
        return self.top_document(request, existing, properties)

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
                subnet_documents.refuse_when_used(self, key, subnet)
                self.arm.store.remove(key)
        peerings = request.body.get("properties", {}).get("virtualNetworkPeerings") or []
        kept = {str(peering.get("name", "")).lower() for peering in peerings}
        for key, peering in list(self.arm.store.children(f"{request.target.key}/virtualNetworkPeerings")):
            if peering["name"].lower() not in kept:
                self.arm.store.remove(key)
        disconnect(self.arm, set())

    async def gone(self, operation: Operation) -> None:
        self.arm.store.remove(operation.path)
        disconnect(self.arm, {operation.path})
        await self.arm.network_changed()
