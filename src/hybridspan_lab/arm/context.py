"""What every provider works with: the state, the operations, the outside world, and the values of a request."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hybridspan_lab.arm.access import AccessList
from hybridspan_lab.arm.credentials import Credentials
from hybridspan_lab.arm.documents import Document, Documents, DocumentStore
from hybridspan_lab.arm.faults import FaultTable
from hybridspan_lab.arm.operations import Operations
from hybridspan_lab.arm.paths import Target
from hybridspan_lab.arm.ports import ClusterHost
from hybridspan_lab.arm.tokens import Bearer

NetworkListener = Callable[[Documents], Awaitable[None] | None]
"""Told of every change of networks, peerings and rules; what it returns is awaited before the operation ends."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a lab may choose."""

    clock_scale: float = 1.0
    """Multiplies the length of every operation; 1.0 is 0.3 to 1 s for networks."""
    page_size: int = 100
    """Entries of a list before it is cut with a nextLink."""
    throttling: bool = True
    token_lifetime: int = 3600
    """Seconds."""
    vcpu_quota: int = 100
    """Virtual CPUs of a subscription in each location."""
    family_quota: int = 100
    """Of those, of each family of machines."""
    kubernetes_versions: tuple[str, ...] = ("1.33.5", "1.35.8", "1.36.5", "1.37.2")
    """Patch versions on offer, oldest first; the newest is the default, and the one that the lab's control planes are."""

    long_term_versions: tuple[str, ...] = ("1.30.104", "1.31.101")
    """Those that only clusters with long-term support get."""

    restricted_sizes: tuple[tuple[str, str], ...] = ()
    """Sizes and locations, in lower case, that the subscriptions may not have."""

    further_sizes: tuple[str, ...] = ()
    """Sizes of machines that the list of sizes has besides the usual ones."""

    @property
    def quotas(self) -> tuple[int, int]:
        """The region's and each family's."""
        return self.vcpu_quota, self.family_quota


@dataclass(frozen=True, slots=True)
class ArmRequest:
    """A request past the gateway: authenticated, its api-version well formed, its body read."""

    method: str
    target: Target
    query: Mapping[str, str]
    """Names in lower case."""
    headers: Mapping[str, str]
    body: Document
    base: str
    bearer: Bearer
    fault: dict[str, Any] | None = None
    """How the operation that this request starts is to end badly, if it is."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: status, body or None, further headers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Arm:
    """The Resource Manager's parts."""

    store: DocumentStore
    operations: Operations
    faults: FaultTable
    credentials: Credentials
    host: ClusterHost
    settings: Settings
    listener: NetworkListener
    access: AccessList

    def clear_faults(self, fault_id: int | None = None) -> None:
        """Forgets one fault, or all; operations that it kept from ending end."""
        self.faults.clear(fault_id)
        self.operations.release(fault_id)

    async def network_changed(self) -> None:
        """Tells the network of the new documents, and waits for it."""
        told = self.listener(self.store.all)
        if inspect.isawaitable(told):
            await told


def new_etag() -> str:
    """An etag as Azure writes them."""
    return f'W/"{uuid.uuid4()}"'
