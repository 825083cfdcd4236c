"""Role-based access: what a principal may do where, from role assignments kept like any other resource."""

from __future__ import annotations

from typing import Final

from hybridspan_lab.arm.documents import DocumentStore
from hybridspan_lab.arm.errors import GATEWAY, ArmError
from hybridspan_lab.arm.paths import Target, parse
from hybridspan_lab.arm.roles import DEFINITION, ROLES, Role, role_id
from hybridspan_lab.arm.tokens import Bearer

ASSIGNMENT: Final = "Microsoft.Authorization/roleAssignments"
ELSEWHERE: Final = {
    "microsoft.authorization/permissions": "Microsoft.Authorization/permissions/read",
    "microsoft.compute/skus": "Microsoft.Compute/skus/read",
    "microsoft.compute/locations/usages": "Microsoft.Compute/locations/usages/read",
    "microsoft.containerservice/locations/kubernetesversions": "Microsoft.ContainerService/locations/kubernetesversions/read",
}


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
        scope = target.path if not target.is_collection else (target.path.rsplit("/", 1)[0] or "/")
        self.require(bearer, action_of(method, target), target.path, scope)

    def require(self, bearer: Bearer, action: str, path: str, scope: str | None = None) -> None:
        """ArmError 403 AuthorizationFailed unless an assignment at or above the path allows the action."""
        if not self.allows(bearer.object_id, action, path):
            message = (
                f"The client '{bearer.client_id}' with object id '{bearer.object_id}' does not have authorization "
                f"to perform action '{action}' over scope '{scope or path}' or the scope is invalid. If access was "
                "recently granted, please refresh your credentials."
            )
            raise ArmError(403, "AuthorizationFailed", message, headers=GATEWAY)

    def check_linked(self, bearer: Bearer, own: str, path: str, linked: tuple[str, str]) -> None:
        """ArmError 403 LinkedAuthorizationFailed unless the caller of `own` on the path may do what its body needs elsewhere.

        `linked` is the other resource and the action on it.
        """
        elsewhere, action = linked
        if not self.allows(bearer.object_id, action, elsewhere):
            message = (
                f"The client '{bearer.client_id}' with object id '{bearer.object_id}' has permission to perform action "
                f"'{own}' on scope '{path}'; however, it does not have permission to perform action(s) "
                f"'{action}' on the linked scope(s) '{elsewhere}' (respectively) or the linked scope(s) are invalid."
            )
            raise ArmError(403, "LinkedAuthorizationFailed", message, headers=GATEWAY)

    def allows(self, object_id: str, action: str, path: str) -> bool:
        """Whether an assignment at or above the path allows the action."""
        return any(granted.allows(action) for granted in self.granted(path, object_id))

    def sees(self, object_id: str, path: str) -> bool:
        """Whether a principal has any role at, above or below a path: what lists of subscriptions go by."""
        below = path.lower() + "/"
        return bool(self.granted(path, object_id)) or any(
            document["properties"]["principalId"] == object_id
            and document["properties"]["scope"].lower().startswith(below)
            for _, document in self._store.of_type(ASSIGNMENT)
        )

    def granted(self, path: str, object_id: str) -> list[Role]:
        """The roles that a principal has at a path, from assignments there or above."""
        found = []
        for _, document in self._store.of_type(ASSIGNMENT):
            properties = document["properties"]
            scope = properties["scope"].rstrip("/").lower()
            covers = path.lower() == scope or path.lower().startswith(scope + "/")
            if covers and properties["principalId"] == object_id:
                found.append(self.role(properties["roleDefinitionId"]))
        return [granted for granted in found if granted is not None]

    def role(self, definition_id: str) -> Role | None:
        """The role with that definition: a built-in one, or one that somebody made."""
        wanted = role_id(definition_id)
        if known := next((role for role in ROLES if role.id == wanted), None):
            return known
        made = (d for _, d in self._store.of_type(DEFINITION) if d["name"].lower() == wanted)
        return next((Role.from_document(document) for document in made), None)


def action_elsewhere(path: str) -> str:
    """The action that a read of no resource needs: of a subscription, a provider, or what a location offers."""
    target = parse(path)
    key = target.full_type
    if key in ELSEWHERE:
        return ELSEWHERE[key]
    if target.key.endswith("/register/action") or target.key.rsplit("/", 1)[-1] in ("register", "unregister"):
        return f"{target.namespace}/{target.key.rsplit('/', 1)[-1]}/action"
    if "/providers" in target.key:
        return "Microsoft.Resources/subscriptions/providers/read"
    if target.key.endswith("/resources"):
        return "Microsoft.Resources/subscriptions/resources/read"
    if target.key.endswith("/locations"):
        return "Microsoft.Resources/subscriptions/locations/read"
    return "Microsoft.Resources/subscriptions/read"
