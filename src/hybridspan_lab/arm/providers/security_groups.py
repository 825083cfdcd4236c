"""Network security groups and their rules; the six default rules of Azure are in every group."""

from __future__ import annotations

import uuid
from copy import deepcopy
from typing import Any, Final

from hybridspan_lab.arm.context import Answer, ArmRequest, new_etag
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import (
    ArmError,
    another_operation,
    bad_request,
    child_not_found,
    parent_not_found,
)
from hybridspan_lab.arm.operations import Action, Operation
from hybridspan_lab.arm.paths import Target
from hybridspan_lab.arm.providers.kind import Kind, checked_tags
from hybridspan_lab.arm.providers.security_rules import RULE, check_conflicts, default_rules, rule_document

GROUP: Final = "Microsoft.Network/networkSecurityGroups"


class GroupPart(Kind):
    """What groups and rules share: one etag, one lock."""

    def group_key_of(self, key: str) -> str:
        """The key of the group that a path is, or is in."""
        parts = key.lower().split("/")
        return "/".join(parts[: parts.index("networksecuritygroups") + 2])

    def etag(self, key: str, document: Document) -> str:
        group = self.arm.store.get(self.group_key_of(key))
        return str(group["etag"]) if group else ""

    def touch(self, key: str) -> None:
        """A new etag for the group and its rules."""
        if group := self.arm.store.get(self.group_key_of(key)):
            group["etag"] = new_etag()
            self.arm.store.put(self.group_key_of(key), group)

    def refuse_when_busy(self, request: ArmRequest) -> None:
        """ArmError 429 while an operation on the group runs."""
        if holder := self.arm.operations.holding(self.group_key_of(request.target.key)):
            uri = self.arm.operations.urls(holder, request.base)[0]
            raise another_operation(uri.partition("&")[0])

    def settle(self, key: str, state: str) -> None:
        """Sets a provisioning state, if the document is still there."""
        if document := self.arm.store.get(key):
            document["properties"]["provisioningState"] = state
            self.arm.store.put(key, document)

    def fail(self, operation: Operation, error: dict[str, Any]) -> None:
        """What a failed operation leaves."""
        self.settle(operation.path, "Failed")
        self.touch(operation.path)

    async def ready(self, operation: Operation) -> None:
        """The write has taken effect."""
        self.settle(operation.path, "Succeeded")
        for key, _ in list(self.arm.store.children(f"{operation.path}/securityRules")):
            self.settle(key, "Succeeded")
        self.touch(operation.path)
        await self.arm.network_changed()

    async def gone(self, operation: Operation) -> None:
        """The delete has taken effect."""
        self.arm.store.remove(operation.path)
        self.touch(operation.path)
        await self.arm.network_changed()


class SecurityGroups(GroupPart):
    """Security groups."""

    type = GROUP

    def render(self, key: str, document: Document) -> Document:
        shown = deepcopy(document)
        etag = document["etag"]
        rules = [
            {**deepcopy(rule), "etag": etag} for _, rule in self.arm.store.children(f"{key}/securityRules")
        ]
        defaults = [
            {
                **rule,
                "id": f"{document['id']}/defaultSecurityRules/{rule['name']}",
                "etag": etag,
                "type": f"{GROUP}/defaultSecurityRules",
            }
            for rule in default_rules()
        ]
        shown["properties"].update(securityRules=rules, defaultSecurityRules=defaults)
        if subnets := self._subnets(key):
            shown["properties"]["subnets"] = [{"id": subnet} for subnet in subnets]
        return shown

    def put(self, request: ArmRequest) -> Answer:
        self.require_group(request.target)
        key, existing = request.target.key, self.arm.store.get(request.target.key)
        self.check_etag(request, existing)
        self.refuse_when_busy(request)
        document = self._document(request, existing)
        rules = [
            rule_document(document, rule)
            for rule in (request.body.get("properties") or {}).get("securityRules") or []
        ]
        check_conflicts(rules)
        for child, _ in list(self.arm.store.children(f"{key}/securityRules")):
            self.arm.store.remove(child)
        self.arm.store.put(key, document)
        for rule in rules:
            self.arm.store.put(f"{key}/securityRules/{rule['name']}", rule)
        operation = self.begin(request, "security.put", lock=key, verb="PutNetworkSecurityGroupOperation")
        return self.accepted(request, operation, 200 if existing else 201, self.render(key, document))

    def delete(self, request: ArmRequest) -> Answer:
        document = self.arm.store.get(request.target.key)
        if document is None:
            return Answer(204)
        self.check_etag(request, document)
        self.refuse_when_busy(request)
        if subnets := self._subnets(request.target.key):
            message = (
                f"Network security group {document['id']} cannot be deleted because it is in use by the following "
                f"resources: {', '.join(subnets)}. In order to delete the Network security group, remove the "
                "association with the resource(s). To learn how to do this, see aka.ms/deletensg."
            )
            raise bad_request("InUseNetworkSecurityGroupCannotBeDeleted", message)
        self.settle(request.target.key, "Deleting")
        operation = self.begin(
            request, "security.delete", lock=request.target.key, verb="DeleteNetworkSecurityGroupOperation"
        )
        return self.accepted(request, operation, 202)

    def actions(self) -> dict[str, Action]:
        return {
            "security.put": Action(0.4, self.ready, self.fail),
            "security.delete": Action(0.4, self.gone, self.fail),
        }

    def _subnets(self, key: str) -> list[str]:
        return [
            document["id"]
            for _, document in self.arm.store.of_type("Microsoft.Network/virtualNetworks/subnets")
            if str((document["properties"].get("networkSecurityGroup") or {}).get("id", "")).lower() == key
        ]

    def _document(self, request: ArmRequest, existing: Document | None) -> Document:
        old = (existing or {}).get("properties", {})
        document: Document = {
            "name": existing["name"] if existing else request.target.name,
            "id": existing["id"] if existing else self.resource_id(request.target),
            "etag": new_etag(),
            "type": self.type,
            "location": self.location_of(request, existing),
            "properties": {
                "provisioningState": "Updating",
                "resourceGuid": old.get("resourceGuid") or str(uuid.uuid4()),
            },
        }
        if request.body.get("tags"):
            document["tags"] = checked_tags(request.body["tags"])
        return document


class SecurityRules(GroupPart):
    """Rules of a group."""

    type = RULE

    def missing(self, target: Target) -> ArmError:
        known = self.arm.store.get(self.group_key_of(target.key)) is not None
        return child_not_found(target) if known else super().missing(target)

    def render(self, key: str, document: Document) -> Document:
        return {**deepcopy(document), "etag": self.etag(key, document)}

    def put(self, request: ArmRequest) -> Answer:
        self.require_group(request.target)
        group = self.arm.store.get(self.group_key_of(request.target.key))
        if group is None:
            raise parent_not_found(request.target)
        key, existing = request.target.key, self.arm.store.get(request.target.key)
        self.check_etag(request, existing)
        self.refuse_when_busy(request)
        document = rule_document(
            group, {**request.body, "name": existing["name"] if existing else request.target.name}
        )
        siblings = [d for k, d in self.arm.store.children(key.rsplit("/", 1)[0]) if k != key]
        check_conflicts([*siblings, document])
        self.arm.store.put(key, document)
        self.touch(key)
        operation = self.begin(
            request, "rule.put", lock=self.group_key_of(key), verb="PutSecurityRuleOperation"
        )
        return self.accepted(request, operation, 200 if existing else 201, self.render(key, document))

    def delete(self, request: ArmRequest) -> Answer:
        document = self.arm.store.get(request.target.key)
        if document is None:
            return Answer(204)
        self.check_etag(request, document)
        self.refuse_when_busy(request)
        self.settle(request.target.key, "Deleting")
        lock = self.group_key_of(request.target.key)
        operation = self.begin(request, "rule.delete", lock=lock, verb="DeleteSecurityRuleOperation")
        return self.accepted(request, operation, 202)

    def actions(self) -> dict[str, Action]:
        return {
            "rule.put": Action(0.3, self.ready, self.fail),
            "rule.delete": Action(0.3, self.gone, self.fail),
        }
