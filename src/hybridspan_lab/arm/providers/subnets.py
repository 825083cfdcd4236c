"""Subnets of a virtual network."""

from __future__ import annotations

from copy import deepcopy

from hybridspan_lab.arm.context import Answer, ArmRequest
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import ArmError, bad_request, child_not_found
from hybridspan_lab.arm.operations import Action, Operation
from hybridspan_lab.arm.paths import Target
from hybridspan_lab.arm.providers import addresses
from hybridspan_lab.arm.providers.network_parts import (
    SUBNET,
    NetworkPart,
    check_security_group,
    subnet_document,
)


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
        self.refuse_when_used(request.target.key, document)
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
