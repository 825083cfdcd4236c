"""Roles: Azure's built-in ones as far as the lab knows them, and definitions that somebody makes."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import Final, Self

from hybridspan_lab.arm.documents import Document

DEFINITION: Final = "Microsoft.Authorization/roleDefinitions"


@dataclass(frozen=True, slots=True)
class Role:
    """What a role allows."""

    id: str
    name: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()

    @classmethod
    def from_document(cls, document: Document) -> Self:
        """A role as its definition says; several permission blocks count together."""
        blocks = document["properties"].get("permissions") or []
        return cls(
            document["name"].lower(),
            document["properties"]["roleName"],
            tuple(action for block in blocks for action in block.get("actions") or ()),
            tuple(action for block in blocks for action in block.get("notActions") or ()),
        )

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
        """A built-in role as `roleDefinitions` answers it."""
        return {
            "id": f"/providers/{DEFINITION}/{self.id}",
            "type": DEFINITION,
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
        (
            "Microsoft.Authorization/*/read",
            "Microsoft.ContainerService/locations/*",
            "Microsoft.ContainerService/managedClusters/*",
            "Microsoft.ContainerService/managedclustersnapshots/*",
            "Microsoft.ContainerService/snapshots/*",
            "Microsoft.Insights/alertRules/*",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.ContainerService/deploymentSafeguards/*",
        ),
    ),
    Role(
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        ("*/read", "Microsoft.Authorization/*"),
    ),
)


def role_id(definition_id: str) -> str:
    """The guid at the end of a definition's id."""
    return definition_id.rstrip("/").rsplit("/", 1)[-1].lower()


def _matches(action: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)
