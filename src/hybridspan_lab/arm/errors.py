"""What the Resource Manager refuses, in its own words.

A refusal is an exception that carries the HTTP status and the error envelope
`{"error": {"code", "message", "target"?, "details"?}}`. The texts follow what real clients have quoted; people and
programs search for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hybridspan_lab.arm.paths import Target


class ArmError(Exception):
    """A refusal as the Resource Manager words it."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: tuple[Mapping[str, Any], ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.target = target
        self.details = details
        self.headers = dict(headers or {})

    def inner(self) -> dict[str, Any]:
        """The error itself: what stands under `error`, also in a failed operation."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target is not None:
            body["target"] = self.target
        if self.details:
            body["details"] = [dict(detail) for detail in self.details]
        return body

    def envelope(self) -> dict[str, Any]:
        """The whole response body."""
        return {"error": self.inner()}


GATEWAY = {"x-ms-failure-cause": "gateway"}


def bad_request(code: str, message: str, *, target: str | None = None) -> ArmError:
    """A 400 with that code."""
    return ArmError(400, code, message, target=target)


def group_not_found(name: str) -> ArmError:
    """The resource group is missing."""
    return ArmError(
        404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.", headers=GATEWAY
    )


def resource_not_found(target: Target) -> ArmError:
    """The resource is missing."""
    message = (
        f"The Resource '{target.type_and_names}' under resource group '{target.group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    return ArmError(404, "ResourceNotFound", message, headers=GATEWAY)


def child_not_found(target: Target) -> ArmError:
    """A child resource is missing; the network provider answers this one itself."""
    return ArmError(404, "NotFound", f"Resource {target.path} not found.")


def parent_not_found(target: Target) -> ArmError:
    """A write below a parent that does not exist."""
    message = (
        f"Can not perform requested operation on nested resource. Parent resource "
        f"'{target.parent.name}' not found."
    )
    return ArmError(404, "ParentResourceNotFound", message)


def reference_not_found(named: str, user: str) -> ArmError:
    """A body refers to a resource that does not exist, or that is elsewhere."""
    message = (
        f"Resource {named} referenced by resource {user} was not found. Please make sure that the referenced "
        "resource exists, and that both resources are in the same region."
    )
    return bad_request("InvalidResourceReference", message)


def unknown_member(path: str, type_name: str) -> ArmError:
    """The network provider parses strictly."""
    name = path.rsplit(".", 1)[-1]
    detail = {
        "code": "InvalidJson",
        "message": f"Could not find member '{name}' on object of type '{type_name.rsplit('/', 1)[-1]}'. Path '{path}'.",
    }
    return ArmError(400, "InvalidRequestFormat", "Cannot parse the request.", details=(detail,))


def wrong_value(path: str, value: Any, type_name: str) -> ArmError:
    """The network provider converts no text into what it wants."""
    detail = {
        "code": "InvalidJson",
        "message": f"Error converting value {value!r} to type 'System.{type_name}'. Path '{path}'.",
    }
    return ArmError(400, "InvalidRequestFormat", "Cannot parse the request.", details=(detail,))


def unknown_type(target: Target) -> ArmError:
    """Neither Azure's provider nor ours has such a type."""
    message = (
        f"The resource type '{'/'.join(target.types)}' could not be found in the namespace "
        f"'{target.namespace}' for api version. The lab has no route for it."
    )
    return ArmError(404, "InvalidResourceType", message, headers=GATEWAY)


def method_not_allowed(method: str, target: Target) -> ArmError:
    """The type exists, the verb does not."""
    message = f"The HTTP method '{method}' is not supported at scope '{target.path}'."
    return ArmError(405, "HttpMethodNotAllowed", message)


def precondition_failed(path: str) -> ArmError:
    """If-Match names an older state."""
    message = f"Precondition failed: the etag given for {path} does not match the resource's current one."
    return ArmError(412, "PreconditionFailed", message)


def another_operation(uri: str) -> ArmError:
    """The virtual network is locked by an operation that still runs."""
    message = (
        "Another operation on this or dependent resource is in progress. "
        f"To retrieve status of the operation use uri: {uri}."
    )
    return ArmError(429, "AnotherOperationInProgress", message, headers={"Retry-After": "1"})


def not_provisioned(resource: str, user: str, operation: str, state: str = "Updating") -> ArmError:
    """The most reported peering race: a network reads Succeeded while one of its subnets is being put.

    One that has failed is refused in the same words.
    """
    message = (
        f"Cannot proceed with operation because resource {resource} used by resource {user} is not in "
        f"Succeeded state. Resource is in {state} state and the last operation that updated/is updating "
        f"the resource is {operation}."
    )
    return bad_request("ReferencedResourceNotProvisioned", message)
