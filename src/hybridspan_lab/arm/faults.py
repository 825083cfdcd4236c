"""Faults on purpose: which request is to be refused, delayed or cut, and which operation is to fail or never to end.

A fault waits for the nth matching request, then strikes `times` times. Matching is by operation (`peering.put`), or by
method and resource type (`*` for any, `microsoft.network/virtualnetworks/virtualnetworkpeerings` for one), and, if
given, by a part of the path. Polls of operations are requests like any other.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hybridspan_lab.arm.errors import ArmError
from hybridspan_lab.arm.paths import Target

REFUSALS: Final[Mapping[str, tuple[int, str, str]]] = {
    "429": (429, "TooManyRequests", "The request was throttled."),
    "500": (500, "InternalServerError", "Encountered internal server error."),
    "503": (503, "ServerTimeout", "The request timed out. Please retry."),
    "409": (
        409,
        "OperationNotAllowed",
        (
            "Operation is not allowed because there's an in progress operation; please wait for it to finish. "
            "See https://aka.ms/aks-pending-operation for details."
        ),
    ),
    "not-provisioned": (
        400,
        "ReferencedResourceNotProvisioned",
        (
            "Cannot proceed with operation because a resource used by it is not in Succeeded state. Resource is in "
            "Updating state and the last operation that updated/is updating the resource is PutSubnetOperation."
        ),
    ),
    "retryable": (
        429,
        "RetryableError",
        "A retryable error occurred: the operation could not be started because of another operation.",
    ),
    "busy": (
        429,
        "AnotherOperationInProgress",
        "Another operation on this or dependent resource is in progress.",
    ),
    "not-registered": (
        409,
        "MissingSubscriptionRegistration",
        (
            "The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for how to "
            "register subscriptions."
        ),
    ),
    "forbidden": (
        403,
        "AuthorizationFailed",
        "The client does not have authorization to perform the action.",
    ),
    "quota": (
        400,
        "ErrCode_InsufficientVCPUQuota",
        "Insufficient regional vcpu quota left for location. left regional vcpu quota 0.",
    ),
}
RETRYABLE_DETAIL: Final = {
    "code": REFUSALS["not-provisioned"][1],
    "message": REFUSALS["not-provisioned"][2],
}
RESOURCES: Final[Mapping[str, str]] = {
    "group": "microsoft.resources/resourcegroups",
    "network": "microsoft.network/virtualnetworks",
    "subnet": "microsoft.network/virtualnetworks/subnets",
    "peering": "microsoft.network/virtualnetworks/virtualnetworkpeerings",
    "security": "microsoft.network/networksecuritygroups",
    "rule": "microsoft.network/networksecuritygroups/securityrules",
    "cluster": "microsoft.containerservice/managedclusters",
    "pool": "microsoft.containerservice/managedclusters/agentpools",
    "user-credential": "microsoft.containerservice/managedclusters/listclusterusercredential",
    "admin-credential": "microsoft.containerservice/managedclusters/listclusteradmincredential",
    "network-poll": "microsoft.network/locations/operations",
    "cluster-poll": "microsoft.containerservice/locations/operations",
}
VERBS: Final = ("get", "head", "put", "patch", "post", "delete", "*")
REFUSE: Final = "refuse"
"""Whatever refusal is asked for: its `status`, `code` and `message` are given."""
KINDS: Final = (*REFUSALS, REFUSE, "slow", "reset", "lost-answer", "fails-at-end", "never-ends")


@dataclass(slots=True)
class Fault:
    """One entry of the table."""

    id: int
    kind: str
    method: str = "*"
    type: str = "*"
    path_part: str = ""
    nth: int = 1
    times: int = 1
    seconds: float = 0.0
    """Delay of `slow`, `Retry-After` of a refusal in whole seconds (0: none is sent)."""
    code: str = ""
    message: str = ""
    status: int = 400
    """Of the kind `refuse`."""
    seen: int = 0
    struck: int = 0

    def to_document(self) -> dict[str, Any]:
        """The entry for a person or a program."""
        return {name: getattr(self, name) for name in self.__slots__}

    def matches(self, method: str, target: Target) -> bool:
        """Whether a request is one of those this fault is about."""
        return (
            self.method in ("*", method)
            and self.type in ("*", target.full_type)
            and self.path_part.lower() in target.key
        )

    def refusal(self, target: Target) -> ArmError:
        """The answer of a refusing kind."""
        own = (self.status, "BadRequest", "The request was refused on purpose.")
        status, code, message = own if self.kind == REFUSE else REFUSALS[self.kind]
        message = message.format(namespace=target.namespace)
        headers = {"Retry-After": str(math.ceil(self.seconds))} if self.seconds > 0 else {}
        details = (RETRYABLE_DETAIL,) if self.kind == "retryable" else ()
        return ArmError(status, self.code or code, self.message or message, details=details, headers=headers)

    def failure(self) -> dict[str, Any]:
        """The error of an operation that fails at its end."""
        return {
            "code": self.code or "InternalServerError",
            "message": self.message or "An error occurred while the operation was carried out.",
        }


@dataclass(slots=True)
class FaultTable:
    """All faults that are set; empty at start, forgotten at the end of the process."""

    _faults: list[Fault] = field(default_factory=list)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def add(
        self,
        kind: str,
        *,
        operation: str = "",
        method: str = "*",
        type: str = "*",  # noqa: A002 - the word of Azure's documents
        path_part: str = "",
        nth: int = 1,
        times: int = 1,
        seconds: float = 0.0,
        code: str = "",
        message: str = "",
        status: int = 400,
    ) -> int:
        """Sets a fault and gives its number; ValueError for a kind or an operation that does not exist.

        `operation` is another way to say method and type: `peering.put`, `cluster.delete`, `network-poll.get`.
        """
        if kind not in KINDS:
            raise ValueError(f"no such fault: {kind}; there are {', '.join(KINDS)}")
        if operation:
            method, type = _method_and_type(operation)  # noqa: A001
        fault = Fault(
            next(self._ids),
            kind,
            method.upper(),
            type.lower(),
            path_part,
            nth,
            times,
            seconds,
            code,
            message,
            status,
        )
        self._faults.append(fault)
        return fault.id

    def clear(self, fault_id: int | None = None) -> None:
        """Forgets one fault, or all."""
        self._faults = [fault for fault in self._faults if fault_id is not None and fault.id != fault_id]

    def list(self) -> tuple[Fault, ...]:
        """What is set, with how often it was seen and struck."""
        return tuple(self._faults)

    def strike(self, method: str, target: Target) -> Fault | None:
        """The fault that this request meets, if any; counts the request."""
        hit: Fault | None = None
        for fault in self._faults:
            if not fault.matches(method, target):
                continue
            fault.seen += 1
            if hit is None and fault.seen >= fault.nth and fault.struck < fault.times:
                fault.struck += 1
                hit = fault
        return hit


def _method_and_type(operation: str) -> tuple[str, str]:
    resource, _, verb = operation.lower().partition(".")
    if resource not in RESOURCES or verb not in VERBS:
        known = f"one of {', '.join(RESOURCES)}, a dot, and one of {', '.join(VERBS)}"
        raise ValueError(f"no such operation: {operation}; it is {known}")
    return verb, RESOURCES[resource]
