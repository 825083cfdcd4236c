"""Role-based access: what a principal may do where, from role assignments kept like any other resource."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import Final

from hybridspan_lab.arm.documents import Document, DocumentStore
from hybridspan_lab.arm.errors import ArmError
from hybridspan_lab.arm.paths import Target
from hybridspan_lab.arm.tokens import Bearer

ASSIGNMENT: Final = "Microsoft.Authorization/roleAssignments"


@dataclass(frozen=True, slots=True)
class Role:
    """A built-in role."""

    id: str
    name: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()

    def allows(self, action: str) -> bool:
        """Whether the role holds that action."""
        return _matches(action, self.actions) and not _matches(action, self.not_actions)

    def permissions(self) -> Document:
        """What the role holds, as the `permissions` list answers it."""
        return {
            "actions": list(self.actions),
            "notActions": list(self.not_actions),
            "dataActions": [],
            "notDataActions": [],
        }

    def to_document(self) -> Document:
        """As `roleDefinitions` answers it."""
        return {
            "id": f"/providers/Microsoft.Authorization/roleDefinitions/{self.id}",
            "type": "Microsoft.Authorization/roleDefinitions",
            "name": self.id,
            "properties": {
                "roleName": self.name,
                "type": "BuiltInRole",
                "description": "",
                "assignableScopes": ["/"],
                "permissions": [self.permissions()],
            },
        }


ROLES: Final = (
    Role("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", ("*",)),
    Role(
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        ("*",),
        ("Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"),
    ),
    Role("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", ("*/read",)),
    Role(
        "4d97b98b-1d4f-4787-a291-c67834d212e7",
        "Network Contributor",
        (
            "Microsoft.Network/*",
            "Microsoft.Authorization/*/read",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ),
    ),
    Role(
        "ed7f3fbd-7b88-4dd4-9017-9adb7ce333f8",
        "Azure Kubernetes Service Contributor Role",
        ("Microsoft.ContainerService/*", "Microsoft.Resources/subscriptions/resourceGroups/read"),
    ),
    Role(
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        ("*/read", "Microsoft.Authorization/*"),
    ),
)


def _matches(action: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


def role(role_id: str) -> Role | None:
    """The role whose definition id ends in that guid."""
    wanted = role_id.rstrip("/").rsplit("/", 1)[-1].lower()
    return next((known for known in ROLES if known.id == wanted), None)


def action_of(method: str, target: Target) -> str:
    """The action that a request needs, as role definitions name it."""
    types = list(target.types)
    if target.namespace == "Microsoft.Resources":
        types = ["subscriptions", *types] if types != ["subscriptions"] else types
    if method == "POST" and target.is_collection:
        return "/".join([target.namespace, *types, "action"])
    verb = {"GET": "read", "HEAD": "read", "DELETE": "delete"}.get(method, "write")
    return "/".join([target.namespace, *types, verb])


class AccessList:
    """Who may do what."""

    def __init__(self, store: DocumentStore) -> None:
        self._store = store

    def check(self, method: str, target: Target, bearer: Bearer) -> None:
        """ArmError 403 AuthorizationFailed unless an assignment at or above the path allows it."""
        action = action_of(method, target)
        if not any(granted.allows(action) for granted in self.granted(target.path, bearer.object_id)):
            scope = target.path if not target.is_collection else (target.path.rsplit("/", 1)[0] or "/")
            message = (
                f"The client '{bearer.client_id}' with object id '{bearer.object_id}' does not have authorization "
                f"to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was "
                "recently granted, please refresh your credentials."
            )
            raise ArmError(403, "AuthorizationFailed", message, headers={"x-ms-failure-cause": "gateway"})

    def granted(self, path: str, object_id: str) -> list[Role]:
        """The roles that a principal has at a path, from assignments there or above."""
        found = []
        for _, document in self._store.of_type(ASSIGNMENT):
            properties = document["properties"]
            scope = properties["scope"].rstrip("/").lower()
            covers = path.lower() == scope or path.lower().startswith(scope + "/")
            if covers and properties["principalId"] == object_id:
                found.append(role(properties["roleDefinitionId"]))
        return [granted for granted in found if granted is not None]
