"""Network security groups and their rules; the six default rules of Azure are in every group."""

from __future__ import annotations

from copy import deepcopy

from hybridspan_lab.arm.context import ArmRequest
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import bad_request
from hybridspan_lab.arm.providers.long_writes import Write
from hybridspan_lab.arm.providers.network_parts import GROUP, NetworkResource
from hybridspan_lab.arm.providers.security_rules import (
    RULE,
    check_conflicts,
    default_rules,
    rule_document,
)


class SecurityGroups(NetworkResource):
    """Security groups."""

    type = GROUP
    root = "networksecuritygroups"
    child_type = "securityRules"
    puts = Write("security.put", 0.4, "PutNetworkSecurityGroupOperation")
    deletes = Write("security.delete", 0.4, "DeleteNetworkSecurityGroupOperation")

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

    def write(self, request: ArmRequest, existing: Document | None) -> Document:
        key, document = request.target.key, self.top_document(request, existing, {})
        rules = [
            rule_document(document, rule) for rule in self.properties_of(request).get("securityRules") or []
        ]
        check_conflicts(rules)
        for child, _ in list(self.arm.store.children(f"{key}/securityRules")):
            self.arm.store.remove(child)
        self.arm.store.put(key, document)
        for rule in rules:
            self.arm.store.put(f"{key}/securityRules/{rule['name']}", rule)
        return document

    def check_removal(self, key: str, document: Document) -> None:
        if subnets := self._subnets(key):
            message = (
                f"Network security group {document['id']} cannot be deleted because it is in use by the following "
                f"resources: {', '.join(subnets)}. In order to delete the Network security group, remove the "
                "association with the resource(s). To learn how to do this, see aka.ms/deletensg."
            )
            raise bad_request("InUseNetworkSecurityGroupCannotBeDeleted", message)

    def _subnets(self, key: str) -> list[str]:
        return [
            document["id"]
            for _, document in self.arm.store.of_type("Microsoft.Network/virtualNetworks/subnets")
            if str((document["properties"].get("networkSecurityGroup") or {}).get("id", "")).lower() == key
        ]


class SecurityRules(NetworkResource):
    """Rules of a group."""

    type = RULE
    root = "networksecuritygroups"
    puts = Write("rule.put", 0.3, "PutSecurityRuleOperation")
    deletes = Write("rule.delete", 0.3, "DeleteSecurityRuleOperation")

    def render(self, key: str, document: Document) -> Document:
        return {**deepcopy(document), "etag": self.etag(key, document)}

    def write(self, request: ArmRequest, existing: Document | None) -> Document:
        group, key = self.parent_of(request), request.target.key
        name = existing["name"] if existing else request.target.name
        document = rule_document(group, {**request.body, "name": name})
        siblings = [d for k, d in self.arm.store.children(key.rsplit("/", 1)[0]) if k != key]
        check_conflicts([*siblings, document])
        self.arm.store.put(key, document)
        self.touch(key)
        return document
