"""The resource group that AKS keeps for a cluster's nodes: its security group, kubenet's route table and, if nobody gave one, its network.

All are AKS's: whoever changes them sees his changes go with the next reconciliation.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Any, Final

from hybridspan_lab.arm.context import new_etag
from hybridspan_lab.arm.documents import Document, Documents
from hybridspan_lab.arm.errors import ArmError, bad_request
from hybridspan_lab.arm.providers import addresses
from hybridspan_lab.arm.providers.network_parts import GROUP, NETWORK, SUBNET

ROUTES: Final = "Microsoft.Network/routeTables"
SPACE: Final = "10.224.0.0/12"
SUBNET_PREFIX: Final = "10.224.0.0/16"


def key(cluster: Document) -> str:
    """The store's key of the group."""
    return _root(cluster).lower()


def documents(cluster: Document, pools: list[Document]) -> dict[str, Document]:
    """The group and what is in it, by path."""
    root = _root(cluster)
    group = {
        "id": root,
        "name": cluster["properties"]["nodeResourceGroup"],
        "type": "Microsoft.Resources/resourceGroups",
        "location": cluster["location"],
        "managedBy": cluster["id"],
        "properties": {"provisioningState": "Succeeded"},
    }
    guard = _resource(cluster, GROUP, f"aks-agentpool-{_number(cluster)}-nsg", {})
    made = [group, guard]
    if cluster["properties"]["networkProfile"]["networkPlugin"] == "kubenet":
        made.append(_resource(cluster, ROUTES, route_table_id(cluster).rsplit("/", 1)[1], {"routes": []}))
    if not any(pool["properties"].get("vnetSubnetID") for pool in pools):
        made += _network(cluster, guard["id"])
    return {document["id"]: document for document in made}


def exists_already(cluster: Document) -> ArmError:
    """The refusal of a group for nodes that somebody else has: with the cluster it would be deleted."""
    name = cluster["properties"]["nodeResourceGroup"]
    message = (
        f"The node resource group '{name}' exists already. Please choose another name for nodeResourceGroup."
    )
    return bad_request("BadRequest", message, target="nodeResourceGroup")


def route_table_id(cluster: Document) -> str:
    """The table that tells a kubenet cluster's network which node has which pods."""
    return f"{_root(cluster)}/providers/{ROUTES}/aks-agentpool-{_number(cluster)}-routetable"


def managed_subnet(documents: Documents, cluster: Document) -> Document | None:
    """The subnet that AKS made, if the cluster was given none."""
    return documents.get(f"{_network_id(cluster)}/subnets/aks-subnet".lower())


def _network(cluster: Document, guard: str) -> list[Document]:
    network = _resource(
        cluster, NETWORK, f"aks-vnet-{_number(cluster)}", {"addressSpace": addresses.space([SPACE])}
    )
    subnet = {
        "name": "aks-subnet",
        "id": f"{network['id']}/subnets/aks-subnet",
        "type": SUBNET,
        "properties": {
            "provisioningState": "Succeeded",
            "addressPrefix": SUBNET_PREFIX,
            "networkSecurityGroup": {"id": guard},
            "delegations": [],
        },
    }
    return [network, subnet]


def _resource(cluster: Document, type_name: str, name: str, properties: dict[str, Any]) -> Document:
    return {
        "name": name,
        "id": f"{_root(cluster)}/providers/{type_name}/{name}",
        "etag": new_etag(),
        "type": type_name,
        "location": cluster["location"],
        "properties": {
            "provisioningState": "Succeeded",
            "resourceGuid": str(uuid.uuid4()),
            **properties,
        },
    }


def _network_id(cluster: Document) -> str:
    return f"{_root(cluster)}/providers/{NETWORK}/aks-vnet-{_number(cluster)}"


def _root(cluster: Document) -> str:
    subscription = cluster["id"].split("/")[2]
    return f"/subscriptions/{subscription}/resourceGroups/{cluster['properties']['nodeResourceGroup']}"


def _number(cluster: Document) -> str:
    """The eight digits that AKS puts into the names of all that belongs to a cluster."""
    return f"{int(hashlib.sha256(cluster['id'].lower().encode()).hexdigest(), 16) % 10**8:08d}"
