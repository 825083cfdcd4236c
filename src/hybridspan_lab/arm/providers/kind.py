"""What all resource types share: reading, listing, tags, preconditions, names and places."""

from __future__ import annotations

from copy import deepcopy
from typing import ClassVar

from hybridspan_lab.arm.access import action_of
from hybridspan_lab.arm.context import Answer, Arm, ArmRequest
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import (
    ArmError,
    bad_request,
    group_not_found,
    method_not_allowed,
    precondition_failed,
    resource_not_found,
)
from hybridspan_lab.arm.locations import check_location
from hybridspan_lab.arm.operations import Action
from hybridspan_lab.arm.paths import Target
from hybridspan_lab.arm.providers.lists import checked_tags, paged


class Kind:
    """A resource type. Subclasses say how it is written; reading is the same for all."""

    type: ClassVar[str]
    lists_what_is_seen: ClassVar[bool] = False
    """Whether a list needs no role of its own, since it shows only what the caller may read."""

    def __init__(self, arm: Arm) -> None:
        self.arm = arm

    # ---- reading

    def render(self, key: str, document: Document) -> Document:
        """The document as clients see it."""
        return deepcopy(document)

    def find(self, request: ArmRequest) -> Document:
        """The stored document, or the refusal that it is missing."""
        document = self.arm.store.get(request.target.key)
        if document is None:
            raise self.missing(request.target)
        return document

    def missing(self, target: Target) -> ArmError:
        """The refusal for a resource that does not exist."""
        if target.group is not None and self.arm.store.get(target.group_key or "") is None:
            return group_not_found(target.group)
        return resource_not_found(target)

    def get(self, request: ArmRequest) -> Answer:
        """One resource."""
        shown = self.render(request.target.key, self.find(request))
        return Answer(200, shown, etag_header(shown))

    def head(self, request: ArmRequest) -> Answer:
        """Whether it exists."""
        return Answer(204 if self.arm.store.get(request.target.key) else 404)

    def listing(self, request: ArmRequest) -> Answer:
        """All in the path's scope; a subscription's list has those of every group."""
        target = request.target
        if target.group is not None and self.arm.store.get(target.group_key or "") is None:
            raise group_not_found(target.group)
        if target.names and self.arm.store.get(target.parent.key) is None:
            raise self.missing(target.parent)
        return paged(request, self._listed(target), self.arm.settings.page_size)

    def _listed(self, target: Target) -> list[Document]:
        if target.names or target.group is not None:
            found = self.arm.store.children(target.key)
        else:
            prefix = f"/subscriptions/{target.subscription}/".lower()
            found = iter([p for p in self.arm.store.of_type(self.type) if p[0].startswith(prefix)])
        return [self.render(key, document) for key, document in found]

    # ---- writing

    def actions(self) -> dict[str, Action]:
        """The operations that this type starts."""
        return {}

    def put(self, request: ArmRequest) -> Answer:
        """Creates or replaces."""
        raise method_not_allowed(request.method, request.target)

    def delete(self, request: ArmRequest) -> Answer:
        """Deletes."""
        raise method_not_allowed(request.method, request.target)

    def post(self, request: ArmRequest, action: str) -> Answer:
        """An action on a resource."""
        raise method_not_allowed(request.method, request.target)

    def patch(self, request: ArmRequest) -> Answer:
        """Replaces the tags, and nothing else; only what has a location has tags."""
        document = self.find(request)
        if "location" not in document:
            raise method_not_allowed(request.method, request.target)
        self.check_etag(request, document)
        document["tags"] = checked_tags(request.body.get("tags") or {})
        self.tagged(document)
        self.arm.store.put(request.target.key, document)
        return Answer(200, self.render(request.target.key, document))

    def tagged(self, document: Document) -> None:
        """What else changes with the tags."""

    def check_etag(self, request: ArmRequest, document: Document | None) -> None:
        """Refuses a write whose If-Match or If-None-Match does not hold."""
        wanted, unwanted = request.headers.get("If-Match"), request.headers.get("If-None-Match")
        current = None if document is None else self.etag(request.target.key, document)
        # The SDKs put plain etags, such as AKS has, in quotes.
        if wanted is not None and (current is None or wanted not in ("*", current, f'"{current}"')):
            raise precondition_failed(request.target.path)
        if unwanted is not None and current is not None and unwanted in ("*", current):
            raise precondition_failed(request.target.path)

    def etag(self, key: str, document: Document) -> str:
        """The resource's current etag."""
        properties = document.get("properties") or {}
        return str(document.get("etag") or document.get("eTag") or properties.get("eTag") or "")

    def require_linked(self, request: ArmRequest, linked: str, action: str) -> None:
        """ArmError 403 LinkedAuthorizationFailed unless the caller may also do `action` to what the body refers to."""
        own = action_of(request.method, request.target)
        self.arm.access.check_linked(request.bearer, own, request.target.path, (linked, action))

    def require_group(self, target: Target) -> Document:
        """The resource group's document; a group that is being deleted takes nothing new."""
        group = self.arm.store.get(target.group_key or "")
        if group is None:
            raise group_not_found(target.group or "")
        if group["properties"]["provisioningState"] == "Deleting":
            message = f"The resource group '{group['name']}' is in deprovisioning state and cannot perform this operation."
            raise ArmError(409, "ResourceGroupBeingDeleted", message)
        return group

    def location_of(self, request: ArmRequest, existing: Document | None) -> str:
        """The request's location, which every PUT must name, and which may not change."""
        location = str(request.body.get("location") or "")
        if not location:
            raise bad_request("LocationRequired", "The location property is required for this definition.")
        location = check_location(location, self.type)
        if existing is not None and existing["location"] != location:
            raise self.elsewhere(request.target, existing["location"], location)
        return location

    def elsewhere(self, target: Target, existing: str, wanted: str) -> ArmError:
        """The refusal for a resource that is in another place already."""
        message = (
            f"The resource '{target.name}' already exists in location '{existing}' in resource group '{target.group}'. A "
            f"resource with the same name cannot be created in location '{wanted}'. Please select a new resource name."
        )
        return ArmError(409, "InvalidResourceLocation", message)

    def resource_id(self, target: Target) -> str:
        """The id of a new resource: the group's and parents' names as first written."""
        group = self.arm.store.get(target.group_key or "")
        name = group["name"] if group else target.group
        path = (
            f"/subscriptions/{target.subscription}/resourceGroups/{name}/providers/{self.type.split('/')[0]}"
        )
        for depth, (kind, own) in enumerate(zip(self.type.split("/")[1:], target.names, strict=True)):
            parent = self.arm.store.get(f"{path}/{kind}/{own}")
            last = depth == len(target.names) - 1
            path += f"/{kind}/{own if last or parent is None else parent['name']}"
        return path


def etag_header(document: Document) -> dict[str, str]:
    """The ETag header of a document that has one in its body."""
    return {"ETag": document["etag"]} if "etag" in document else {}
