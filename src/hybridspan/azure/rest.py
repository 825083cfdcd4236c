"""Plain GETs on Resource Manager, for lists that are worth no SDK of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hybridspan.azure.calls import Document


def get(client: Any, path: str, version: str, query: Mapping[str, str] | None = None) -> Document:
    """The document at that path (or whole URL); HttpResponseError for anything but success. Blocks."""
    from azure.core.exceptions import HttpResponseError
    from azure.core.rest import HttpRequest
    from azure.mgmt.core.exceptions import ARMErrorFormat

    parameters = {"api-version": version, **(query or {})} if path.startswith("/") else None
    request = HttpRequest("GET", client.format_url(path), params=parameters)
    response = client.send_request(request)
    if response.status_code != 200:
        raise HttpResponseError(response=response, error_format=ARMErrorFormat)
    document: Document = response.json()
    return document


def get_all(client: Any, path: str, version: str, query: Mapping[str, str] | None = None) -> Document:
    """A list with all its pages in one."""
    document = get(client, path, version, query)
    found = list(document.get("value") or ())
    while following := document.get("nextLink"):
        document = get(client, following, version)
        found += document.get("value") or ()
    return {"value": found}
