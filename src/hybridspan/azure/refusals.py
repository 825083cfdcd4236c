"""What Azure's error codes mean for a run: whether waiting helps, what to call it, what a person does next.

The codes are those that real clients have met on what we use; what is not in the table is judged by its HTTP status.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Meaning:
    """How one of Azure's refusals is taken; `delay` is in seconds, for where Azure names none."""

    code: str
    message: str
    hint: str
    is_temporary: bool = False
    delay: float | None = None


_SIGN_IN = Meaning(
    "HS-AZURE-001",
    "Azure does not accept who we are",
    "sign in again (az login), or correct AZURE_TENANT_ID, AZURE_CLIENT_ID and the secret",
)
_RIGHTS = Meaning(
    "HS-AZURE-002",
    "the right to do this is missing",
    "give the role that docs/azure.md lists for this action, on this scope; it may take minutes to count",
)
_THROTTLED = Meaning(
    "HS-AZURE-005",
    "Azure asks for fewer requests",
    "wait; others use the same subscription's budget",
    is_temporary=True,
    delay=2.0,
)
_BUSY = Meaning(
    "HS-AZURE-006",
    "another operation on this resource, or on one that it refers to, is under way",
    "wait for it to end; az monitor activity-log list names who began it",
    is_temporary=True,
    delay=1.0,
)
_SERVER = Meaning(
    "HS-AZURE-007",
    "Azure failed to answer",
    "see https://status.azure.com, then run apply again",
    is_temporary=True,
)
_MOVED = Meaning(
    "HS-AZURE-008",
    "somebody else has changed the resource since it was looked at",
    "it is looked at again before anything is written",
    is_temporary=True,
    delay=0.2,
)
_OVERLAP = Meaning(
    "HS-AZURE-009",
    "address ranges overlap, and overlapping networks cannot be peered",
    "give the new network other ranges; a peered network's third parties count too",
)
_PEERING = Meaning(
    "HS-AZURE-010",
    "the peering's other side is not ready for it",
    "both sides are looked at again; a Disconnected side is deleted and made again",
    is_temporary=True,
    delay=0.5,
)
_TAKEN = Meaning(
    "HS-AZURE-018",
    "another peering refers to that network already",
    "az network vnet peering list shows it; delete it or use it",
)
_CAPACITY = Meaning(
    "HS-AZURE-012",
    "Azure has not the capacity or the quota for this",
    "ask for quota (az vm list-usage --location …), choose another size, or a larger subnet",
)
_SUBSCRIPTION = Meaning(
    "HS-AZURE-013",
    "the subscription is not to be found with this sign-in",
    "check spec.azure.subscription and the tenant (az account list)",
)
_POLICY = Meaning(
    "HS-AZURE-019",
    "a policy or a lock forbids it",
    "az policy state list, or az lock list, names it; ask who owns it",
)
_PROVIDER = Meaning(
    "HS-AZURE-020",
    "the subscription has not registered the resource provider",
    "register it, then run apply again",
)
_DIRECTORY = Meaning(
    "HS-AZURE-025",
    "the directory does not know a new identity yet",
    "wait some minutes, then run apply again; az ad sp show --id tells when it does",
    is_temporary=True,
    delay=5.0,
)
_VERSION = Meaning(
    "HS-AZURE-026",
    "this Azure has the resource not in that place, or not by the API's version that we speak",
    "az provider show --namespace Microsoft.Network (or the one named) lists its places and versions; a sovereign cloud may lag behind",
)
_REFUSED = Meaning(
    "HS-AZURE-011",
    "Azure refuses the request",
    "correct what it names, then run apply again",
)
OPERATION_FAILED: Final = Meaning(
    "HS-AZURE-014",
    "the operation was accepted and failed at its end",
    "correct what it names; az resource show tells the state that it left",
)

BY_ARM_CODE: Final[dict[str, Meaning]] = {
    "InvalidAuthenticationToken": _SIGN_IN,
    "ExpiredAuthenticationToken": _SIGN_IN,
    "InvalidAuthenticationTokenTenant": _SIGN_IN,
    "AuthenticationFailed": _SIGN_IN,
    "AuthorizationFailed": _RIGHTS,
    "LinkedAuthorizationFailed": _RIGHTS,
    "TooManyRequests": _THROTTLED,
    "SubscriptionRequestsThrottled": _THROTTLED,
    "OperationNotAllowed": _BUSY,
    "RetryableError": _BUSY,
    "RetryableErrorDueToAnotherOperation": _BUSY,
    "AnotherOperationInProgress": _BUSY,
    "ReferencedResourceNotProvisioned": _BUSY,
    "ResourceNotProvisioned": _BUSY,
    "OperationPreempted": _BUSY,
    "ConcurrentGatewayModification": _BUSY,
    "InternalServerError": _SERVER,
    "InternalExecutionError": _SERVER,
    "InternalOperationError": _SERVER,
    "ServiceUnavailable": _SERVER,
    "ServerTimeout": _SERVER,
    "GatewayTimeout": _SERVER,
    "PreconditionFailed": _MOVED,
    "Conflict": _BUSY,
    "ResourceGroupBeingDeleted": _BUSY,
    "PrincipalNotFound": _DIRECTORY,
    "ServicePrincipalNotFound": _DIRECTORY,
    "VnetAddressSpacesOverlap": _OVERLAP,
    "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet": _OVERLAP,
    "NetcfgSubnetRangesOverlap": _OVERLAP,
    "RemotePeeringIsDisconnected": _PEERING,
    "RemoteVnetHasNotBeenProvisioned": _PEERING,
    "AnotherPeeringAlreadyReferencesRemoteVnet": _TAKEN,
    "QuotaExceeded": _CAPACITY,
    "SkuNotAvailable": _CAPACITY,
    "AllocationFailed": _CAPACITY,
    "ZonalAllocationFailed": _CAPACITY,
    "OverconstrainedAllocationRequest": _CAPACITY,
    "OverconstrainedZonalAllocationRequest": _CAPACITY,
    "AKSCapacityError": _CAPACITY,
    "AKSCapacityHeavyUsage": _CAPACITY,
    "ErrCode_InsufficientVCPUQuota": _CAPACITY,
    "InsufficientSubnetSize": _CAPACITY,
    "SubnetIsFull": _CAPACITY,
    "SubscriptionNotFound": _SUBSCRIPTION,
    "InvalidSubscriptionId": _SUBSCRIPTION,
    "RequestDisallowedByPolicy": _POLICY,
    "ScopeLocked": _POLICY,
    "MissingSubscriptionRegistration": _PROVIDER,
    "NoRegisteredProviderFound": _VERSION,
    "InvalidApiVersionParameter": _VERSION,
    "InvalidResourceType": _VERSION,
    "LocationNotAvailableForResourceType": _VERSION,
}

_BY_LOWER_CODE: Final = {code.lower(): said for code, said in BY_ARM_CODE.items()}
"""AKS and Compute write the same code in different cases: SkuNotAvailable, SKUNotAvailable."""

ABSENT: Final = frozenset({"ResourceNotFound", "ResourceGroupNotFound", "NotFound", "ParentResourceNotFound"})
"""What a 404 says where the resource simply does not exist; any other 404 is a failure to look."""

_PENDING_WORDS: Final = ("in progress", "pending operation", "being ")


def meaning(status: int, arm_code: str, text: str) -> Meaning:
    """How a refusal is taken."""
    if arm_code == "OperationNotAllowed" and not any(word in text.lower() for word in _PENDING_WORDS):
        # Compute says OperationNotAllowed for exhausted quota too, and that does not pass by itself.
        return _CAPACITY if "quota" in text.lower() else _REFUSED
    return _BY_LOWER_CODE.get(arm_code.lower()) or _by_status(status)


PROVIDERS: Final = ("Microsoft.Network", "Microsoft.ContainerService", "Microsoft.Compute")
"""What the subscription of a new region must have registered."""


def registration(names: Iterable[str], subscription: str) -> str:
    """The commands that register providers, as a person types them; each returns when it is done."""
    each = "az provider register --wait --namespace {} --subscription {}"
    return "; ".join(each.format(name, subscription) for name in names)


def hint_for(said: Meaning, where: str, text: str) -> str:
    """The next move; for a provider that is not registered, the command with what Azure named."""
    if said is not _PROVIDER or not where.lower().startswith("/subscriptions/"):
        return said.hint
    named = re.search(r"namespace '([\w.]+)'", text)
    return registration((named[1],) if named else PROVIDERS, where.split("/")[2])


def _by_status(status: int) -> Meaning:
    if status == 401:
        return _SIGN_IN
    if status == 403:
        return _RIGHTS
    if status == 412:
        return _MOVED
    if status == 429:
        return _THROTTLED
    if status == 408 or status >= 500:
        return _SERVER
    return _REFUSED
