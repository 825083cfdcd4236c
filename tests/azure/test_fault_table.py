"""Each refusal that docs/azure.md lists is rehearsed in a whole run, and ends as the table there says.

The table's first column is the key here, so that neither can say what the other does not.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from hybridspan.azure.peerings import Side
from hybridspan.engine.outcomes import RunOutcome
from hybridspan.errors import PermanentFailure
from hybridspan.facts.azure import NetworkFacts
from hybridspan.observation.estate import Estate, Memory
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region
from hybridspan_lab.arm.context import new_etag
from hybridspan_lab.arm.faults import REFUSALS
from tests.azure.clocks import SPEED, Hurried
from tests.azure.conftest import StandIn
from tests.azure.regions import CENTRAL, EAST, POOLS, Recorded, make_region, make_topology, with_pools
from tests.azure.runs import at, opened, planned, run
from tests.azure.test_gateway import LIKE

TABLE = Path(__file__).parents[2] / "docs" / "azure.md"
APPLIED = "applied"
Case = Callable[["Scene"], Awaitable[None]]


@dataclass
class Scene:
    """A first region, a second one that is wanted, and the stand-in between them."""

    estate: Estate
    stand_in: StandIn
    records: Recorded
    clock: Hurried
    environment: pytest.MonkeyPatch
    to_meet: set[str] = field(default_factory=set)
    """Codes that the run must have been given: a case in which Azure refuses nothing shows nothing."""
    to_stand: list[Callable[[], bool]] = field(default_factory=list)
    """What somebody else wrote meanwhile, and whether it is still there."""

    def refuse(self, operation: str, status: int, code: str, **options: Any) -> None:
        self.to_meet.add(code)
        message = options.pop("message", f"{code} as Azure words it.")
        self.stand_in.fault(
            "refuse", operation=operation, status=status, code=code, message=message, **options
        )

    def met(self, mark: int) -> set[str]:
        """The codes that Azure has refused with since."""
        return {entry["code"] for entry in self.stand_in.entries()[mark:]}


@pytest.fixture
async def scene(
    stand_in: StandIn, tmp_path: Path, records: Recorded, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    clock = Hurried()
    async with opened(at(stand_in, tmp_path, make_topology(EAST, CENTRAL)), records, clock) as estate:
        yield Scene(estate, stand_in, records, clock, monkeypatch)


def refused(operation: str, status: int, code: str, **options: Any) -> Case:
    """A case of one refusal, as often as `times` says."""

    async def case(scene: Scene) -> None:
        scene.refuse(operation, status, code, **options)

    return case


def troubled(kind: str, operation: str, **options: Any) -> Case:
    """A case of one of the lab's named faults."""

    async def case(scene: Scene) -> None:
        scene.stand_in.fault(kind, operation=operation, **options)
        if kind in REFUSALS:
            scene.to_meet.add(REFUSALS[kind][1])

    return case


async def absent(scene: Scene) -> None:
    """Azure's everyday 404: a group, and what is to lie in it, are not there yet."""
    another(scene, make_region("centralus", "192.138.0.0/24", 2, group="new-rg"))
    scene.to_meet |= {"ResourceGroupNotFound", "ResourceNotFound"}


async def in_use(scene: Scene) -> None:
    """Our own network has failed, with nodes in its subnet: it is written again, and who leaves the subnet out is refused."""
    await run(scene.estate)
    network = azure_ids.network_id(CENTRAL)
    document = scene.stand_in.arm.store.get(network)
    document["properties"]["provisioningState"] = "Failed"
    scene.stand_in.arm.store.put(network.lower(), document)
    assert await _code_of_a_put_without_subnets(scene) == "InUseSubnetCannotBeDeleted"
    scene.records.lines.clear()


async def _code_of_a_put_without_subnets(scene: Scene) -> str:
    networks = scene.estate.azure(CENTRAL)._clients_of(CENTRAL.subscription).network.virtual_networks
    space = {"addressPrefixes": [str(p) for p in CENTRAL.network.address_prefixes]}
    body = {"location": "centralus", "properties": {"addressSpace": space}}
    with pytest.raises(HttpResponseError) as caught:
        await asyncio.to_thread(
            networks.begin_create_or_update, CENTRAL.resource_group, CENTRAL.network.name, body
        )
    return str(caught.value.error.code) if caught.value.error else ""


async def endless(scene: Scene) -> None:
    scene.clock.speed = 300
    scene.stand_in.fault("never-ends", operation="network.put")


async def torn(scene: Scene) -> None:
    await run(scene.estate)
    gateway = scene.estate.azure(EAST)
    client = gateway._clients_of(EAST.subscription).network.virtual_network_peerings
    names = (EAST.resource_group, EAST.network.name, "my-hybrid-rg-vnet1-peering")
    poller = await asyncio.to_thread(client.begin_delete, *names, polling_interval=0.05)
    await asyncio.to_thread(poller.wait)


def once_between(room: Any, look: str, change: Callable[..., None]) -> None:
    """The product looks for the last time before it writes, and then somebody else is faster; once."""
    seen, is_first = getattr(room, look), [True]

    async def looked(*arguments: Any) -> Any:
        document = await seen(*arguments)
        if is_first:
            is_first.clear()
            change(*arguments)
        return document

    setattr(room, look, looked)


def wider() -> Any:
    """The first region, with one range more that the file manages."""
    prefixes = (*EAST.network.address_prefixes, MORE)
    return replace(EAST, network=replace(EAST.network, address_prefixes=prefixes, manage=True))


async def moved_on(scene: Scene) -> None:
    """Somebody adds a range; while it is synchronised, somebody else sets an option of that peering."""
    await run(scene.estate)
    gateway, store = scene.estate.azure(EAST), scene.stand_in.arm.store
    await gateway.ensure_network(wider(), "two-regions")

    def change(side: Side) -> None:
        peering = store.get(side.id)
        peering["properties"]["allowForwardedTraffic"] = True
        store.put(side.id, peering)
        store.put(side.network.id, {**store.get(side.network.id), "etag": new_etag()})
        scene.to_stand.append(lambda: store.get(side.id)["properties"]["allowForwardedTraffic"])

    once_between(gateway._peerings, "_document", change)
    scene.to_meet.add("PreconditionFailed")


async def network_moved_on(scene: Scene) -> None:
    """While our range is added to a network, somebody else adds a subnet and a tag to it."""
    gateway, store = scene.estate.azure(EAST), scene.stand_in.arm.store
    scene.estate.topology = replace(scene.estate.topology, regions=(wider(), CENTRAL))

    def change(region: Region, facts: NetworkFacts) -> None:
        theirs = deepcopy(store.get(f"{facts.id}/subnets/{region.network.subnet.name}"))
        theirs |= {"name": "theirs", "id": f"{facts.id}/subnets/theirs"}
        theirs["properties"] |= {"addressPrefix": "120.38.1.128/26"}
        store.put(theirs["id"], theirs)
        network = store.get(facts.id)
        tags = {**network.get("tags", {}), "owner": "somebody"}
        store.put(facts.id, {**network, "tags": tags, "etag": new_etag()})
        scene.to_stand.append(lambda: store.get(theirs["id"]) is not None)
        scene.to_stand.append(lambda: store.get(facts.id)["tags"].get("owner") == "somebody")

    once_between(gateway._networks, "_unchanged", change)
    scene.to_meet.add("PreconditionFailed")


async def unknown_identity(scene: Scene) -> None:
    """Twice; the third time the directory knows it, and the cluster has its role."""
    scene.to_meet.add("PrincipalNotFound")
    role = "microsoft.authorization/roleassignments"
    scene.stand_in.fault("refuse", method="PUT", type=role, code="PrincipalNotFound", times=2)


MORE = make_region("eastus", "10.77.0.0/24").network.address_prefixes[0]


def another(scene: Scene, region: Any) -> None:
    scene.estate.topology = replace(scene.estate.topology, regions=(EAST, region))


async def overlapping(scene: Scene) -> None:
    another(scene, make_region("centralus", "120.38.0.0/16", 2))


async def overlapping_a_third(scene: Scene) -> None:
    """The first network is peered already with one that has the new one's range."""
    gateway, hub = scene.estate.azure(EAST), make_region("westus2", "192.138.0.0/16", 3)
    await gateway.ensure_network(hub, "somebody")
    await gateway.ensure_peering(EAST, "to-hub", hub, "to-eastus", Memory())


async def lacking_a_pool(scene: Scene) -> None:
    gateway = scene.estate.azure(CENTRAL)
    await gateway.ensure_network(CENTRAL, "two-regions")
    await gateway.ensure_cluster(with_pools(CENTRAL, POOLS[0]), LIKE, "two-regions")


async def busy_with_a_pool(scene: Scene) -> None:
    """The cluster is there and takes no other pool while one is under way."""
    await lacking_a_pool(scene)
    scene.refuse(POOL_PUT, 409, "OperationNotAllowed", message=PENDING, times=2)


async def wrong_secret(scene: Scene) -> None:
    scene.environment.setenv("AZURE_CLIENT_SECRET", WRONG)


async def unknown_subscription(scene: Scene) -> None:
    nowhere = "00000000-0000-4000-8000-000000000009"
    another(scene, make_region("centralus", "192.138.0.0/24", 2, subscription=nowhere))


WRONG = "rotated-and-not-told"
CLUSTER_PUT, POOL_PUT = "cluster.put", "pool.put"
PENDING = "Another agentpool operation (apigeerun - Creating) is in progress, please wait for it to finish."
CASES: dict[str, tuple[tuple[Case, str], ...]] = {
    "404 `ResourceGroupNotFound`, `ResourceNotFound`": ((absent, APPLIED),),
    "400 `ReferencedResourceNotProvisioned`": (
        (troubled("not-provisioned", "peering.put", times=2), APPLIED),
    ),
    "400 `RemotePeeringIsDisconnected`, a Disconnected side": (
        (torn, APPLIED),
        (refused("peering.put", 400, "RemotePeeringIsDisconnected"), APPLIED),
    ),
    "400 `VnetAddressSpacesOverlap`": (
        (overlapping, "plan"),
        (refused("peering.put", 400, "VnetAddressSpacesOverlap"), "HS-AZURE-009"),
    ),
    "400 `VnetAddressSpaceOverlapsWithAlreadyPeeredVnet`": (
        (overlapping_a_third, "plan"),
        (refused("peering.put", 400, "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet"), "HS-AZURE-009"),
    ),
    "400 `AnotherPeeringAlreadyReferencesRemoteVnet`": (
        (refused("peering.put", 400, "AnotherPeeringAlreadyReferencesRemoteVnet"), "HS-AZURE-018"),
    ),
    "400 `InUseSubnetCannotBeDeleted`": ((in_use, APPLIED),),
    "429 `TooManyRequests`, `SubscriptionRequestsThrottled`": (
        (refused("network.put", 429, "TooManyRequests", seconds=1), APPLIED),
        (refused("network.get", 429, "SubscriptionRequestsThrottled", seconds=1, times=2), APPLIED),
    ),
    "429 `RetryableError`, `RetryableErrorDueToAnotherOperation`, `AnotherOperationInProgress`": (
        (troubled("retryable", "peering.put", seconds=1), APPLIED),
        (refused("peering.put", 429, "RetryableErrorDueToAnotherOperation"), APPLIED),
        (refused("peering.put", 429, "AnotherOperationInProgress", times=2), APPLIED),
    ),
    "409 `OperationNotAllowed`, an operation in progress": (
        (refused(CLUSTER_PUT, 409, "OperationNotAllowed", message=PENDING, times=2), APPLIED),
        (busy_with_a_pool, APPLIED),
    ),
    "409 `OperationNotAllowed`, quota": (
        (
            refused(CLUSTER_PUT, 409, "OperationNotAllowed", message="exceeding approved Total Cores quota"),
            "HS-AZURE-012",
        ),
    ),
    "400 `BadRequest`, a new agent pool in a cluster's PUT": ((lacking_a_pool, APPLIED),),
    "400 `PrincipalNotFound`, a new cluster's identity that the directory does not know yet": (
        (unknown_identity, APPLIED),
    ),
    "412 `PreconditionFailed`": ((moved_on, APPLIED), (network_moved_on, APPLIED)),
    "409 `MissingSubscriptionRegistration`": (
        (refused("network.put", 409, "MissingSubscriptionRegistration", times=9), "HS-AZURE-020"),
    ),
    "400 `NoRegisteredProviderFound`, `InvalidApiVersionParameter`": (
        (refused(CLUSTER_PUT, 400, "NoRegisteredProviderFound"), "HS-AZURE-026"),
        (refused("network.put", 400, "InvalidApiVersionParameter"), "HS-AZURE-026"),
    ),
    "403 `AuthorizationFailed`, `LinkedAuthorizationFailed`": (
        (troubled("forbidden", CLUSTER_PUT), "HS-AZURE-002"),
        (refused("peering.put", 403, "LinkedAuthorizationFailed"), "HS-AZURE-002"),
    ),
    "401 `InvalidAuthenticationToken`, `AADSTS…`": (
        (refused("network.put", 401, "InvalidAuthenticationToken", times=9), "HS-AZURE-001"),
        (wrong_secret, "HS-AZURE-001"),
    ),
    "404 `SubscriptionNotFound`": ((unknown_subscription, "HS-AZURE-013"),),
    "5xx, a connection reset, an answer that is lost": (
        (troubled("500", "network.put"), APPLIED),
        (troubled("503", CLUSTER_PUT, times=2), APPLIED),
        (troubled("reset", "peering.put"), APPLIED),
        (troubled("lost-answer", "network.put"), APPLIED),
    ),
    "an operation that fails at its end": (
        (troubled("fails-at-end", "network.put"), APPLIED),
        (troubled("fails-at-end", CLUSTER_PUT, code="SkuNotAvailable", times=9), "HS-AZURE-012"),
    ),
    "an operation that never ends": ((endless, "HS-AZURE-015"),),
    "400 quota, sizes, `SubnetIsFull`": (
        (troubled("quota", CLUSTER_PUT), "HS-AZURE-012"),
        (refused(CLUSTER_PUT, 400, "SkuNotAvailable"), "HS-AZURE-012"),
        (troubled("fails-at-end", CLUSTER_PUT, code="SubnetIsFull", times=9), "HS-AZURE-012"),
    ),
    "403 `RequestDisallowedByPolicy`, 409 `ScopeLocked`": (
        (refused("network.put", 403, "RequestDisallowedByPolicy"), "HS-AZURE-019"),
        (refused("peering.put", 409, "ScopeLocked"), "HS-AZURE-019"),
    ),
}
PARAMETERS = [
    pytest.param(case, ending, id=f"{re.sub('[`…]', '', row)[:60]}-{number}")
    for row, cases in CASES.items()
    for number, (case, ending) in enumerate(cases, start=1)
]


def rows() -> dict[str, str]:
    """First and last column of the table in docs/azure.md."""
    section = (
        TABLE.read_text().split("## What Azure refuses, and what then happens", 1)[1].split("\n## ", 1)[0]
    )
    lines = [line.strip("| ") for line in section.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.split(" | ")] for line in lines[1:]]
    return {row[0]: row[-1] for row in cells}


def test_the_documents_table_and_the_rehearsed_one_have_the_same_rows() -> None:
    assert list(rows()) == list(CASES)


@pytest.mark.parametrize("row", CASES)
def test_the_document_tells_each_ending(row: str) -> None:
    told = rows()[row]
    for _, ending in CASES[row]:
        assert {"applied": "goes on", "plan": "refused by the plan"}.get(ending, ending) in told


async def ended(scene: Scene) -> RunOutcome:
    async with asyncio.timeout(120):
        return await run(scene.estate)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("case", "ending"), PARAMETERS)
async def test_each_refusal_ends_as_the_table_says(scene: Scene, case: Case, ending: str) -> None:
    await case(scene)
    deletes, mark = len(scene.stand_in.requests("DELETE")), len(scene.stand_in.entries())
    if ending == "plan":
        states = [s.decision for s in await planned(scene.estate) if s.decision.state == "refused"]
        assert states
        assert "overlap" in states[0].reason
        return
    if case is unknown_subscription:
        assert await _refused_to_look(scene) == ending
        return
    if case is wrong_secret:
        assert await _refused_to_sign_in(scene) == ending
        return
    outcome = await ended(scene)
    assert scene.to_meet <= scene.met(mark)
    assert all(fault.struck for fault in scene.stand_in.arm.faults.list())
    assert all(stands() for stands in scene.to_stand)
    if ending == APPLIED:
        assert [s.reason for s in outcome.failures] == []
        assert all(s.decision.is_done for s in await planned(scene.estate))
        if case is not torn:
            assert len(scene.stand_in.requests("DELETE")) == deletes
        if case is unknown_identity:
            assert "PUT roleAssignments Succeeded" in scene.records.writes()
        if case is in_use:
            assert "PUT virtualNetworks Succeeded" in scene.records.writes()
        return
    failures = [s.error for s in outcome.failures if s.error]
    assert {f.code for f in failures} == {ending}
    assert all(f.hint and f.where and f.why for f in failures)
    scene.stand_in.arm.clear_faults()
    scene.clock.speed = SPEED
    assert [s.reason for s in (await ended(scene)).failures] == []
    assert all(s.decision.is_done for s in await planned(scene.estate))


async def _refused_to_look(scene: Scene) -> str:
    """A region that cannot be looked at is never taken for an absent one."""
    with pytest.raises(PermanentFailure) as caught:
        await planned(scene.estate)
    return caught.value.code


async def _refused_to_sign_in(scene: Scene) -> str:
    """As a person runs the program anew: nothing is written, and with the right secret the next run ends applied."""
    puts = scene.stand_in.requests()
    with pytest.raises(PermanentFailure) as caught:
        async with _anew(scene) as estate:
            await run(estate)
    assert "AADSTS7000215" in caught.value.why
    assert WRONG not in f"{caught.value} {caught.value.why} {caught.value.hint}"
    assert scene.stand_in.requests() == puts
    scene.environment.setenv("AZURE_CLIENT_SECRET", scene.stand_in.arm.credentials.owner.secret.reveal())
    async with _anew(scene) as estate:
        assert [s.reason for s in (await run(estate)).failures] == []
        assert all(s.decision.is_done for s in await planned(estate))
    return caught.value.code


@asynccontextmanager
async def _anew(scene: Scene) -> AsyncIterator[Estate]:
    """The estate as another run of the program has it, which must sign in first."""
    async with Estate(scene.estate.topology, record=scene.records, clock=scene.clock) as estate:
        yield estate
