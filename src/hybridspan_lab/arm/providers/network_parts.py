"""What the network provider's resources share: names, one lock and one etag a top-level resource, one way to end."""

from __future__ import annotations

import re
import uuid
from copy import deepcopy
from typing import ClassVar, Final

from hybridspan_lab.arm.context import ArmRequest, new_etag
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import (
    ArmError,
    another_operation,
    bad_request,
    child_not_found,
    parent_not_found,
    unknown_member,
)
from hybridspan_lab.arm.operations import Operation
from hybridspan_lab.arm.paths import Target
from hybridspan_lab.arm.providers.lists import checked_tags
from hybridspan_lab.arm.providers.long_writes import LongWritten
from hybridspan_lab.arm.providers.members import members

NETWORK: Final = "Microsoft.Network/virtualNetworks"
SUBNET: Final = f"{NETWORK}/subnets"
PEERING: Final = f"{NETWORK}/virtualNetworkPeerings"
PEER: Final = f"{NETWORK}/peer/action"
GROUP: Final = "Microsoft.Network/networkSecurityGroups"
NAME: Final = re.compile(r"\w([\w.-]{0,78}\w)?")
ON_TOP: Final = frozenset(
    ["id", "name", "type", "location", "tags", "etag", "properties", "extendedLocation"]
)


class NetworkResource(LongWritten):
    """A resource of the network provider, or a child of one."""

    child_type: ClassVar[str] = ""
    """The children that a write of the resource itself takes along."""

    @property
    def is_child(self) -> bool:
        """Whether it is part of another resource."""
        return self.type.count("/") > 1

    def missing(self, target: Target) -> ArmError:
        known = self.is_child and self.arm.store.get(self.root_key(target.key)) is not None
        return child_not_found(target) if known else super().missing(target)

    def require_parent(self, target: Target) -> None:
        super().require_parent(target)
        if self.is_child and self.arm.store.get(self.root_key(target.key)) is None:
            raise parent_not_found(target)
        check_name(target.name)

    def parent_of(self, request: ArmRequest) -> Document:
        """The document of the resource that a child is part of."""
        parent = self.arm.store.get(self.root_key(request.target.key))
        if parent is None:
            raise parent_not_found(request.target)
        return parent

    def top_document(self, request: ArmRequest, existing: Document | None, properties: Document) -> Document:
        """A top-level resource as it is kept while it is being written."""
        document: Document = {
            "name": existing["name"] if existing else request.target.name,
            "id": existing["id"] if existing else self.resource_id(request.target),
            "etag": new_etag(),
            "type": self.type,
            "location": self.location_of(request, existing),
            "properties": {
                "provisioningState": "Updating",
                "resourceGuid": existing["properties"]["resourceGuid"] if existing else str(uuid.uuid4()),
                **properties,
            },
        }
        if request.body.get("tags"):
            document["tags"] = checked_tags(request.body["tags"])
        return document

    def properties_of(self, request: ArmRequest) -> Document:
        """The body's properties; ArmError 400 for those that the provider does not know."""
        return known_properties(request.body, self.type)

    def refuse_when_busy(self, request: ArmRequest) -> None:
        """ArmError 429 while an operation on the resource or one of its children runs."""
        self.refuse_when_held(request, self.root_key(request.target.key))

    def refuse_when_held(self, request: ArmRequest, root_key: str) -> None:
        """The same for any network or security group."""
        holder = self.arm.operations.holding(root_key)
        if holder is not None:
            uri = self.arm.operations.urls(holder, request.base)[0]
            raise another_operation(uri.partition("&")[0])

    def etag(self, key: str, document: Document) -> str:
        root = self.arm.store.get(self.root_key(key))
        return str(root["etag"]) if root else ""

    def touch(self, key: str) -> None:
        """A new etag for the resource and all its children."""
        root_key = self.root_key(key)
        if root := self.arm.store.get(root_key):
            root["etag"] = new_etag()
            self.arm.store.put(root_key, root)

    def tagged(self, document: Document) -> None:
        document["etag"] = new_etag()

    async def ready(self, operation: Operation) -> None:
        await super().ready(operation)
        if self.child_type:
            for key, _ in list(self.arm.store.children(f"{operation.path}/{self.child_type}")):
                self.settle(key, "Succeeded")
        self.touch(operation.path)
        await self.arm.network_changed()

    async def gone(self, operation: Operation) -> None:
        await super().gone(operation)
        self.touch(operation.path)
        await self.arm.network_changed()

    def fail(self, operation: Operation, error: Document) -> None:
        super().fail(operation, error)
        self.touch(operation.path)


def check_name(name: str) -> None:
    """ArmError 400 for a name that the network provider does not take."""
    if not NAME.fullmatch(name):
        message = (
            f"Resource name {name} is invalid. The name can be up to 80 characters long. It must begin with a word "
            "character, and it must end with a word character or with '_'. The name may contain word characters or "
            "'.', '-', '_'."
        )
        raise bad_request("InvalidResourceName", message)


def known_properties(body: Document, type_name: str) -> Document:
    """The properties of a body, of a resource or of a child within it; ArmError 400 for those that nobody knows."""
    given = body.get("properties") or {}
    for place, unknown in (("", set(body) - ON_TOP), ("properties.", set(given) - members(type_name))):
        if unknown:
            raise unknown_member(f"{place}{min(unknown)}", type_name)
    return deepcopy(given)
