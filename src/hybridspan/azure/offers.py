"""What a location has to give before a cluster is asked for: sizes with their zones, quota, Kubernetes versions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from hybridspan.azure.calls import ArmCalls, Document
from hybridspan.azure.documents import LONG_TERM
from hybridspan.azure.networks import Clients
from hybridspan.azure.refusals import PROVIDERS
from hybridspan.azure.rest import get, get_all
from hybridspan.errors import HybridspanError
from hybridspan.facts import azure_versions as api_versions
from hybridspan.facts.azure import OfferFacts, QuotaFacts, SizeFacts
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region

_Read = TypeVar("_Read")


class Offers:
    """Reads what a location, and the subscription in it, has.

    Sizes and versions stay as they are while a process runs, and their lists are long: each is read once. Quota is what others
    take meanwhile, and is always read.
    """

    def __init__(self, clients: Clients, calls: ArmCalls) -> None:
        self._clients = clients
        self._calls = calls
        self._sizes_known: dict[str, tuple[SizeFacts, ...]] = {}
        self._versions_known: dict[str, tuple[Document, ...]] = {}

    async def facts(self, region: Region) -> OfferFacts:
        """What the location offers to the cluster's subscription; why it could not be asked where it could not."""
        try:
            missing = await self._unregistered(region)
            if missing:  # such a provider may answer nothing else
                return OfferFacts((), (), (), unregistered=missing)
            sizes, usages, versions = await asyncio.gather(
                _once(self._sizes_known, self._place(region), lambda: self._sizes(region)),
                self._usages(region),
                _once(self._versions_known, self._place(region), lambda: self._versions(region)),
            )
        except HybridspanError as failure:
            return OfferFacts((), (), (), problem=f"{failure.message}: {failure.why}")
        wanted = {pool.vm_size.lower() for pool in region.cluster.node_pools}
        return OfferFacts(
            _sorted(v for d in versions if not is_long_term_only(d) for v in patches(d)),
            tuple(s for s in sizes if s.name.lower() in wanted),
            tuple(quota(d) for d in usages),
            long_term_versions=_sorted(v for d in versions if is_long_term_only(d) for v in patches(d)),
        )

    async def _unregistered(self, region: Region) -> tuple[str, ...]:
        """The providers that refuse every write until somebody registers them, as in a subscription that is new."""
        states = await asyncio.gather(*(self._registration(region, name) for name in PROVIDERS))
        return tuple(
            name for name, state in zip(PROVIDERS, states, strict=True) if state not in ("Registered", "")
        )

    async def _registration(self, region: Region, provider: str) -> str:
        path = f"/subscriptions/{self._subscription(region)}/providers/{provider}"

        def call() -> Any:
            return get(self._clients(self._subscription(region)).rest, path, api_versions.PROVIDERS)

        # Once for all regions of the subscription: with forty of them each would be a request of the reads' budget.
        document = await self._calls.looks.shared(path, lambda: self._calls.read(call, path))
        return str((document or {}).get("registrationState") or "")

    async def _sizes(self, region: Region) -> tuple[SizeFacts, ...]:
        path = f"/subscriptions/{self._subscription(region)}/providers/Microsoft.Compute/skus"
        only = f"location eq '{region.name}'"
        found = await self._all(region, path, api_versions.COMPUTE_SKUS, {"$filter": only})
        return tuple(size(d, region.name) for d in found if d.get("resourceType") == "virtualMachines")

    async def _usages(self, region: Region) -> list[Document]:
        return await self._all(
            region, self._located(region, "Microsoft.Compute", "usages"), api_versions.COMPUTE, {}
        )

    async def _versions(self, region: Region) -> tuple[Document, ...]:
        path = self._located(region, "Microsoft.ContainerService", "kubernetesVersions")

        def call() -> Any:
            return get(self._clients(self._subscription(region)).rest, path, api_versions.CONTAINER_SERVICE)

        return tuple((await self._calls.read(call, path) or {}).get("values") or ())

    async def _all(self, region: Region, path: str, version: str, query: Mapping[str, str]) -> list[Document]:
        def call() -> Any:
            return get_all(self._clients(self._subscription(region)).rest, path, version, query)

        return (await self._calls.read(call, path) or {}).get("value") or []

    def _located(self, region: Region, provider: str, what: str) -> str:
        subscription = self._subscription(region)
        return f"/subscriptions/{subscription}/providers/{provider}/locations/{region.name}/{what}"

    def _place(self, region: Region) -> str:
        return f"{self._subscription(region)}/{region.name}".lower()

    def _subscription(self, region: Region) -> str:
        return azure_ids.cluster_place(region).subscription


async def _once(known: dict[str, _Read], place: str, look: Callable[[], Awaitable[_Read]]) -> _Read:
    """What that look gave of the place, or gives now; one that fails is made again."""
    if place not in known:
        known[place] = await look()
    return known[place]


def size(document: Document, location: str) -> SizeFacts:
    """A size as the location has it; restrictions take the whole location or some of its zones away."""
    capabilities = {c.get("name"): c.get("value") for c in document.get("capabilities") or ()}
    zones: set[str] = set()
    for place in document.get("locationInfo") or ():
        if str(place.get("location", "")).lower() == location.lower():
            zones |= {str(z) for z in place.get("zones") or ()}
    reason = ""
    for restriction in document.get("restrictions") or ():
        if restriction.get("type") == "Zone":
            zones -= {str(z) for z in (restriction.get("restrictionInfo") or {}).get("zones") or ()}
        else:
            reason = str(restriction.get("reasonCode") or "restricted")
    cores = int(float(capabilities.get("vCPUs") or 0))
    return SizeFacts(document["name"], cores, str(document.get("family", "")), tuple(sorted(zones)), reason)


def quota(document: Document) -> QuotaFacts:
    """One line of a location's quota."""
    name = str((document.get("name") or {}).get("value", ""))
    return QuotaFacts(name, int(document.get("currentValue") or 0), int(document.get("limit") or 0))


def patches(document: Document) -> list[str]:
    """The full versions of one minor release."""
    return [str(version) for version in document.get("patchVersions") or {}]


def is_long_term_only(document: Document) -> bool:
    """Whether a minor release is past the year in which every cluster may have it."""
    plans = (document.get("capabilities") or {}).get("supportPlan") or ()
    return bool(plans) and all(plan == LONG_TERM for plan in plans)


def _sorted(versions: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(versions, key=_by_number))


def _by_number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
