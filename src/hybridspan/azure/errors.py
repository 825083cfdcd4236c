"""From the SDKs' exceptions to our own two families, with Azure's code and words, the request's id and the next move."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from hybridspan.azure.refusals import ABSENT, OPERATION_FAILED, Meaning, hint_for, meaning
from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure


def is_absent(error: HttpResponseError) -> bool:
    """Whether it only says that the resource does not exist."""
    return error.status_code == 404 and (arm_code(error) in ABSENT or not arm_code(error))


def arm_code(error: HttpResponseError) -> str:
    """Azure's own code, or empty where the answer had none."""
    return str(getattr(error.error, "code", None) or "")


def translate(error: AzureError, where: str) -> HybridspanError:
    """The failure that an SDK's exception means; raise it `from` the exception."""
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return _unreachable(error, where)
    if isinstance(error, HttpResponseError) and error.response is not None:
        return _refusal(error, where)
    if isinstance(error, ClientAuthenticationError):
        return _sign_in(error, where)
    return PermanentFailure(
        "HS-AZURE-011",
        "Azure's SDK gave up",
        where=where,
        why=_first_line(error),
        hint="run apply again: it goes on where Azure then is; the journal has what was sent (hybridspan support-bundle)",
    )


def _refusal(error: HttpResponseError, where: str) -> HybridspanError:
    response: Any = error.response
    status, code = int(response.status_code), arm_code(error)
    text = str(getattr(error.error, "message", None) or _first_line(error))
    said = meaning(status, _inner(error) or code, text)
    if status < 400 and not said.is_temporary:  # the status of an operation that ran and failed
        said = OPERATION_FAILED if said.code == "HS-AZURE-011" else said
    request = response.headers.get("x-ms-request-id", "")
    why = f"{code or f'HTTP {status}'}: {text}" + (f" (request {request})" if request else "")
    return failure(said, where, why, retry_after(response.headers))


def _inner(error: HttpResponseError) -> str:
    """The first detail's code where the outer one only says that it may be tried again."""
    details = getattr(error.error, "details", None) or ()
    if arm_code(error) == "RetryableError" and details:
        return str(getattr(details[0], "code", "") or "")
    return ""


def failure(said: Meaning, where: str, why: str, delay: float | None = None) -> HybridspanError:
    """The failure for that meaning."""
    hint = hint_for(said, where, why)
    if said.is_temporary:
        return TemporaryFailure(
            said.code, said.message, where=where, why=why, hint=hint, retry_after=delay or said.delay
        )
    return PermanentFailure(said.code, said.message, where=where, why=why, hint=hint)


def _unreachable(error: AzureError, where: str) -> HybridspanError:
    text = _first_line(error)
    if isinstance(error.inner_exception, ssl.SSLError) or "certificate verify failed" in text.lower():
        return PermanentFailure(
            "HS-AZURE-004",
            "the Resource Manager's certificate is not trusted",
            where=where,
            why=text,
            hint="name its CA in REQUESTS_CA_BUNDLE; never switch verification off",
        )
    return TemporaryFailure(
        "HS-AZURE-003",
        "no connection to Azure",
        where=where,
        why=text,
        hint="check the network, HTTPS_PROXY and the endpoint's name",
    )


def _sign_in(error: AzureError, where: str) -> PermanentFailure:
    return PermanentFailure(
        "HS-AZURE-001",
        "signing in to Azure failed",
        where=where,
        why=_first_line(error),
        hint="az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that Azure asks to wait, fractions included; None where it asks for nothing."""
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if value := headers.get(name):
            return _number(value, 1000.0)
    value = headers.get("Retry-After") or headers.get("retry-after")
    if not value:
        return None
    return _number(value, 1.0) if value[:1].isdigit() else _until(value, headers.get("Date"))


def _number(value: str, scale: float) -> float | None:
    try:
        return float(value) / scale
    except ValueError:
        return None


def _until(moment: str, now: str | None) -> float | None:
    """Seconds between the answer's own date and the moment that it names; neither clock of ours is needed."""
    try:
        return max(0.0, (parsedate_to_datetime(moment) - parsedate_to_datetime(now or "")).total_seconds())
    except (ValueError, TypeError):
        return None


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]
