"""What an API server answers: documents, lists and refusals."""

from __future__ import annotations

import json
from typing import Any

Document = dict[str, Any]


class ApiError(Exception):
    """The API server's refusal; `status` is the HTTP code, or 0 when the server could not be reached."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message

    @property
    def is_missing(self) -> bool:
        return self.status == 404

    @property
    def is_conflict(self) -> bool:
        """True for AlreadyExists and for a write against an old resource version."""
        return self.status == 409


def refusal(status: int, text: str) -> ApiError:
    """The error of an answer from 400 on; its body is a Status document, or words of whatever stands before the server."""
    try:
        answer = json.loads(text)
    except ValueError:
        return ApiError(status, "", text[:500])
    if not isinstance(answer, dict):
        return ApiError(status, "", text[:500])
    return ApiError(status, str(answer.get("reason", "")), str(answer.get("message", text[:500])))


def complete_items(answer: Document) -> list[Document]:
    """Items of a list with the kind and version that the API leaves out of them."""
    kind = str(answer.get("kind", "")).removesuffix("List")
    return [
        {"apiVersion": answer.get("apiVersion"), "kind": kind, **item} for item in answer.get("items") or []
    ]
