"""Virtual networks and subnets, with Azure's refusals about address spaces.

A network and its children share one etag. A network's PUT replaces its children: those that the body does not name
are dropped, so nobody may PUT a network from partial knowledge. While an operation on a network or one of its
children runs, the network takes no other write, although it itself may read Succeeded.
"""

from __future__ import annotations

import uuid
from copy import deepcopy
from ipaddress import IPv4Network
from typing import Any, Final

from hybridspan_lab.arm.context import Answer, ArmRequest, new_etag
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import (
    ArmError,
    another_operation,
    bad_request,
    child_not_found,
    parent_not_found,
)
from hybridspan_lab.arm.operations import Action, Operation
from hybridspan_lab.arm.paths import Target
from hybridspan_lab.arm.providers import addresses
from hybridspan_lab.arm.providers.kind import Kind, checked_tags
from hybridspan_lab.arm.providers.resources import disconnect

NETWORK: Final = "Microsoft.Network/virtualNetworks"
SUBNET: Final = f"{NETWORK}/subnets"
PEERING: Final = f"{NETWORK}/virtualNetworkPeerings"
READ_ONLY: Final = (
    "provisioningState",
    "resourceGuid",
    "subnets",
    "virtualNetworkPeerings",
    "enableVmProtection",
)


class NetworkPart(Kind):
    """What networks, subnets and peerings share: one lock, one etag, one way to end."""

    def network_key(self, target_key: str) -> str:
        """The key of the network that a path is, or is in."""
        parts = target_key.lower().split("/")
        return "/".join(parts[: parts.index("virtualnetworks") + 2])

    def refuse_when_busy(self, request: ArmRequest) -> None:
        """ArmError 429 while an operation on the network runs."""
        holder = self.arm.operations.holding(self.network_key(request.target.key))
        if holder is not None:
            uri = self.arm.operations.urls(holder, request.base)[0]
            raise another_operation(uri.partition("&")[0])

    def touch(self, network_key: str) -> None:
        """A new etag for the network and all its children."""
        document = self.arm.store.get(network_key)
        if document is not None:
            document["etag"] = new_etag()
            self.arm.store.put(network_key, document)

    def etag(self, key: str, document: Document) -> str:
        network = self.arm.store.get(self.network_key(key))
        return str(network["etag"]) if network else ""

    def settle(self, key: str, state: str) -> None:
        """Sets a document's provisioning state, if it is still there."""
        document = self.arm.store.get(key)
        if document is not None:
            document["properties"]["provisioningState"] = state
            self.arm.store.put(key, document)

    def fail(self, operation: Operation, error: dict[str, Any]) -> None:
        """What a failed operation leaves: the document as it was put, in state Failed."""
        self.settle(operation.path, "Failed")
        self.touch(self.network_key(operation.path))

    def require_network(self, target: Target) -> Document:
        """The network that a child belongs to."""
        self.require_group(target)
        network = self.arm.store.get(self.network_key(target.key))
        if network is None:
            raise parent_not_found(target)
        return network


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

    def refuse_when_used(self, key: str, subnet: Document) -> None:
        """ArmError 400 while something has an address of the subnet."""
        used = addresses.configurations(self.arm.store.all, key)
        if used:
            message = (
                f"Subnet {subnet['name']} is in use by {used[0]} and cannot be deleted. In order to delete the "
                "subnet, delete all the resources within the subnet. See aka.ms/deletesubnet."
            )
            raise bad_request("InUseSubnetCannotBeDeleted", message)

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


class Subnets(NetworkPart):
    """Subnets."""

    type = SUBNET

    def missing(self, target: Target) -> ArmError:
        known = self.arm.store.get(self.network_key(target.key)) is not None
        return child_not_found(target) if known else super().missing(target)

    def render(self, key: str, document: Document) -> Document:
        shown = {**deepcopy(document), "etag": self.etag(key, document)}
        used = addresses.configurations(self.arm.store.all, key)
        if used:
            shown["properties"]["ipConfigurations"] = [{"id": item} for item in used]
        return shown

    def put(self, request: ArmRequest) -> Answer:
        network = self.require_network(request.target)
        existing = self.arm.store.get(request.target.key)
        self.check_etag(request, existing)
        self.refuse_when_busy(request)
        body = {**request.body, "name": request.target.name}
        document = subnet_document(network, body, existing)
        siblings = self.arm.store.children(request.target.key.rsplit("/", 1)[0])
        others = [d for k, d in siblings if k != request.target.key]
        addresses.check_subnets(network, [*others, document])
        check_security_group(self, document)
        self._check_allocations(request, existing, document)
        self.arm.store.put(request.target.key, document)
        self.touch(self.network_key(request.target.key))
        operation = self._start(request, "subnet.put", "PutSubnetOperation")
        shown = self.render(request.target.key, document)
        return self.accepted(request, operation, 200 if existing else 201, shown)

    def delete(self, request: ArmRequest) -> Answer:
        document = self.arm.store.get(request.target.key)
        if document is None:
            return Answer(204)
        self.check_etag(request, document)
        self.refuse_when_busy(request)
        networks = VirtualNetworks(self.arm)
        networks.refuse_when_used(request.target.key, document)
        self.settle(request.target.key, "Deleting")
        return self.accepted(request, self._start(request, "subnet.delete", "DeleteSubnetOperation"), 202)

    def actions(self) -> dict[str, Action]:
        return {
            "subnet.put": Action(0.4, self._ready, self.fail),
            "subnet.delete": Action(0.4, self._gone, self.fail),
        }

    def _start(self, request: ArmRequest, action: str, verb: str) -> Operation:
        return self.begin(request, action, lock=self.network_key(request.target.key), verb=verb)

    def _check_allocations(self, request: ArmRequest, existing: Document | None, document: Document) -> None:
        if existing is None or addresses.subnet_prefix(existing) == addresses.subnet_prefix(document):
            return
        if addresses.configurations(self.arm.store.all, request.target.key):
            message = (
                f"IpPrefix {addresses.subnet_prefix(existing)} on Subnet {document['name']} has active "
                "allocations and cannot be deleted."
            )
            raise bad_request("InUsePrefixCannotBeDeleted", message)

    async def _ready(self, operation: Operation) -> None:
        self.settle(operation.path, "Succeeded")
        self.touch(self.network_key(operation.path))
        await self.arm.network_changed()

    async def _gone(self, operation: Operation) -> None:
        self.arm.store.remove(operation.path)
        self.touch(self.network_key(operation.path))
        await self.arm.network_changed()


def subnet_document(network: Document, body: Document, existing: Document | None) -> Document:
    """A subnet as it is kept; ArmError for a prefix that is no prefix."""
    given = deepcopy(body.get("properties") or {})
    for name in (*READ_ONLY, "ipConfigurations"):
        given.pop(name, None)
    name = existing["name"] if existing else str(body.get("name", ""))
    addresses.subnet_network({"name": name, "properties": given}, network["name"])
    return {
        "name": name,
        "id": f"{network['id']}/subnets/{name}",
        "properties": {
            "provisioningState": "Updating",
            "ipamPoolPrefixAllocations": [],
            "delegations": [],
            "privateEndpointNetworkPolicies": "Disabled",
            "privateLinkServiceNetworkPolicies": "Enabled",
            **given,
        },
        "type": SUBNET,
    }


def check_security_group(kind: Kind, subnet: Document) -> None:
    """ArmError 400 when the subnet names a security group that does not exist."""
    named = (subnet["properties"].get("networkSecurityGroup") or {}).get("id")
    if named is not None and kind.arm.store.get(named) is None:
        message = (
            f"Resource {named} referenced by resource {subnet['id']} was not found. Please make sure that the "
            "referenced resource exists, and that both resources are in the same region."
        )
        raise bad_request("InvalidResourceReference", message)


def address_space(document: Document) -> list[IPv4Network]:
    """The prefixes of a network's document."""
    return addresses.networks(addresses.prefixes(document))
