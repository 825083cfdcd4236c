"""Role definitions (built-in ones) and role assignments, as far as `az aks create --vnet-subnet-id` and checks ask."""

from __future__ import annotations

import re
import uuid
from typing import Final

from hybridspan_lab.arm.access import ASSIGNMENT
from hybridspan_lab.arm.context import Answer, ArmRequest
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import ArmError, bad_request
from hybridspan_lab.arm.paths import Target, parse
from hybridspan_lab.arm.providers.kind import Kind
from hybridspan_lab.arm.providers.lists import paged
from hybridspan_lab.arm.roles import DEFINITION, ROLES, role_id

FILTER: Final = re.compile(r"(roleName|principalId)\s+eq\s+'([^']*)'", re.IGNORECASE)


class RoleDefinitions(Kind):
    """The built-in roles, the same at every scope, and those that somebody made."""

    type = DEFINITION

    def listing(self, request: ArmRequest) -> Answer:
        found = FILTER.search(request.query.get("$filter", ""))
        wanted = found[2].lower() if found else None
        scope = request.target.scope.rstrip("/").lower()
        made = [d for _, d in self.arm.store.of_type(DEFINITION) if _assignable(d, scope)]
        every = [*(role.to_document() for role in ROLES), *made]
        chosen = [d for d in every if wanted is None or d["properties"]["roleName"].lower() == wanted]
        return paged(request, chosen, self.arm.settings.page_size)

    def get(self, request: ArmRequest) -> Answer:
        return Answer(200, self._find(request))

    def put(self, request: ArmRequest) -> Answer:
        given = request.body.get("properties") or {}
        name = str(given.get("roleName") or "")
        if not name or not given.get("assignableScopes"):
            message = "A custom role must have a name and at least one assignable scope."
            raise bad_request("InvalidRoleDefinition", message)
        if name.lower() in {role.name.lower() for role in ROLES}:
            message = f"A custom role with the name '{name}' cannot be made: a built-in role has it."
            raise ArmError(409, "RoleDefinitionWithSameNameExists", message)
        document: Document = {
            "id": request.target.path,
            "name": request.target.name,
            "type": DEFINITION,
            "properties": {"description": "", "type": "CustomRole", "permissions": [], **given},
        }
        self.arm.store.put(request.target.key, document)
        return Answer(201, document)

    def delete(self, request: ArmRequest) -> Answer:
        document = self.arm.store.get(request.target.key)
        if document is None:
            return Answer(204)
        used = [
            d
            for _, d in self.arm.store.of_type(ASSIGNMENT)
            if role_id(d["properties"]["roleDefinitionId"]) == document["name"].lower()
        ]
        if used:
            message = (
                "There are existing role assignments referencing role (code: RoleDefinitionHasAssignments)."
            )
            raise bad_request("RoleDefinitionHasAssignments", message)
        self.arm.store.remove(request.target.key)
        return Answer(200, document)

    def _find(self, request: ArmRequest) -> Document:
        wanted = role_id(request.target.name)
        if known := next((role for role in ROLES if role.id == wanted), None):
            return known.to_document()
        made = (d for _, d in self.arm.store.of_type(DEFINITION) if d["name"].lower() == wanted)
        if found := next(made, None):
            return found
        message = f"The specified role definition with ID '{wanted}' does not exist."
        raise ArmError(404, "RoleDefinitionDoesNotExist", message)


class RoleAssignments(Kind):
    """Who has which role where; written at once."""

    type = ASSIGNMENT

    def listing(self, request: ArmRequest) -> Answer:
        expression = request.query.get("$filter", "")
        found = FILTER.search(expression)
        scope = request.target.scope.rstrip("/").lower()
        listed = [
            document
            for _, document in self.arm.store.of_type(ASSIGNMENT)
            if _in_scope(document, scope, at_scope="atscope()" in expression.lower())
            and (found is None or document["properties"]["principalId"] == found[2])
        ]
        return paged(request, listed, self.arm.settings.page_size)

    def put(self, request: ArmRequest) -> Answer:
        given = request.body.get("properties") or {}
        if not given.get("roleDefinitionId") or not given.get("principalId"):
            message = "The role assignment must name a role definition and a principal."
            raise bad_request("InvalidCreateRoleAssignmentRequest", message)
        self._check_place(request.target)
        if self.arm.access.role(given["roleDefinitionId"]) is None:
            message = f"The specified role definition with ID '{given['roleDefinitionId']}' does not exist."
            raise bad_request("RoleDefinitionDoesNotExist", message)
        self._require_principal(given["principalId"])
        document = assignment(
            request.target.path, request.target.scope, given["roleDefinitionId"], given["principalId"]
        )
        self._refuse_twin(request.target.key, document)
        existing = self.arm.store.get(request.target.key)
        if existing is not None and not _same(existing, document):
            message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
            raise ArmError(409, "RoleAssignmentUpdateNotPermitted", message)
        self.arm.store.put(request.target.key, document)
        return Answer(200 if existing else 201, document)

    def delete(self, request: ArmRequest) -> Answer:
        document = self.arm.store.get(request.target.key)
        if document is None:
            return Answer(204)
        self.arm.store.remove(request.target.key)
        return Answer(200, document)

    def _check_place(self, target: Target) -> None:
        """ArmError for a name that is no guid, and for a scope that does not exist."""
        try:
            uuid.UUID(target.name)
        except ValueError as wrong:
            message = (
                f"The role assignment ID '{target.name}' is not valid. The role assignment ID must be a GUID."
            )
            raise bad_request("InvalidRoleAssignmentId", message) from wrong
        scope = parse(target.scope)
        if scope.group is not None and self.arm.store.get(scope.key) is None:
            raise self.missing(scope)

    def _require_principal(self, principal: str) -> None:
        """The directory knows who may log in, and the identities of clusters."""
        known = {known.object_id for known in self.arm.credentials.principals}
        known |= {
            str((cluster.get("identity") or {}).get("principalId"))
            for _, cluster in self.arm.store.of_type("Microsoft.ContainerService/managedClusters")
        }
        if principal not in known:
            message = (
                f"Principal {principal.replace('-', '')} does not exist in the directory "
                f"{self.arm.credentials.tenant}. Check that you have the correct principal ID. If you are creating this "
                "principal and then immediately assigning a role, this error might be related to a replication delay."
            )
            raise bad_request("PrincipalNotFound", message)

    def _refuse_twin(self, key: str, document: Document) -> None:
        for other, existing in self.arm.store.of_type(ASSIGNMENT):
            if other != key and _same(existing, document):
                message = f"The role assignment already exists. The ID of the existing role assignment is {existing['name']}."
                raise ArmError(409, "RoleAssignmentExists", message)


def _same(one: Document, other: Document) -> bool:
    """Whether both give the same principal the same role at the same scope."""
    fields = ("scope", "principalId", "roleDefinitionId")
    return all(one["properties"][name].lower() == other["properties"][name].lower() for name in fields)


def assignment(path: str, scope: str, role_id: str, principal_id: str) -> Document:
    """A role assignment's document."""
    return {
        "id": path,
        "name": path.rsplit("/", 1)[1],
        "type": ASSIGNMENT,
        "properties": {
            "roleDefinitionId": role_id,
            "principalId": principal_id,
            "principalType": "ServicePrincipal",
            "scope": scope or "/",
        },
    }


def _in_scope(document: Document, scope: str, *, at_scope: bool) -> bool:
    """`atScope()` lists what holds at the scope: assigned there or above; without it, below as well."""
    own = document["properties"]["scope"].rstrip("/").lower()
    above = scope == own or scope.startswith(own + "/")
    return above or (not at_scope and own.startswith(scope + "/"))


def _assignable(definition: Document, scope: str) -> bool:
    """Whether a custom role may be assigned at a scope: there, or at one of those above, it says so."""
    own = [str(place).rstrip("/").lower() for place in definition["properties"]["assignableScopes"]]
    return any(scope == place or scope.startswith(place + "/") for place in own)
