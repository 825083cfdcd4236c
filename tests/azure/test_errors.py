from __future__ import annotations

import json
from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ODataV4Format,
    ServiceRequestError,
)

from hybridspan.azure.errors import is_absent, retry_after, translate
from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure

WHERE = "/subscriptions/s/resourceGroups/g"


class Answer:
    """What azure-core keeps of a response, as far as failures ask."""

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self.status_code = status
        self.reason = "because"
        self.headers = headers or {}
        self.body = body

    def text(self, encoding: str | None = None) -> str:
        return json.dumps(self.body)


def refusal(status: int, code: str, message: str = "words", **headers: str) -> HttpResponseError:
    body: dict[str, Any] = {"error": {"code": code, "message": message}}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    error = HttpResponseError(response=Answer(status, body, sent))  # type: ignore[arg-type]
    error.error = ODataV4Format(body)
    return error


def judged(status: int, code: str, message: str = "words", **headers: str) -> HybridspanError:
    return translate(refusal(status, code, message, **headers), WHERE)


@pytest.mark.parametrize(
    ("status", "code", "ours"),
    [
        (400, "ReferencedResourceNotProvisioned", "HS-AZURE-006"),
        (429, "AnotherOperationInProgress", "HS-AZURE-006"),
        (429, "RetryableError", "HS-AZURE-006"),
        (429, "RetryableErrorDueToAnotherOperation", "HS-AZURE-006"),
        (429, "TooManyRequests", "HS-AZURE-005"),
        (429, "SubscriptionRequestsThrottled", "HS-AZURE-005"),
        (412, "PreconditionFailed", "HS-AZURE-008"),
        (400, "RemotePeeringIsDisconnected", "HS-AZURE-010"),
        (500, "SomethingNew", "HS-AZURE-007"),
        (503, "ServerTimeout", "HS-AZURE-007"),
    ],
)
def test_what_passes_by_itself_is_temporary(status: int, code: str, ours: str) -> None:
    failure = judged(status, code)
    assert isinstance(failure, TemporaryFailure)
    assert failure.code == ours


@pytest.mark.parametrize(
    ("status", "code", "ours"),
    [
        (401, "ExpiredAuthenticationToken", "HS-AZURE-001"),
        (403, "AuthorizationFailed", "HS-AZURE-002"),
        (403, "LinkedAuthorizationFailed", "HS-AZURE-002"),
        (403, "RequestDisallowedByPolicy", "HS-AZURE-019"),
        (409, "ScopeLocked", "HS-AZURE-019"),
        (400, "VnetAddressSpacesOverlap", "HS-AZURE-009"),
        (400, "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet", "HS-AZURE-009"),
        (400, "AnotherPeeringAlreadyReferencesRemoteVnet", "HS-AZURE-018"),
        (400, "InsufficientSubnetSize", "HS-AZURE-012"),
        (404, "SubscriptionNotFound", "HS-AZURE-013"),
        (409, "MissingSubscriptionRegistration", "HS-AZURE-020"),
        (400, "NoRegisteredProviderFound", "HS-AZURE-026"),
        (404, "InvalidResourceType", "HS-AZURE-026"),
        (400, "BadRequest", "HS-AZURE-011"),
    ],
)
def test_what_does_not_pass_by_itself_is_permanent(status: int, code: str, ours: str) -> None:
    failure = judged(status, code)
    assert isinstance(failure, PermanentFailure)
    assert failure.code == ours
    assert failure.hint


def test_an_operation_in_progress_is_not_an_exhausted_quota() -> None:
    pending = "Another agentpool operation (pool1 - Creating) is in progress. See https://aka.ms/aks-pending-operation"
    quota = "Operation could not be completed as it results in exceeding approved Total Regional Cores quota."
    assert judged(409, "OperationNotAllowed", pending).code == "HS-AZURE-006"
    assert judged(409, "OperationNotAllowed", quota).code == "HS-AZURE-012"
    assert judged(409, "OperationNotAllowed", "Not with this SKU.").code == "HS-AZURE-011"


def test_a_failure_has_azures_words_the_request_and_the_place() -> None:
    failure = judged(403, "AuthorizationFailed", "The client may not", x_ms_request_id="42")
    assert failure.why == "AuthorizationFailed: The client may not (request 42)"
    assert failure.where == WHERE


def test_azures_delay_is_kept_with_its_fractions() -> None:
    failure = judged(429, "TooManyRequests", Retry_After="0.2")
    assert isinstance(failure, TemporaryFailure)
    assert failure.retry_after == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after-ms": "50"}, 0.05),
        ({"x-ms-retry-after-ms": "1500"}, 1.5),
        ({"Retry-After": "Tue, 24 Nov 2026 00:00:09 GMT", "Date": "Tue, 24 Nov 2026 00:00:00 GMT"}, 9.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_the_delay_may_be_written_in_several_ways(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@pytest.mark.parametrize("code", ["ResourceNotFound", "ResourceGroupNotFound", "NotFound"])
def test_only_some_404_mean_that_a_resource_is_not_there(code: str) -> None:
    assert is_absent(refusal(404, code))
    assert not is_absent(refusal(404, "SubscriptionNotFound"))
    assert not is_absent(refusal(404, "InvalidResourceType"))


def test_an_operation_that_failed_at_its_end_is_judged_by_its_own_code() -> None:
    assert judged(200, "SomeCode").code == "HS-AZURE-014"
    assert judged(200, "QuotaExceeded").code == "HS-AZURE-012"
    assert isinstance(judged(200, "InternalServerError"), TemporaryFailure)


def test_no_connection_is_temporary_and_no_trust_is_not() -> None:
    assert isinstance(translate(ServiceRequestError("no route to host"), WHERE), TemporaryFailure)
    untrusted = translate(
        ServiceRequestError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"), WHERE
    )
    assert untrusted.code == "HS-AZURE-004"


def test_a_sign_in_that_fails_names_the_next_move() -> None:
    failure = translate(ClientAuthenticationError("AADSTS7000215: Invalid client secret"), WHERE)
    assert failure.code == "HS-AZURE-001"
    assert "az login" in failure.hint


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("The subscription is not registered to use namespace 'Microsoft.Compute'.", ["Microsoft.Compute"]),
        ("Not registered.", ["Microsoft.Network", "Microsoft.ContainerService", "Microsoft.Compute"]),
    ],
)
def test_a_provider_that_is_not_registered_has_its_command(words: str, named: list[str]) -> None:
    commands = judged(409, "MissingSubscriptionRegistration", words).hint.split("; ")
    assert commands == [f"az provider register --wait --namespace {name} --subscription s" for name in named]
