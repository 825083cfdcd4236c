"""Subnets of a virtual network."""

from __future__ import annotations

from copy import deepcopy

from hybridspan_lab.arm.context import ArmRequest
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.providers import addresses, subnet_documents
from hybridspan_lab.arm.providers.long_writes import Write
from hybridspan_lab.arm.providers.network_parts import SUBNET, NetworkResource


class Subnets(NetworkResource):
    """Subnets."""

    type = SUBNET
    root = "virtualnetworks"
    puts = Write("subnet.put", 0.4, "PutSubnetOperation")
    deletes = Write("subnet.delete", 0.4, "DeleteSubnetOperation")

    def render(self, key: str, document: Document) -> Document:
        shown = {**deepcopy(document), "etag": self.etag(key, document)}
        used = addresses.configurations(self.arm.store.all, key)
        if used:
            shown["properties"]["ipConfigurations"] = [{"id": item} for item in used]
        return shown

    def write(self, request: ArmRequest, existing: Document | None) -> Document:
        network, key = self.parent_of(request), request.target.key
        body = {**request.body, "name": request.target.name}
        document = subnet_documents.subnet_document(network, body, existing)
        siblings = self.arm.store.children(key.rsplit("/", 1)[0])
        addresses.check_subnets(network, [*(d for k, d in siblings if k != key), document])
        subnet_documents.check_references(self, request, network, document)
        subnet_documents.check_allocations(self, existing, document)
        self.arm.store.put(key, document)
        self.touch(key)
        return document

    def check_removal(self, key: str, document: Document) -> None:
        subnet_documents.refuse_when_used(self, key, document)
