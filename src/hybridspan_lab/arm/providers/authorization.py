"""Role definitions (built-in ones) and role assignments, as far as `az aks create --vnet-subnet-id` and checks ask."""

from __future__ import annotations

import re
from typing import Final

from hybridspan_lab.arm.access import ASSIGNMENT, ROLES, role
from hybridspan_lab.arm.context import Answer, ArmRequest
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import ArmError, bad_request, resource_not_found
from hybridspan_lab.arm.providers.kind import Kind, paged

FILTER: Final = re.compile(r"(roleName|principalId)\s+eq\s+'([^']*)'", re.IGNORECASE)


class RoleDefinitions(Kind):
    """The built-in roles, the same at every scope."""

    type = "Microsoft.Authorization/roleDefinitions"

    def listing(self, request: ArmRequest) -> Answer:
        found = FILTER.search(request.query.get("$filter", ""))
        wanted = found[2].lower() if found else None
        roles = [r.to_document() for r in ROLES if wanted is None or r.name.lower() == wanted]
        return paged(request, roles, self.arm.settings.page_size)

    def get(self, request: ArmRequest) -> Answer:
        found = role(request.target.name)
        if found is None:
            raise resource_not_found(request.target)
        return Answer(200, found.to_document())


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
        if role(given["roleDefinitionId"]) is None:
            message = f"The specified role definition with ID '{given['roleDefinitionId']}' does not exist."
            raise bad_request("RoleDefinitionDoesNotExist", message)
        document = assignment(
            request.target.path, request.target.scope, given["roleDefinitionId"], given["principalId"]
        )
        self._refuse_twin(request.target.key, document)
        existed = self.arm.store.get(request.target.key) is not None
        self.arm.store.put(request.target.key, document)
        return Answer(200 if existed else 201, document)

    def delete(self, request: ArmRequest) -> Answer:
        document = self.arm.store.get(request.target.key)
        if document is None:
            return Answer(204)
        self.arm.store.remove(request.target.key)
        return Answer(200, document)

    def _refuse_twin(self, key: str, document: Document) -> None:
        fields = ("scope", "principalId", "roleDefinitionId")
        for other, existing in self.arm.store.of_type(ASSIGNMENT):
            same = all(
                existing["properties"][field].lower() == document["properties"][field].lower()
                for field in fields
            )
            if other != key and same:
                message = f"The role assignment already exists. The ID of the existing role assignment is {existing['name']}."
                raise ArmError(409, "RoleAssignmentExists", message)


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
