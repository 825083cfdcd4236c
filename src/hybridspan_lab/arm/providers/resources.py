"""Subscriptions, resource groups, provider registration, and the lists that span types."""

from __future__ import annotations

from typing import Final

from hybridspan_lab.arm.context import Answer, Arm, ArmRequest
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import ArmError, group_not_found
from hybridspan_lab.arm.locations import ALL
from hybridspan_lab.arm.operations import Operation
from hybridspan_lab.arm.paths import Target
from hybridspan_lab.arm.providers.lists import checked_tags, filter_terms, filtered, paged
from hybridspan_lab.arm.providers.long_writes import LongWritten, Write

NAMESPACES: Final = {
    "Microsoft.Network": ("virtualNetworks", "networkSecurityGroups"),
    "Microsoft.ContainerService": ("managedClusters",),
    "Microsoft.Compute": ("virtualMachines", "virtualMachineScaleSets", "disks"),
    "Microsoft.Storage": ("storageAccounts",),
    "Microsoft.Authorization": ("roleAssignments", "roleDefinitions"),
    "Microsoft.Resources": ("resourceGroups",),
}
SHORT: Final[tuple[str, ...]] = ("id", "name", "type", "location", "tags")
FILTERS: Final = ("resourcetype", "resourcegroup", "tagname", "tagvalue")
ALWAYS_REGISTERED: Final = ("Microsoft.Authorization", "Microsoft.Resources")


class ResourceGroups(LongWritten):
    """Resource groups: written at once, deleted with all they hold."""

    type = "Microsoft.Resources/resourceGroups"
    puts = Write("group.put", 0.0, "PutResourceGroup")
    deletes = Write("group.delete", 0.4, "DeleteResourceGroup")

    def root_key(self, key: str) -> str:
        return key.lower()

    def missing(self, target: Target) -> ArmError:
        return group_not_found(target.name)

    def _listed(self, target: Target) -> list[Document]:
        return [self.render(key, document) for key, document in self.arm.store.children(target.key)]

    def put(self, request: ArmRequest) -> Answer:
        existing = self.arm.store.get(request.target.key)
        if existing is not None:
            self.require_group(request.target)
        location = self.location_of(request, existing)
        name = existing["name"] if existing else request.target.name
        document: Document = {
            "id": f"/subscriptions/{request.target.subscription}/resourceGroups/{name}",
            "name": name,
            "type": self.type,
            "location": location,
            "properties": {"provisioningState": "Succeeded"},
        }
        if request.body.get("tags"):
            document["tags"] = checked_tags(request.body["tags"])
        self.arm.store.put(request.target.key, document)
        return Answer(200 if existing else 201, self.render(request.target.key, document))

    def delete(self, request: ArmRequest) -> Answer:
        document = self.find(request)
        document["properties"]["provisioningState"] = "Deleting"
        self.arm.store.put(request.target.key, document)
        operation = self.arm.operations.holding(request.target.key) or self.begin(request, self.deletes)
        _, result = self.arm.operations.urls(operation, request.base)
        return Answer(202, None, {"Location": result, **self.arm.operations.delay(operation)})

    async def gone(self, operation: Operation) -> None:
        """Ends what runs inside, stops clusters, then forgets everything."""
        for inner in self.arm.operations.running_below(operation.path):
            if inner.id != operation.id:
                self.arm.operations.cancel(inner)
        for key, document in list(self.arm.store.below(operation.path)):
            if document.get("type", "").lower() == "microsoft.containerservice/managedclusters":
                await self.arm.host.delete(document["id"])
                self.arm.store.remove(node_group_key(document))
                self.arm.store.remove(key)
        gone = {key for key, _ in self.arm.store.below(operation.path)}
        self.arm.store.remove(operation.path)
        disconnect(self.arm, gone)
        await self.arm.network_changed()


def node_group_key(cluster: Document) -> str:
    """The store's key of the resource group that AKS keeps for itself."""
    subscription = cluster["id"].split("/")[2]
    return (
        f"/subscriptions/{subscription}/resourcegroups/{cluster['properties']['nodeResourceGroup']}".lower()
    )


def disconnect(arm: Arm, gone: set[str]) -> None:
    """Peerings whose other side (a network or a peering) has gone fall to Disconnected."""
    for key, document in list(arm.store.of_type("Microsoft.Network/virtualNetworks/virtualNetworkPeerings")):
        remote = document["properties"]["remoteVirtualNetwork"]["id"].lower()
        own = key.rsplit("/", 2)[0]
        reverse = any(_points(arm, remote, own))
        if document["properties"]["peeringState"] == "Connected" and (remote in gone or not reverse):
            document["properties"]["peeringState"] = "Disconnected"
            arm.store.put(key, document)


def _points(arm: Arm, network: str, to: str) -> list[str]:
    return [
        key
        for key, document in arm.store.children(f"{network}/virtualNetworkPeerings")
        if document["properties"]["remoteVirtualNetwork"]["id"].lower() == to
    ]


class Subscriptions:
    """The subscriptions and what is asked of them directly."""

    def __init__(self, arm: Arm) -> None:
        self.arm = arm
        self._registered: dict[tuple[str, str], str] = {}

    def answer(self, request: ArmRequest) -> Answer | None:
        """The answer to a path that is no resource; None if the path is somebody else's."""
        segments = request.target.key.strip("/").split("/")
        if request.method != "GET" and segments[-1] not in ("register", "unregister"):
            return None
        match segments:
            case ["subscriptions"]:
                return paged(request, [self._document(s) for s in self.arm.credentials.subscriptions], 100)
            case ["tenants"]:
                tenant = self.arm.credentials.tenant
                return Answer(
                    200, {"value": [{"id": f"/tenants/{tenant}", "tenantId": tenant, "displayName": "lab"}]}
                )
            case ["subscriptions", subscription]:
                return Answer(200, self._document(subscription))
            case ["subscriptions", subscription, "locations"]:
                return Answer(200, {"value": [_location(subscription, name) for name in sorted(ALL)]})
            case ["subscriptions", subscription, "providers"]:
                return Answer(200, {"value": [self._provider(subscription, name) for name in NAMESPACES]})
            case ["subscriptions", subscription, "providers", namespace]:
                return Answer(200, self._provider(subscription, namespace))
            case ["subscriptions", subscription, "providers", namespace, "register"]:
                self._registered[subscription, namespace] = "Registered"
                return Answer(200, self._provider(subscription, namespace))
            case ["subscriptions", _, "resources"] | ["subscriptions", _, "resourcegroups", _, "resources"]:
                return self._resources(request)
        return None

    def unregister(self, subscription: str, namespace: str) -> None:
        """Makes a provider unregistered, so that writes to it are refused until it is registered."""
        self._registered[subscription.lower(), namespace.lower()] = "NotRegistered"

    def require_registered(self, target: Target) -> None:
        """ArmError 409 if the namespace is not registered in the subscription."""
        state = self._registered.get(((target.subscription or "").lower(), target.namespace.lower()))
        if state == "NotRegistered":
            message = (
                f"The subscription is not registered to use namespace '{target.namespace}'. See "
                "https://aka.ms/rps-not-found for how to register subscriptions."
            )
            detail = {
                "code": "MissingSubscriptionRegistration",
                "target": target.namespace,
                "message": message,
            }
            raise ArmError(409, "MissingSubscriptionRegistration", message, details=(detail,))

    def _document(self, subscription: str) -> Document:
        return {
            "id": f"/subscriptions/{subscription}",
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
            "subscriptionId": subscription,
            "tenantId": self.arm.credentials.tenant,
            "displayName": f"hybridspan lab {subscription[-1]}",
            "state": "Enabled",
            "subscriptionPolicies": {
                "locationPlacementId": "Public_2014-09-01",
                "quotaId": "PayAsYouGo_2014-09-01",
                "spendingLimit": "Off",
            },
        }

    def _provider(self, subscription: str, namespace: str) -> Document:
        name = next((known for known in NAMESPACES if known.lower() == namespace.lower()), None)
        if name is None:
            message = f"The resource provider '{namespace}' was not found in the subscription."
            raise ArmError(404, "InvalidResourceNamespace", message)
        types = [
            {
                "resourceType": kind,
                "locations": sorted(ALL),
                "apiVersions": ["2025-07-01"],
                "capabilities": "None",
            }
            for kind in NAMESPACES[name]
        ]
        return {
            "id": f"/subscriptions/{subscription}/providers/{name}",
            "namespace": name,
            "resourceTypes": types,
            "registrationState": self._registered.get((subscription.lower(), name.lower()), "Registered"),
            "registrationPolicy": "RegistrationFree" if name in ALWAYS_REGISTERED else "RegistrationRequired",
        }

    def _resources(self, request: ArmRequest) -> Answer:
        root = request.target.path.rsplit("/", 1)[0]
        if request.target.group and self.arm.store.get(root) is None:
            raise group_not_found(request.target.group)
        expression = request.query.get("$filter", "")
        wanted = filter_terms(expression, FILTERS)
        if "resourcegroup" in wanted:
            root = f"{root}/resourceGroups/{wanted['resourcegroup']}"
        listed: list[Document] = [
            {name: document[name] for name in SHORT if name in document}
            for key, document in self.arm.store.below(root)
            if "location" in document and "/providers/" in key
        ]
        chosen = [d for d in listed if wanted.get("resourcetype") in (None, d["type"].lower())]
        chosen = filtered(chosen, expression, FILTERS)
        return paged(request, chosen, self.arm.settings.page_size)


def _location(subscription: str, name: str) -> Document:
    return {
        "id": f"/subscriptions/{subscription}/locations/{name}",
        "name": name,
        "type": "Region",
        "displayName": name,
        "regionalDisplayName": name,
        "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
    }
