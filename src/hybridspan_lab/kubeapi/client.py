"""The verbs of the Kubernetes API, for any kind of object."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self

from hybridspan_lab.kubeapi import watching
from hybridspan_lab.kubeapi.access import read_kubeconfig, read_service_account
from hybridspan_lab.kubeapi.answers import ApiError, Document, complete_items
from hybridspan_lab.kubeapi.connection import Connection
from hybridspan_lab.kubeapi.paths import object_path, selectors

Merge = Literal["merge", "strategic", "json"]

PATCH_TYPES: Final[Mapping[str, str]] = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
}


class KubeApi(Connection):
    """A connection with the verbs of the API."""

    @classmethod
    def from_kubeconfig(cls, path: Path | str, context: str | None = None) -> Self:
        """The cluster of `context`, or of the file's current context."""
        return cls(read_kubeconfig(Path(path), context))

    @classmethod
    def in_cluster(cls) -> Self:
        """The cluster that this pod runs in, as its service account."""
        return cls(read_service_account())

    async def get(self, api: str, resource: str, name: str, namespace: str | None = None) -> Document:
        return await self.request("GET", object_path(api, resource, namespace, name))

    async def find(self, api: str, resource: str, name: str, namespace: str | None = None) -> Document | None:
        """The object, or None if there is none of that name (or no such kind)."""
        try:
            return await self.get(api, resource, name, namespace)
        except ApiError as error:
            if error.is_missing:
                return None
            raise

    async def list(
        self,
        api: str,
        resource: str,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> list[Document]:
        query = selectors(label_selector, field_selector)
        answer = await self.request("GET", object_path(api, resource, namespace), query=query)
        return complete_items(answer)

    async def create(
        self, api: str, resource: str, document: Document, namespace: str | None = None, name: str = ""
    ) -> Document:
        """Creates an object; `name` with a resource like `pods/x` is for sub-resources such as `binding` or `token`."""
        return await self.request("POST", object_path(api, resource, namespace, name), body=document)

    async def replace(
        self, api: str, resource: str, document: Document, namespace: str | None = None
    ) -> Document:
        name = document["metadata"]["name"]
        return await self.request("PUT", object_path(api, resource, namespace, name), body=document)

    async def patch(
        self,
        api: str,
        resource: str,
        name: str,
        patch: Any,
        namespace: str | None = None,
        *,
        kind: Merge = "merge",
        subresource: str = "",
    ) -> Document:
        path = object_path(api, resource, namespace, name, subresource)
        return await self.request("PATCH", path, body=patch, content_type=PATCH_TYPES[kind])

    async def update_status(
        self, api: str, resource: str, name: str, status: Document, namespace: str | None = None
    ) -> Document:
        """Merges `status` into the object's status sub-resource."""
        return await self.patch(
            api, resource, name, {"status": status}, namespace, subresource="status", kind="merge"
        )

    async def apply(
        self,
        api: str,
        resource: str,
        document: Document,
        namespace: str | None = None,
        *,
        field_manager: str,
        force: bool = True,
    ) -> Document:
        """Server-side apply."""
        path = object_path(api, resource, namespace, document["metadata"]["name"])
        query = {"fieldManager": field_manager, "force": "true" if force else "false"}
        return await self.request(
            "PATCH", path, body=document, query=query, content_type="application/apply-patch+yaml"
        )

    async def delete(
        self,
        api: str,
        resource: str,
        name: str,
        namespace: str | None = None,
        *,
        grace_seconds: int | None = None,
        uid: str | None = None,
    ) -> None:
        """Deletes; an object that is already gone is no error."""
        options: Document = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        try:
            await self.request("DELETE", object_path(api, resource, namespace, name), body=options)
        except ApiError as error:
            if not error.is_missing:
                raise

    def watch(
        self,
        api: str,
        resource: str,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        on_synced: Callable[[], None] | None = None,
    ) -> AsyncIterator[watching.WatchEvent]:
        """Every object once as ADDED, then each change, for ever; `on_synced` is called after each full list."""
        path, query = object_path(api, resource, namespace), selectors(label_selector, field_selector)
        return watching.watch(self, path, query, on_synced)
