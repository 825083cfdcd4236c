"""Resource groups: written at once, deleted with all that they hold."""

from __future__ import annotations

import re
from typing import Final

from hybridspan_lab.arm.context import Answer, Arm, ArmRequest, new_etag
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import ArmError, bad_request, group_not_found
from hybridspan_lab.arm.operations import Operation
from hybridspan_lab.arm.paths import Target
from hybridspan_lab.arm.providers import addresses, node_groups
from hybridspan_lab.arm.providers.lists import checked_tags, filtered, paged
from hybridspan_lab.arm.providers.long_writes import LongWritten, Write
from hybridspan_lab.arm.providers.network_parts import SUBNET

NAME_LENGTH: Final = 90
ON_TOP: Final = frozenset(["id", "name", "type", "location", "tags", "managedBy", "properties"])


class ResourceGroups(LongWritten):
    """Resource groups: written at once, deleted with all they hold."""

    type = "Microsoft.Resources/resourceGroups"
    puts = Write("group.put", 0.0, "PutResourceGroup")
    deletes = Write("group.delete", 0.4, "DeleteResourceGroup")
    lists_what_is_seen = True

    def root_key(self, key: str) -> str:
        return key.lower()

    def missing(self, target: Target) -> ArmError:
        return group_not_found(target.name)

    def elsewhere(self, target: Target, existing: str, wanted: str) -> ArmError:
        message = f"Invalid resource group location '{wanted}'. The Resource group already exists in location '{existing}'."
        return ArmError(409, "InvalidResourceGroupLocation", message)

    def _listed(self, target: Target) -> list[Document]:
        return [self.render(key, document) for key, document in self.arm.store.children(target.key)]

    def listing(self, request: ArmRequest) -> Answer:
        """Those that the caller may read: one with a role in a group sees that group."""
        read, caller = "Microsoft.Resources/subscriptions/resourceGroups/read", request.bearer.object_id
        seen = [d for d in self._listed(request.target) if self.arm.access.allows(caller, read, d["id"])]
        groups = filtered(seen, request.query.get("$filter", ""), ())
        return paged(request, groups, self.arm.settings.page_size)

    def put(self, request: ArmRequest) -> Answer:
        existing = self.arm.store.get(request.target.key)
        _check_name(request.target.name)
        if unknown := set(request.body) - ON_TOP:
            message = (
                "The request content was invalid and could not be deserialized: 'Could not find member "
                f"'{min(unknown)}' on object of type 'ResourceGroupDefinition'.'"
            )
            raise bad_request("InvalidRequestContent", message)
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

    def _refuse_when_needed(self, group: str) -> None:
        """ArmError 409 when a cluster of another group has nodes in a subnet of this one."""
        for key, subnet in self.arm.store.below(group):
            if subnet.get("type") != SUBNET:
                continue
            users = [cluster["id"] for cluster, _, _ in addresses.pools_in(self.arm.store.all, key)]
            others = [user for user in users if not user.lower().startswith(f"{group}/")]
            if others:
                message = (
                    f"Deletion of resource group failed as resources with identifiers '{subnet['id']}' are in use by "
                    f"'{others[0]}'. The operation can be tried again after they have gone."
                )
                raise ArmError(409, "ResourceGroupDeletionBlocked", message)

    async def gone(self, operation: Operation) -> None:
        """Ends what runs inside, stops clusters, then forgets everything; nothing of it when others need a part."""
        self._refuse_when_needed(operation.path)
        for inner in self.arm.operations.running_below(operation.path):
            if inner.id != operation.id:
                self.arm.operations.cancel(inner)
        for key, document in list(self.arm.store.below(operation.path)):
            if document.get("type", "").lower() == "microsoft.containerservice/managedclusters":
                await self.arm.host.delete(document["id"])
                self.arm.store.remove(node_groups.key(document))
                self.arm.store.remove(key)
        gone = {key for key, _ in self.arm.store.below(operation.path)}
        self.arm.store.remove(operation.path)
        disconnect(self.arm, gone)
        await self.arm.network_changed()


def _check_name(name: str) -> None:
    invalid = sorted(set(re.sub(r"[\w.()-]", "", name)))
    if invalid:
        message = (
            f"The provided resource group name '{name}' has these invalid characters: '{''.join(invalid)}'. The name can "
            "only be a letter, digit, '-', '.', '(', ')' or '_'."
        )
        raise bad_request("InvalidResourceGroup", message)
    if name.endswith(".") or len(name) > NAME_LENGTH:
        message = f"The resource group name '{name}' must not end with a period and have at most {NAME_LENGTH} characters."
        raise bad_request("InvalidResourceGroup", message)


def disconnect(arm: Arm, gone: set[str]) -> None:
    """Peerings whose other side (a network or a peering) has gone fall to Disconnected."""
    for key, document in list(arm.store.of_type("Microsoft.Network/virtualNetworks/virtualNetworkPeerings")):
        remote = document["properties"]["remoteVirtualNetwork"]["id"].lower()
        own = key.rsplit("/", 2)[0]
        reverse = any(_points(arm, remote, own))
        if document["properties"]["peeringState"] == "Connected" and (remote in gone or not reverse):
            document["properties"]["peeringState"] = "Disconnected"
            arm.store.put(key, document)
            network = arm.store.get(own)
            if network is not None:  # a change like any other: who has looked before must look again
                arm.store.put(own, {**network, "etag": new_etag()})


def _points(arm: Arm, network: str, to: str) -> list[str]:
    return [
        key
        for key, document in arm.store.children(f"{network}/virtualNetworkPeerings")
        if document["properties"]["remoteVirtualNetwork"]["id"].lower() == to
    ]
