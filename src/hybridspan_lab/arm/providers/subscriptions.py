"""Subscriptions, their providers' registration, and the lists that span types."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from hybridspan_lab.arm.access import action_elsewhere
from hybridspan_lab.arm.context import Answer, Arm, ArmRequest
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import ArmError, group_not_found
from hybridspan_lab.arm.locations import ALL
from hybridspan_lab.arm.paths import Target
from hybridspan_lab.arm.providers.lists import filter_terms, filtered, paged

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
REGISTRATION: Final = "lab/registration"
"""The type of the documents that tell how far a provider's registration is."""
REGISTRATION_SECONDS: Final = 2.0


class Subscriptions:
    """The subscriptions and what is asked of them directly."""

    def __init__(self, arm: Arm) -> None:
        self.arm = arm

    def answer(self, request: ArmRequest) -> Answer | None:
        """The answer to a path that is no resource; None if the path is somebody else's."""
        segments = request.target.key.strip("/").split("/")
        if request.method != ("POST" if segments[-1] in ("register", "unregister") else "GET"):
            return None
        if segments == ["subscriptions"]:
            return self._subscriptions(request)
        if segments == ["tenants"]:
            tenant = self.arm.credentials.tenant
            listed = [{"id": f"/tenants/{tenant}", "tenantId": tenant, "displayName": "lab"}]
            return Answer(200, {"value": listed})
        handler = self._handler(request, segments)
        if handler is None:
            return None
        scope = request.target.scope if "/providers" in request.target.key else "/".join(["", *segments[:2]])
        if segments[-1] == "resources":
            scope = request.target.path.rsplit("/", 1)[0]
        self.arm.access.require(request.bearer, action_elsewhere(request.target.path), scope)
        return handler()

    def _handler(self, request: ArmRequest, segments: list[str]) -> Callable[[], Answer] | None:
        match segments:
            case ["subscriptions", subscription]:
                return lambda: Answer(200, self._document(subscription))
            case ["subscriptions", subscription, "locations"]:
                return lambda: Answer(200, {"value": [_location(subscription, n) for n in sorted(ALL)]})
            case ["subscriptions", subscription, "providers"]:
                return lambda: Answer(200, {"value": [self._provider(subscription, n) for n in NAMESPACES]})
            case ["subscriptions", subscription, "providers", namespace]:
                return lambda: Answer(200, self._provider(subscription, namespace))
            case ["subscriptions", subscription, "providers", namespace, "register"]:
                return lambda: self._register(subscription, namespace)
            case ["subscriptions", subscription, "providers", namespace, "unregister"]:
                return lambda: self._unregister(subscription, namespace)
            case ["subscriptions", _, "resources"] | ["subscriptions", _, "resourcegroups", _, "resources"]:
                return lambda: self._resources(request)
        return None

    # ---- registration

    def unregister(self, subscription: str, namespace: str) -> None:
        """Makes a provider unregistered, so that writes to it are refused until it is registered."""
        self.arm.store.put(
            _registration(subscription, namespace), {"type": REGISTRATION, "state": "NotRegistered"}
        )

    def state(self, subscription: str, namespace: str) -> str:
        """How far a provider's registration is."""
        document = self.arm.store.get(_registration(subscription, namespace))
        if document is None:
            return "Registered"
        is_over = document["state"] == "Registering" and time.time() >= document["until"]
        return "Registered" if is_over else str(document["state"])

    def require_registered(self, target: Target) -> None:
        """ArmError 409 if the namespace is not registered in the subscription."""
        if self.state(target.subscription or "", target.namespace) == "Registered":
            return
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

    def _register(self, subscription: str, namespace: str) -> Answer:
        """Registration takes its time; a provider that is registered stays so."""
        self._provider(subscription, namespace)
        if self.state(subscription, namespace) == "NotRegistered":
            until = time.time() + REGISTRATION_SECONDS * self.arm.settings.clock_scale
            document = {"type": REGISTRATION, "state": "Registering", "until": until}
            self.arm.store.put(_registration(subscription, namespace), document)
        return Answer(200, self._provider(subscription, namespace))

    def _unregister(self, subscription: str, namespace: str) -> Answer:
        name = self._provider(subscription, namespace)["namespace"]
        prefix = f"/subscriptions/{subscription}/".lower()
        if any(f"/providers/{name.lower()}/" in key for key in self.arm.store.all if key.startswith(prefix)):
            message = f"The provider '{name}' cannot be unregistered: the subscription has resources of it. Delete them first."
            raise ArmError(409, "CannotUnregisterProviderWithResources", message)
        self.unregister(subscription, namespace)
        return Answer(200, self._provider(subscription, namespace))

    # ---- documents

    def _subscriptions(self, request: ArmRequest) -> Answer:
        """Those in which the caller has any role: others do not exist for it."""
        seen = [
            subscription
            for subscription in self.arm.credentials.subscriptions
            if self.arm.access.sees(request.bearer.object_id, f"/subscriptions/{subscription}")
        ]
        return paged(request, [self._document(subscription) for subscription in seen], 100)

    def _document(self, subscription: str) -> Document:
        known = self.arm.credentials.subscriptions
        number = [written.lower() for written in known].index(subscription.lower())
        subscription = known[number]
        return {
            "id": f"/subscriptions/{subscription}",
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
            "subscriptionId": subscription,
            "tenantId": self.arm.credentials.tenant,
            "displayName": f"hybridspan lab {number + 1}",
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
            "registrationState": self.state(subscription, name),
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


def _registration(subscription: str, namespace: str) -> str:
    return f"/lab/registrations/{subscription}/{namespace}".lower()


def _location(subscription: str, name: str) -> Document:
    return {
        "id": f"/subscriptions/{subscription}/locations/{name}",
        "name": name,
        "type": "Region",
        "displayName": name,
        "regionalDisplayName": name,
        "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
    }
