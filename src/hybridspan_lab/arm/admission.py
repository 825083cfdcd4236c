"""What a request must be before anybody looks at what it asks for: its token, its api-version, its body."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final

from aiohttp import web

from hybridspan_lab.arm.errors import ArmError, bad_request
from hybridspan_lab.arm.login import base_url
from hybridspan_lab.arm.paths import Target
from hybridspan_lab.arm.tokens import Bearer, TokenDesk, TokenRefused

API_VERSION: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(-preview|-privatepreview|-beta)?")
FIRST_VERSION: Final = "2014-01-01"
"""Resource Manager's own beginning; every release of every client has other versions after it."""


def authenticate(request: web.Request, desk: TokenDesk, tenant: str) -> Bearer:
    """Whom the bearer token speaks for; ArmError 401 with ARM's code otherwise."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        message = "Authentication failed. The 'Authorization' header is missing."
        raise _unauthorized(request, tenant, "AuthenticationFailed", message)
    try:
        return desk.check(token, base_url(request))
    except TokenRefused as refused:
        raise _unauthorized(request, tenant, refused.code, str(refused)) from refused


def _unauthorized(request: web.Request, tenant: str, code: str, message: str) -> ArmError:
    authority = f"{base_url(request)}/{tenant}"
    challenge = (
        f'Bearer authorization_uri="{authority}", error="invalid_token", error_description="{message}"'
    )
    return ArmError(401, code, message, headers={"WWW-Authenticate": challenge})


def query_of(request: web.Request) -> dict[str, str]:
    """The query with its names in lower case."""
    return {name.lower(): value for name, value in request.query.items()}


def check_version(request: web.Request, target: Target) -> None:
    """ArmError 400 for a request without an api-version, or with one that nobody ever had."""
    version = query_of(request).get("api-version")
    if version is None:
        message = "The api-version query parameter (?api-version=) is required for all requests."
        raise bad_request("MissingApiVersionParameter", message)
    if _could_be(version):
        return
    if target.namespace.lower() == "microsoft.resources":
        message = f"The api-version '{version}' is invalid. The supported versions are '{SUPPORTED}'."
        raise bad_request("InvalidApiVersionParameter", message)
    message = (
        f"No registered resource provider found for location '' and API version '{version}' for type "
        f"'{'/'.join(target.types)}'. The supported api-versions are '{SUPPORTED}'. The supported locations are ''."
    )
    raise bad_request("NoRegisteredProviderFound", message)


SUPPORTED: Final = "2014-04-01, …, 2026-09-01"


def _could_be(version: str) -> bool:
    found = API_VERSION.fullmatch(version)
    if found is None:
        return False
    try:
        dt.date.fromisoformat(found[1])
    except ValueError:
        return False
    return found[1] >= FIRST_VERSION


async def body_of(request: web.Request) -> dict[str, Any]:
    """The body, a JSON object or nothing; ArmError otherwise."""
    raw = await request.read()
    if not raw.strip():
        return {}
    if request.content_type != "application/json":
        message = f"The content media type '{request.content_type}' is not supported. Only 'application/json' is supported."
        raise ArmError(415, "UnsupportedMediaType", message)
    try:
        body = await request.json()
    except ValueError as wrong:
        message = "The request content was invalid and could not be deserialized."
        raise bad_request("InvalidRequestContent", message) from wrong
    if not isinstance(body, dict):
        raise bad_request("InvalidRequestContent", "The request content must be a JSON object.")
    return body
