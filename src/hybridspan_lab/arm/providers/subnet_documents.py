"""Subnets' documents, and what they may refer to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hybridspan_lab.arm.context import ArmRequest
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import bad_request, reference_not_found
from hybridspan_lab.arm.providers import addresses
from hybridspan_lab.arm.providers.kind import Kind
from hybridspan_lab.arm.providers.network_parts import GROUP, SUBNET, check_name, known_properties

READ_ONLY: Final = ("provisioningState", "ipConfigurations", "resourceNavigationLinks", "purpose")
REFERENCES: Final = {
    "networkSecurityGroup": f"{GROUP}/join/action",
    "routeTable": "Microsoft.Network/routeTables/join/action",
    "natGateway": "Microsoft.Network/natGateways/join/action",
}
"""What a subnet may refer to, and what the caller must be allowed to do there."""


def subnet_document(network: Document, body: Document, existing: Document | None) -> Document:
    """A subnet as it is kept; ArmError for a prefix that is no prefix."""
    given = known_properties(body, SUBNET)
    for name in READ_ONLY:
        given.pop(name, None)
    name = existing["name"] if existing else str(body.get("name", ""))
    check_name(name)
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


def check_twins(network: Document, subnets: Sequence[Document]) -> None:
    """ArmError 400 when a network's body names a subnet twice."""
    names = [subnet["name"].lower() for subnet in subnets]
    for name in names:
        if names.count(name) > 1:
            message = f"The subnet name '{name}' is used more than once in virtual network {network['name']}."
            raise bad_request("DuplicateResourceName", message)


def check_references(kind: Kind, request: ArmRequest, network: Document, subnet: Document) -> None:
    """ArmError when the subnet names something that is not there, or elsewhere, or that the caller may not join."""
    for field, action in REFERENCES.items():
        named = (subnet["properties"].get(field) or {}).get("id")
        if named is None:
            continue
        kind.require_linked(request, named, action)
        found = kind.arm.store.get(named)
        if found is None or found.get("location") != network["location"]:
            raise reference_not_found(named, subnet["id"])


def check_allocations(kind: Kind, existing: Document | None, document: Document) -> None:
    """ArmError 400 when a subnet's prefix is to change under those who have addresses of it."""
    if existing is None or addresses.subnet_prefix(existing) == addresses.subnet_prefix(document):
        return
    if addresses.configurations(kind.arm.store.all, existing["id"].lower()):
        message = (
            f"IpPrefix {addresses.subnet_prefix(existing)} on Subnet {document['name']} has active "
            "allocations and cannot be deleted."
        )
        raise bad_request("InUsePrefixCannotBeDeleted", message)


def refuse_when_used(kind: Kind, key: str, subnet: Document) -> None:
    """ArmError 400 while something has an address of the subnet."""
    used = addresses.configurations(kind.arm.store.all, key)
    if used:
        message = (
            f"Subnet {subnet['name']} is in use by {used[0]} and cannot be deleted. In order to delete the "
            "subnet, delete all the resources within the subnet. See aka.ms/deletesubnet."
        )
        raise bad_request("InUseSubnetCannotBeDeleted", message)
