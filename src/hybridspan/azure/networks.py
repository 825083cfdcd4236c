"""Virtual networks and their subnets: looked at, compared, then written.

Azure's network provider shares one state between a network and its children, and a PUT of a network replaces its children: a
network is therefore written whole when it is made and never from partial knowledge later; a missing subnet goes through
the subnets' own path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any

from hybridspan.azure import documents
from hybridspan.azure.calls import NETWORK_DEADLINE_SECONDS, ArmCalls, Document, is_terminal
from hybridspan.azure.clients import NETWORK, AzureClients, polling
from hybridspan.azure.rest import get
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.facts import azure_bodies as bodies
from hybridspan.facts import azure_versions as api_versions
from hybridspan.facts.azure import NetworkFacts, SubnetFacts, has_failed
from hybridspan.plan.phases.networks import missing_prefixes
from hybridspan.progress import Progress
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region, Subnet

Clients = Callable[[str], AzureClients]


class Networks:
    """Reads and makes virtual networks."""

    def __init__(self, clients: Clients, calls: ArmCalls) -> None:
        self._clients = clients
        self._calls = calls

    async def document(self, region: Region) -> Document | None:
        """The region's virtual network as Azure has it, or None."""
        return await self.at(azure_ids.network_id(region))

    async def at(self, network_id: str) -> Document | None:
        """The virtual network of that id, or None.

        Read as JSON: a network with 39 peerings costs the SDK's models 30 ms, and there are thousands of looks.
        """
        place, began = azure_ids.parse(network_id), self._calls.looks.moment()

        def call() -> Any:
            return get(self._clients(place.subscription).rest, network_id, api_versions.NETWORK)

        document = await self._calls.read(call, network_id)
        self._calls.looks.remember(network_id, document, began)
        return document

    async def seen(self, region: Region) -> Document | None:
        """The same, a moment old at most; for deciding, never before writing."""
        where = azure_ids.network_id(region)
        document: Document | None = await self._calls.looks.shared(where, lambda: self.document(region))
        return document

    async def at_rest(self, region: Region, progress: Progress) -> NetworkFacts:
        """The network once nothing in it is under way: a subnet that still is makes a peering fail.

        PermanentFailure where there is no such network.
        """
        seen: list[NetworkFacts] = []

        async def look() -> str:
            document = await self.document(region)
            if document is None:
                raise _missing(region)
            seen.append(documents.network(document))
            return state_of(seen[-1])

        where = azure_ids.network_id(region)
        await self._calls.until_settled(look, where, progress, NETWORK_DEADLINE_SECONDS)
        return seen[-1]

    async def ensure(self, region: Region, marks: Mapping[str, str], progress: Progress) -> bool:
        """Make the network, or its missing subnet; what is there is left alone. True where something was written."""
        wrote = False

        async def once() -> None:
            nonlocal wrote
            document = await self.document(region)
            if document is None:
                wrote = True
                await self._create(region, marks, progress)
            facts = await self.at_rest(region, progress)
            is_ours = dict(facts.tags).get(bodies.TOPOLOGY_TAG) == marks[bodies.TOPOLOGY_TAG]
            if broken := _broken(facts, facts.subnets if is_ours else _declared(region, facts)):
                if not is_ours:
                    raise broken
                wrote = True  # as Azure gives it, so that Azure finishes it
                await self._put(region, await self._unchanged(region, facts), facts.etag, progress)
            elif added := added_prefixes(region, facts):
                wrote = True
                document = await self._unchanged(region, facts)
                await self._put(region, bodies.with_prefixes(document, added), facts.etag, progress)
                facts = await self.at_rest(region, progress)
            for subnet in region.network.subnets:
                if facts.subnet(subnet.name) is None:
                    wrote = True
                    await self._create_subnet(region, subnet, progress)
                    await self.at_rest(region, progress)

        await self._calls.persist(once, progress)
        return wrote

    async def _create(self, region: Region, marks: Mapping[str, str], progress: Progress) -> None:
        if region.network.id is not None:
            raise _missing(region)  # the file names one that exists
        await self._put(region, bodies.network(region, marks), "", progress)

    async def _put(self, region: Region, body: Document, etag: str, progress: Progress) -> None:
        """PUT the whole network; an etag makes it conditional on the document that was looked at."""
        headers = {"If-Match": etag} if etag else {}

        def begin() -> Any:
            place = azure_ids.network_place(region)
            operations = self._clients(place.subscription).network.virtual_networks
            names = (place.resource_group, place.name)
            return operations.begin_create_or_update(
                *names, body, headers=headers, polling=polling(), **NETWORK
            )

        await self._calls.write("PUT", azure_ids.network_id(region), begin, progress)

    async def _create_subnet(self, region: Region, subnet: Subnet, progress: Progress) -> None:
        body = bodies.subnet(subnet)

        def begin() -> Any:
            place = azure_ids.network_place(region)
            operations = self._clients(place.subscription).network.subnets
            names = (place.resource_group, place.name, subnet.name)
            return operations.begin_create_or_update(*names, body, polling=polling(), **NETWORK)

        where = azure_ids.subnet_id(region, subnet)
        await self._calls.write("PUT", where, begin, progress)

    async def _unchanged(self, region: Region, facts: NetworkFacts) -> Document:
        """The network's whole document, still the one that was looked at."""
        document = await self.document(region)
        if document is None or document.get("etag") != facts.etag:
            raise TemporaryFailure(
                "HS-AZURE-008",
                "the network changed while it was looked at",
                where=facts.id,
                hint="see who else changes it: az monitor activity-log list",
            )
        return document


def added_prefixes(region: Region, facts: NetworkFacts) -> list[IPv4Network]:
    """Ranges of the file that an existing network lacks, where the file says that it manages them."""
    return missing_prefixes(region, facts) if region.network.manage else []


def _declared(region: Region, facts: NetworkFacts) -> tuple[SubnetFacts, ...]:
    """The subnets that the file names; what else lies in somebody's network is none of ours."""
    found = (facts.subnet(each.name) for each in region.network.subnets)
    return tuple(subnet for subnet in found if subnet is not None)


def _broken(facts: NetworkFacts, subnets: Iterable[SubnetFacts]) -> PermanentFailure | None:
    """The network, or else the first of these subnets, that Azure could not finish, as the failure that it is where it is not ours."""
    if has_failed(facts.provisioning_state):
        return failed_state("network", facts.id, facts.provisioning_state)
    broken = next((s for s in subnets if has_failed(s.provisioning_state)), None)
    if broken is None:
        return None
    return failed_state(f"subnet {broken.name}", broken.id, broken.provisioning_state, made="its network")


def state_of(facts: NetworkFacts) -> str:
    """Failed for a network that failed, else the first state in it that is still on its way, else Succeeded.

    What a failed network's children say is of no use: nothing moves them any more.
    """
    if has_failed(facts.provisioning_state):
        return facts.provisioning_state
    return next((s for s in states(facts) if not is_terminal(s)), "Succeeded")


def own_states(facts: NetworkFacts) -> list[str]:
    """The provisioning states of the network and its subnets."""
    return [facts.provisioning_state, *(s.provisioning_state for s in facts.subnets)]


def states(facts: NetworkFacts) -> list[str]:
    """The provisioning states of the network and everything in it."""
    return [*own_states(facts), *(p.provisioning_state for p in facts.peerings)]


def failed_state(what: str, where: str, state: str, *, made: str = "it") -> PermanentFailure:
    """The failure for a resource of somebody else's that Azure could not finish."""
    return PermanentFailure(
        "HS-AZURE-017",
        f"the {what} is in state {state or 'Failed'}, and hybridspan did not make {made}",
        where=where,
        hint="its owner should see why (az resource show, az monitor activity-log list) and write it again",
    )


def _missing(region: Region) -> PermanentFailure:
    return PermanentFailure(
        "HS-AZURE-021",
        "there is no such virtual network",
        where=azure_ids.network_id(region),
        hint="run apply from its beginning: the network is made first",
    )
