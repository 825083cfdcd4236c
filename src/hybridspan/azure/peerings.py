"""A peering is two resources, one on each side, and only both together carry packets.

Missing sides are made; a pair with a Disconnected side is deleted and made again on both, for Azure offers no other way; a side
that does not know the other's present ranges is synchronised. Every round looks at both sides again. What a torn pair had
is given into a memory that outlives the run before anything of it is deleted: it is somebody's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from hybridspan.azure.calls import ArmCalls, Document
from hybridspan.azure.clients import NETWORK, polling
from hybridspan.azure.networks import Clients, Networks
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.facts import azure_bodies as bodies
from hybridspan.facts.azure import NetworkFacts, PeeringFacts
from hybridspan.plan.phases.torn_peerings import TornSide, torn_key, waits_for_the_other
from hybridspan.progress import Progress
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region

MAXIMUM_ROUNDS: Final = 8
"""How often a pair is looked at and mended before it is called a failure."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a pair as just seen; `name` is for a peering that does not exist yet."""

    region: Region
    name: str
    network: NetworkFacts
    remote: NetworkFacts

    @property
    def peering(self) -> PeeringFacts | None:
        return self.network.peering_to(self.remote.id)

    @property
    def id(self) -> str:
        return f"{self.network.id}/virtualNetworkPeerings/{self.used_name}"

    @property
    def names(self) -> tuple[str, str, str]:
        """Resource group, network and peering, as the SDK takes them."""
        return (azure_ids.network_place(self.region).resource_group, self.network.name, self.used_name)

    @property
    def used_name(self) -> str:
        return self.name if self.peering is None else self.peering.name


class Memory(Protocol):
    """Keeps values by key, beyond this process; None is what was never kept, or is no longer."""

    def decide(self, key: str, value: Any) -> None: ...

    def decided(self, key: str) -> Any | None: ...


@dataclass(slots=True)
class Attempt:
    """What a pair's rounds hand on to one another, and to whoever goes on where they ended."""

    memory: Memory
    waits: int = 0

    def keep(self, side: Side, torn: TornSide) -> None:
        """Remember what a side had that is about to be deleted."""
        self.memory.decide(_key(side), torn.to_document())

    def kept(self, side: Side) -> TornSide | None:
        """What a side had that this run, or an earlier one, has deleted in order to make it again."""
        return TornSide.read(self.memory.decided(_key(side)))

    def forget(self, side: Side) -> None:
        """The pair is whole: what it had can be seen again."""
        if self.memory.decided(_key(side)) is not None:
            self.memory.decide(_key(side), None)


class Peerings:
    """Makes and mends peerings."""

    def __init__(self, clients: Clients, calls: ArmCalls, networks: Networks) -> None:
        self._clients = clients
        self._calls = calls
        self._networks = networks

    async def ensure(
        self,
        first: Region,
        first_name: str,
        second: Region,
        second_name: str,
        memory: Memory,
        progress: Progress,
    ) -> bool:
        """Both directions Connected and in step. True where something was written.

        The names are for directions that do not exist; one that does, or that the memory has, keeps its own, and its options.
        """
        wrote = False
        attempt = Attempt(memory)

        async def once() -> bool:
            nonlocal wrote
            one, other = await asyncio.gather(
                self._networks.at_rest(first, progress), self._networks.at_rest(second, progress)
            )
            sides = (Side(first, first_name, one, other), Side(second, second_name, other, one))
            mended = await self._mend(sides, attempt, progress)
            wrote = wrote or mended
            return mended

        for _ in range(MAXIMUM_ROUNDS):
            if not await self._calls.persist(once, progress):
                return wrote
        raise TemporaryFailure(
            "HS-AZURE-010",
            "the peering does not settle",
            where=f"{first.network.name} and {second.network.name}",
            why=f"{MAXIMUM_ROUNDS} rounds did not bring both sides to Connected and FullyInSync",
            hint="see who else changes these networks: az monitor activity-log list",
        )

    async def _mend(self, sides: tuple[Side, Side], attempt: Attempt, progress: Progress) -> bool:
        """The next thing that the pair needs; False where it needs nothing."""
        for side in sides:
            _refuse_closed(side)
        if any(s.peering is not None and s.peering.state == "Disconnected" for s in sides):
            await self._take_down(sides, attempt, progress)
            return True
        if missing := [s for s in sides if s.peering is None]:
            kept = [(side, attempt.kept(side)) for side in missing]
            for side, torn in sorted(kept, key=lambda each: waits_for_the_other(each[1])):
                await self._make(side, torn, progress)
            return True
        if closed := [s for s in sides if _is_closed(s)]:
            for side in closed:
                await self._open(side, progress)
            return True
        if stale := [s for s in sides if s.peering is not None and s.peering.sync_level != "FullyInSync"]:
            for side in stale:
                await self._synchronise(side, progress)
            return True
        if waiting := [s for s in sides if s.peering is not None and s.peering.state != "Connected"]:
            await self._wait(waiting, attempt, progress)
            return True
        for side in sides:
            attempt.forget(side)
        return False

    async def _make(self, side: Side, torn: TornSide | None, progress: Progress) -> None:
        """Make a side that is missing: as it was where it is known, else as Azure's own client makes one."""
        if torn is None:
            await self._put(side, bodies.peering(side.remote.id), progress)
            return
        named = replace(side, name=torn.name) if torn.is_free_in(side.network) else side
        await self._put(named, dict(torn.body), progress)

    async def _wait(self, waiting: list[Side], attempt: Attempt, progress: Progress) -> None:
        """Azure turns a side Connected a moment after the other one is made; one that stays Initiated is written once more."""
        attempt.waits += 1
        if attempt.waits % 3:
            await self._calls.clock.sleep(attempt.waits)
            return
        for side in waiting:
            await self._synchronise(side, progress)

    async def _take_down(self, sides: tuple[Side, Side], attempt: Attempt, progress: Progress) -> None:
        """Delete what is left of the pair; it is made again, with the options that it had, as what is missing is made."""
        for side in sides:
            document = await self._document(side)
            if document is None:
                continue
            again = bodies.peering_again(document)
            attempt.keep(side, TornSide(side.used_name, again))
            progress(f"{side.used_name} is deleted and made again", None, {"id": side.id, "kept": again})
            await self._delete(side, document, progress)

    async def _open(self, side: Side, progress: Progress) -> None:
        """Let traffic through a peering of a network that the file manages."""
        document = await self._document(side)
        if document is not None:
            body = bodies.peering_again(document)
            body["properties"]["allowVirtualNetworkAccess"] = True
            await self._put(side, body, progress, document.get("etag"))

    async def _synchronise(self, side: Side, progress: Progress) -> None:
        document = await self._document(side)
        if document is not None:
            await self._put(side, bodies.peering_again(document), progress, document.get("etag"), sync=True)

    async def _document(self, side: Side) -> Document | None:
        if side.peering is None:
            return None
        names = side.names

        def call() -> Any:
            return self._operations(side).get(*names, **NETWORK)

        return await self._calls.read(call, side.id)

    async def _put(
        self, side: Side, body: Document, progress: Progress, etag: str | None = None, *, sync: bool = False
    ) -> None:
        names = side.names
        options: dict[str, Any] = {"sync_remote_address_space": "true"} if sync else {}
        if etag:
            options["headers"] = {"If-Match": etag}

        def begin() -> Any:
            operations = self._operations(side)
            return operations.begin_create_or_update(*names, body, polling=polling(), **options, **NETWORK)

        await self._write("PUT", side, begin, progress)

    async def _delete(self, side: Side, document: Document, progress: Progress) -> None:
        names = side.names
        headers = {"If-Match": document["etag"]} if document.get("etag") else {}

        def begin() -> Any:
            operations = self._operations(side)
            return operations.begin_delete(*names, headers=headers, polling=polling(), **NETWORK)

        await self._write("DELETE", side, begin, progress)

    async def _write(self, method: str, side: Side, begin: Callable[[], Any], progress: Progress) -> None:
        """A write of one side changes what is seen of the other one too."""
        try:
            await self._calls.write(method, side.id, begin, progress)
        finally:
            self._calls.looks.forget(side.remote.id)

    def _operations(self, side: Side) -> Any:
        subscription = azure_ids.network_place(side.region).subscription
        return self._clients(subscription).network.virtual_network_peerings


def _key(side: Side) -> str:
    return torn_key(side.network.id, side.remote.id)


def _is_closed(side: Side) -> bool:
    return side.peering is not None and not side.peering.allow_access


def _refuse_closed(side: Side) -> None:
    """Somebody has closed this peering on purpose: that is not ours to open unless the file says so."""
    if _is_closed(side) and not side.region.network.manage:
        raise PermanentFailure(
            "HS-AZURE-022",
            "the peering exists and is told not to let traffic through",
            where=side.id,
            hint=f"if its owner agrees: az network vnet peering update --ids {side.id} --set allowVirtualNetworkAccess=true",
        )
