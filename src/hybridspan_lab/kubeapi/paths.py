"""Addresses of objects: path and query as the API server wants them."""

from __future__ import annotations


def object_path(
    api: str, resource: str, namespace: str | None = None, name: str = "", subresource: str = ""
) -> str:
    """`/apis/apps/v1/namespaces/a/statefulsets/b/status`; a resource of the form `pods/log` puts the name between."""
    kind, _, below = resource.partition("/")
    scope = f"/namespaces/{namespace}" if namespace else ""
    tail = "".join(f"/{part}" for part in (name, below, subresource) if part)
    return f"{api}{scope}/{kind}{tail}"


def selectors(label_selector: str, field_selector: str) -> dict[str, str]:
    """The query that narrows a list or a watch; empty selectors are left out."""
    query = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {name: value for name, value in query.items() if value}
