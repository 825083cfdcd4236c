"""What networks, subnets and peerings share: one lock, one etag, one way to end; and a subnet's document."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from hybridspan_lab.arm.context import ArmRequest, new_etag
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import another_operation, bad_request, parent_not_found
from hybridspan_lab.arm.operations import Operation
from hybridspan_lab.arm.paths import Target
from hybridspan_lab.arm.providers import addresses
from hybridspan_lab.arm.providers.kind import Kind

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

    def refuse_when_used(self, key: str, subnet: Document) -> None:
        """ArmError 400 while something has an address of the subnet."""
        used = addresses.configurations(self.arm.store.all, key)
        if used:
            message = (
                f"Subnet {subnet['name']} is in use by {used[0]} and cannot be deleted. In order to delete the "
                "subnet, delete all the resources within the subnet. See aka.ms/deletesubnet."
            )
            raise bad_request("InUseSubnetCannotBeDeleted", message)


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
