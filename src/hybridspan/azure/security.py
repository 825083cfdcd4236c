"""Network security groups: read wherever they lie, given a rule where one is wanted, never otherwise changed."""

from __future__ import annotations

from typing import Any

from hybridspan.azure import documents
from hybridspan.azure.calls import ArmCalls, Document
from hybridspan.azure.clients import NETWORK, polling
from hybridspan.azure.networks import Clients
from hybridspan.errors import PermanentFailure
from hybridspan.facts import azure_bodies as bodies
from hybridspan.facts.azure import SecurityRuleFacts
from hybridspan.progress import Progress
from hybridspan.topology import azure_ids


class SecurityGroups:
    """Reads groups and adds rules."""

    def __init__(self, clients: Clients, calls: ArmCalls) -> None:
        self._clients = clients
        self._calls = calls

    async def document(self, group_id: str) -> Document | None:
        """A network security group, in whichever resource group and subscription, or None."""
        parts = azure_ids.parse(group_id)

        def call() -> Any:
            operations = self._clients(parts.subscription).network.network_security_groups
            return operations.get(parts.resource_group, parts.name, **NETWORK)

        began = self._calls.looks.moment()
        document = await self._calls.read(call, group_id)
        self._calls.looks.remember(group_id, document, began)
        return document

    async def seen(self, group_id: str) -> Document | None:
        """The same, a moment old at most; for deciding, never before writing."""
        document: Document | None = await self._calls.looks.shared(group_id, lambda: self.document(group_id))
        return document

    async def ensure_rule(self, group_id: str, wanted: SecurityRuleFacts, progress: Progress) -> bool:
        """Add the rule; the same one is left alone, another one of its name is not overwritten. True where written."""

        async def once() -> bool:
            document = await self.document(group_id)
            if document is None:
                raise _no_group(group_id)
            rules = documents.security_group(document).rules
            present = next((r for r in rules if r.name.lower() == wanted.name.lower()), None)
            if present is None:
                await self._put(group_id, wanted, progress)
            elif present != wanted:
                raise _other_rule(group_id, wanted.name)
            return present is None

        return await self._calls.persist(once, progress)

    async def _put(self, group_id: str, wanted: SecurityRuleFacts, progress: Progress) -> None:
        parts, body = azure_ids.parse(group_id), bodies.rule(wanted)

        def begin() -> Any:
            operations = self._clients(parts.subscription).network.security_rules
            names = (parts.resource_group, parts.name, wanted.name)
            return operations.begin_create_or_update(*names, body, polling=polling(), **NETWORK)

        await self._calls.write("PUT", f"{group_id}/securityRules/{wanted.name}", begin, progress)


def _no_group(group_id: str) -> PermanentFailure:
    return PermanentFailure(
        "HS-AZURE-021",
        "there is no such network security group",
        where=group_id,
        hint="plan again: the subnet has changed since",
    )


def _other_rule(group_id: str, name: str) -> PermanentFailure:
    return PermanentFailure(
        "HS-AZURE-023",
        f"a rule {name} exists and says something else",
        where=group_id,
        hint="compare it with the plan's command (az network nsg rule show); rename or remove it",
    )
