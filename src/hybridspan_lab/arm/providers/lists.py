"""Lists that are cut with a nextLink, their filters, and tags within ARM's limits."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from hybridspan_lab.arm.context import Answer, ArmRequest
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import bad_request

TAGS: Final = 50
TAG_NAME, TAG_VALUE = 512, 256
FORBIDDEN_IN_TAGS: Final = re.compile(r"[<>%&\\?/]")


def checked_tags(tags: Mapping[str, Any]) -> dict[str, str]:
    """Tags within ARM's limits."""
    if len(tags) > TAGS:
        message = f"The number of tags '{len(tags)}' exceeds the maximum allowed '{TAGS}'."
        raise bad_request("InvalidTagLimit", message)
    for name, value in tags.items():
        if not isinstance(value, str):
            message = f"The request content was invalid: the value of tag '{name}' is no text."
            raise bad_request("InvalidRequestContent", message)
        if FORBIDDEN_IN_TAGS.search(name):
            message = f"The tag name '{name}' has reserved characters '<,>,%,&,\\,?,/' or control characters."
            raise bad_request("InvalidTagNameCharacters", message)
        if len(name) > TAG_NAME or len(value) > TAG_VALUE:
            message = f"A tag's name may have {TAG_NAME} characters and its value {TAG_VALUE}; '{name[:40]}' has more."
            raise bad_request("InvalidTag", message)
    return dict(tags)


def paged(request: ArmRequest, documents: list[Document], size: int) -> Answer:
    """A list, cut after `size` entries (or `$top`) with a nextLink to be used as it is."""
    top = request.query.get("$top") or str(size)
    if not top.isdigit() or int(top) < 1:
        raise bad_request("InvalidTopInQueryString", f"Invalid $top '{top}' specified in the query string.")
    size = min(size, int(top))
    start = _skipped(request.query.get("$skiptoken"))
    body: Document = {"value": documents[start : start + size]}
    if start + size < len(documents):
        token = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        kept = "&".join(f"{n}={quote(v)}" for n, v in request.query.items() if n != "$skiptoken")
        body["nextLink"] = f"{request.base}{quote(request.target.path)}?{kept}&%24skiptoken={quote(token)}"
    return Answer(200, body)


def filtered(documents: list[Document], expression: str, names: tuple[str, ...]) -> list[Document]:
    """The documents that `tagName eq 'a' and tagValue eq 'b'` (and further `names`) let through; ArmError for others."""
    terms = filter_terms(expression, ("tagname", "tagvalue", *names))
    found = documents
    if name := terms.get("tagname"):
        found = [d for d in found if name in {tag.lower() for tag in d.get("tags") or {}}]
    if value := terms.get("tagvalue"):
        found = [d for d in found if value in {str(tag).lower() for tag in (d.get("tags") or {}).values()}]
    return found


def filter_terms(expression: str, known: tuple[str, ...]) -> dict[str, str]:
    """The terms of `resourceType eq '…' and resourceGroup eq '…'`, in lower case; ArmError for any other."""
    terms: dict[str, str] = {}
    for term in filter(None, re.split(r"\s+and\s+", expression, flags=re.IGNORECASE)):
        left, found, right = term.partition(" eq ")
        name = left.strip().lower()
        if not found or name not in known:
            message = f"Invalid $filter '{expression}' specified in the query string."
            raise bad_request("InvalidFilterInQueryString", message)
        terms[name] = right.strip().strip("'").lower()
    return terms


def _skipped(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token).decode())
    except ValueError as odd:
        raise bad_request("InvalidSkipToken", f"The skip token '{token}' is not valid.") from odd
