"""Long writes: in which order a PUT or a DELETE is judged, what it locks, how it answers and how it ends.

Types differ in what they write and refuse; the course is the same for all, and only here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hybridspan_lab.arm.context import Answer, ArmRequest
from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.operations import Action, Operation
from hybridspan_lab.arm.paths import Target
from hybridspan_lab.arm.providers.kind import Kind


@dataclass(frozen=True, slots=True)
class Write:
    """One kind of long write: its operation's name, its length in seconds, and what error texts call it."""

    action: str
    seconds: float
    verb: str


class LongWritten(Kind):
    """A resource type whose writes are operations."""

    root: ClassVar[str]
    """The path segment whose resource's lock (and, with networks, etag) all its children share."""
    puts: ClassVar[Write]
    deletes: ClassVar[Write]

    def put(self, request: ArmRequest) -> Answer:
        self.require_parent(request.target)
        key, existing = request.target.key, self.arm.store.get(request.target.key)
        self.check_etag(request, existing)
        self.refuse_when_busy(request)
        document = self.write(request, existing)
        operation = self.begin(request, self.puts)
        return self.accepted(request, operation, 200 if existing else 201, self.render(key, document))

    def delete(self, request: ArmRequest) -> Answer:
        document = self.arm.store.get(request.target.key)
        if document is None:
            return Answer(204)
        self.check_etag(request, document)
        self.refuse_when_busy(request)
        self.check_removal(request.target.key, document)
        self.settle(request.target.key, "Deleting")
        return self.accepted(request, self.begin(request, self.deletes), 202)

    def actions(self) -> dict[str, Action]:
        return {
            self.puts.action: Action(self.puts.seconds, self.ready, self.fail),
            self.deletes.action: Action(self.deletes.seconds, self.gone, self.fail),
        }

    # ---- what types fill in

    def require_parent(self, target: Target) -> None:
        """The refusal when the resource group, or what the resource is part of, does not exist."""
        self.require_group(target)

    def patch(self, request: ArmRequest) -> Answer:
        self.require_group(request.target)
        self.refuse_when_busy(request)
        return super().patch(request)

    def refuse_when_busy(self, request: ArmRequest) -> None:
        """The refusal while another operation holds the lock."""

    def also_changed(self, key: str) -> str:
        """The key of another resource that a write of this one changes, and therefore locks; empty where there is none."""
        return ""

    def write(self, request: ArmRequest, existing: Document | None) -> Document:
        """Judges the body and keeps what is wanted, before the operation begins."""
        raise NotImplementedError

    def check_removal(self, key: str, document: Document) -> None:
        """The refusal when somebody needs the resource."""

    async def ready(self, operation: Operation) -> None:
        """The write has taken effect."""
        self.settle(operation.path, "Succeeded")

    async def gone(self, operation: Operation) -> None:
        """The delete has taken effect."""
        self.arm.store.remove(operation.path)

    def fail(self, operation: Operation, error: dict[str, Any]) -> None:
        """What a failed operation leaves: the document as it was put, in state Failed."""
        self.settle(operation.path, "Failed")

    # ---- locks, states, answers

    def root_key(self, key: str) -> str:
        """The key of the resource that a path is, or is in, and that holds the lock."""
        parts = key.lower().split("/")
        return "/".join(parts[: parts.index(self.root) + 2])

    def settle(self, key: str, state: str) -> None:
        """Sets a document's provisioning state, if it is still there."""
        if document := self.arm.store.get(key):
            document["properties"]["provisioningState"] = state
            self.arm.store.put(key, document)

    def begin(self, request: ArmRequest, write: Write) -> Operation:
        """Starts an operation on the request's resource."""
        document = self.arm.store.get(request.target.key) or {}
        top = self.arm.store.get(_top_level(request.target)) or {}
        return self.arm.operations.start(
            write.action,
            request.target.key,
            subscription=request.target.subscription or "",
            namespace=self.type.split("/", maxsplit=1)[0],
            location=str(document.get("location") or top.get("location") or "global"),
            lock=self.root_key(request.target.key),
            verb=write.verb,
            fault=request.fault,
            also=self.also_changed(request.target.key),
        )

    def accepted(self, request: ArmRequest, operation: Operation, status: int, body: Any = None) -> Answer:
        """The answer of a long write: where to ask, and when."""
        watch, result = self.arm.operations.urls(operation, request.base)
        headers = {"Azure-AsyncOperation": watch, **self.arm.operations.delay(operation)}
        if status == 202 or request.method == "DELETE":
            headers["Location"] = result
        if self.type.startswith("Microsoft.Network"):
            headers["azure-asyncnotification"] = "Enabled"
        return Answer(status, body, headers)


def _top_level(target: Target) -> str:
    if not target.types or target.group is None:
        return target.key
    return f"{target.scope}/providers/{target.namespace}/{target.types[0]}/{target.names[0]}"
