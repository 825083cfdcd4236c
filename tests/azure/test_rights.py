"""What is asked beforehand is held to what is really done: the stand-in tells every action that it checks during a run.

The documented role is enough for each kind of run, nothing in it is idle, and whatever is taken out of it is missed by name
before anything is changed.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from hybridspan.azure.preflight import findings
from hybridspan.errors import PermanentFailure
from hybridspan.facts.world import Finding
from hybridspan.observation.estate import Estate
from hybridspan.observation.findings import azure_rights
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region
from tests.azure.clocks import Hurried
from tests.azure.conftest import StandIn
from tests.azure.regions import (
    EAST,
    POOLS,
    SECOND_SUBSCRIPTION,
    SUBSCRIPTION,
    Recorded,
    make_region,
    make_topology,
    with_pools,
)
from tests.azure.runs import at, closed, opened, planned, run
from tests.azure.test_gateway import LIKE

DOCUMENT = Path(__file__).parents[2] / "docs" / "azure.md"
NAME = "two-regions"
FAR = make_region("centralus", "192.138.0.0/24", 2, group="far-rg", subscription=SECOND_SUBSCRIPTION)
MORE = make_region("eastus", "10.77.0.0/24").network.address_prefixes[0]
ROLE = "0a0a0a0a-0000-4000-8000-000000000001"
ROLE_ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
POLLS = {
    "Microsoft.Network/locations/operations/read",
    "Microsoft.ContainerService/locations/operations/read",
}
"""Where an operation's state is asked, the signed URL is its own right; a role that lists them is not refused."""


def documented() -> tuple[str, ...]:
    """The actions of the role in docs/azure.md."""
    block = re.search(r"```json\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert block
    return tuple(json.loads(block[1])["Actions"])


@dataclass
class Scene:
    """A first region, a second one in another subscription, and the actions that the stand-in checks."""

    estate: Estate
    stand_in: StandIn
    checked: set[tuple[str, str]] = field(default_factory=set)

    @property
    def store(self) -> Any:
        return self.stand_in.arm.store

    def change(self, resource_id: str, **properties: Any) -> None:
        document = self.store.get(resource_id)
        document["properties"].update(properties)
        self.store.put(resource_id.lower(), document)

    def declare(self, *regions: Region) -> None:
        self.estate.topology = replace(self.estate.topology, regions=regions)

    def allow(self, *actions: str) -> None:
        """From now on the sign-in has these actions and no others, in both subscriptions."""
        scopes = [f"/subscriptions/{s}" for s in (SUBSCRIPTION, SECOND_SUBSCRIPTION)]
        definition = f"{scopes[0]}/providers/Microsoft.Authorization/roleDefinitions/{ROLE}"
        properties = {
            "roleName": "exactly these",
            "assignableScopes": scopes,
            "permissions": [{"actions": list(actions)}],
        }
        kind = "Microsoft.Authorization/roleDefinitions"
        self.store.put(definition.lower(), {"name": ROLE, "type": kind, "properties": properties})
        owner = self.stand_in.arm.credentials.owner.object_id
        for key, document in list(self.store.of_type(ROLE_ASSIGNMENTS)):
            if document["properties"]["principalId"] == owner:
                document["properties"]["roleDefinitionId"] = definition
                self.store.put(key, document)

    def listen(self) -> None:
        access = self.stand_in.arm.access
        allows = access.allows

        def heard(object_id: str, action: str, path: str) -> bool:
            self.checked.add((action.lower(), path.lower()))
            return bool(allows(object_id, action, path))

        access.allows = heard

    async def asked(self) -> set[tuple[str, str]]:
        """The actions and scopes that a sign-in which may only read, and not what is written again, is told to lack."""
        self.allow(*READS, "Microsoft.Authorization/permissions/read")
        found = {
            (action.lower(), where.lower())
            for finding, where in [(f, f.where.split(", ", 1)[1]) for f in await self.check()]
            if finding.severity in ("refuse", "warn") and finding.check == "azure-rights"
            for action in re.findall(r"Microsoft\.[\w./]+", finding.message)
        }
        self.allow(*documented())
        return found

    async def check(self) -> list[Finding]:
        regions = self.estate.topology.regions
        facts = {str(r.name): await self.estate.azure(r).region_facts(r) for r in regions}
        return [*findings(self.estate.topology, facts), *await azure_rights(self.estate, facts)]

    async def use(self) -> None:
        """A run, and the credentials that its later steps take."""
        outcome = await run(self.estate)
        assert [s.reason for s in outcome.failures] == []
        assert all(s.decision.is_done for s in await planned(self.estate))
        for region in self.estate.topology.regions:
            assert await self.estate.azure(region).credentials(region) is not None


USED = {
    "networkSecurityGroup": "networkSecurityGroups",
    "routeTable": "routeTables",
    "natGateway": "natGateways",
}
READS = (
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Resources/subscriptions/providers/read",
    "Microsoft.Network/virtualNetworks/read",
    "Microsoft.Network/networkSecurityGroups/read",
    "Microsoft.ContainerService/managedClusters/read",
    "Microsoft.ContainerService/locations/kubernetesVersions/read",
    "Microsoft.Compute/skus/read",
    "Microsoft.Compute/locations/usages/read",
    "Microsoft.Authorization/permissions/read",
)
"""What a look takes; that these are all is shown by every case below, for a look with nothing else must succeed."""
WARNED_BY = "Microsoft.Authorization/roleAssignments/read"
"""What one warning takes; a look does without it."""


@pytest.fixture
async def scene(stand_in: StandIn, tmp_path: Path, records: Recorded) -> AsyncIterator[Scene]:
    async with opened(at(stand_in, tmp_path, make_topology(EAST, FAR)), records, Hurried()) as estate:
        scene = Scene(estate, stand_in)
        scene.listen()
        yield scene


async def fresh(scene: Scene) -> None:
    """Nothing of the second region is there."""


async def torn(scene: Scene) -> None:
    """One side of a peering has been deleted by somebody."""
    await run(scene.estate)
    client = scene.estate.azure(FAR)._clients_of(FAR.subscription).network.virtual_network_peerings
    peerings = scene.store.children(f"{azure_ids.network_id(FAR)}/virtualNetworkPeerings")
    names = (FAR.resource_group, FAR.network.name, next(iter(peerings))[1]["name"])
    await asyncio.to_thread(
        (await asyncio.to_thread(client.begin_delete, *names, polling_interval=0.05)).wait
    )


async def one_sided(scene: Scene) -> None:
    """One side has been made, and waits for the other."""
    await torn(scene)
    side = next(iter(scene.store.children(f"{azure_ids.network_id(EAST)}/virtualNetworkPeerings")))[0]
    scene.change(side, peeringState="Initiated")


async def stuck(scene: Scene) -> None:
    """Both sides are there, and neither has become Connected."""
    await run(scene.estate)
    kind = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"
    for key, _ in list(scene.store.of_type(kind)):
        scene.change(key, peeringState="Initiated")


async def failed_network(scene: Scene) -> None:
    """Our own network is in state Failed; by now its subnet uses things of others, and it is peered."""
    await run(scene.estate)
    await guarded(scene, FAR)
    scene.change(azure_ids.network_id(FAR), provisioningState="Failed")


async def guarded(scene: Scene, region: Region) -> None:
    """The subnet uses what others have made: a security group, a route table, a NAT gateway."""
    used = {}
    for name, kind in USED.items():
        where = f"{azure_ids.group_id(region)}/providers/Microsoft.Network/{kind}/theirs"
        document = {
            "id": where,
            "name": "theirs",
            "type": f"Microsoft.Network/{kind}",
            "location": region.name,
        }
        scene.store.put(
            where.lower(), {**document, "etag": "e", "properties": {"provisioningState": "Succeeded"}}
        )
        used[name] = {"id": where}
    scene.change(azure_ids.subnet_id(region), **used)


async def wider_network(scene: Scene) -> None:
    """The file manages the first network and gives it a further range; it is peered, and its subnet uses things of others."""
    await run(scene.estate)
    await guarded(scene, EAST)
    prefixes = (*EAST.network.address_prefixes, MORE)
    scene.declare(replace(EAST, network=replace(EAST.network, address_prefixes=prefixes, manage=True)), FAR)


async def closed_peering(scene: Scene) -> None:
    """A peering lets nothing through, and the file manages both networks."""
    await run(scene.estate)
    side = next(iter(scene.store.children(f"{azure_ids.network_id(FAR)}/virtualNetworkPeerings")))[0]
    scene.change(side, allowVirtualNetworkAccess=False)
    scene.declare(*(replace(r, network=replace(r.network, manage=True)) for r in (EAST, FAR)))


async def further_subnet(scene: Scene) -> None:
    """The second network is there without the declared subnet."""
    elsewhere = list(FAR.network.address_prefixes[0].subnets(new_prefix=26))[1]
    other = replace(FAR.network.subnet, name="another", prefix=elsewhere)
    gateway = scene.estate.azure(FAR)
    await gateway.ensure_group(FAR, NAME)
    await gateway.ensure_network(replace(FAR, network=replace(FAR.network, subnet=other)), NAME)


async def lacking_a_pool(scene: Scene) -> None:
    """A cluster is there with one pool of two."""
    gateway = scene.estate.azure(FAR)
    await gateway.ensure_group(FAR, NAME)
    await gateway.ensure_network(FAR, NAME)
    await gateway.ensure_cluster(with_pools(FAR, POOLS[0]), LIKE, NAME)


async def labelled_pool(scene: Scene) -> None:
    """The file manages the cluster and wants a label on a pool."""
    await run(scene.estate)
    grown = with_pools(FAR, replace(POOLS[0], labels=(("apigee", "runtime"),)), POOLS[1])
    scene.declare(EAST, replace(grown, cluster=replace(grown.cluster, manage=True)))


async def failed_cluster(scene: Scene) -> None:
    """Azure could not finish our cluster."""
    await run(scene.estate)
    scene.change(azure_ids.cluster_id(FAR), provisioningState="Failed")


async def failed_pool(scene: Scene) -> None:
    """Azure could not finish a pool."""
    await run(scene.estate)
    scene.change(f"{azure_ids.cluster_id(FAR)}/agentPools/apigeedata", provisioningState="Failed")


async def failed_pool_of_ours_in_a_foreign_cluster(scene: Scene) -> None:
    """The same where the pool alone carries our tag."""
    await failed_pool(scene)
    key = azure_ids.cluster_id(FAR).lower()
    scene.store.put(key, {**scene.store.get(key), "tags": {}})


async def closed_port(scene: Scene) -> None:
    """A security group of the first region's subnet lets nothing in."""
    await run(scene.estate)
    await closed(scene.estate)


N, S, P = "virtualNetworks", "virtualNetworks/subnets", "virtualNetworks/virtualNetworkPeerings"
MENDED = frozenset({f"{P}/write", f"{N}/peer/action", f"{P}/read"})
LOGIN = frozenset({"managedClusters/listClusterUserCredential/action"})
CLUSTER = frozenset({"managedClusters/write", f"{S}/join/action", "roleAssignments/write"})
POOL = frozenset({"managedClusters/agentPools/write", f"{S}/join/action"})
REWRITTEN = frozenset({f"{N}/write", f"{N}/peer/action", *(f"{kind}/join/action" for kind in USED.values())})
CASES: dict[Callable[[Scene], Awaitable[None]], frozenset[str]] = {
    fresh: CLUSTER | {"subscriptions/resourceGroups/write", f"{N}/write", f"{P}/write", f"{N}/peer/action"},
    torn: MENDED | {f"{P}/delete"},
    one_sided: frozenset({f"{P}/write", f"{N}/peer/action"}),
    stuck: MENDED,
    failed_network: REWRITTEN,
    wider_network: REWRITTEN | MENDED,
    closed_peering: MENDED,
    further_subnet: CLUSTER | {f"{S}/write", f"{P}/write", f"{N}/peer/action"},
    lacking_a_pool: POOL | {f"{P}/write", f"{N}/peer/action"},
    labelled_pool: POOL | {"managedClusters/agentPools/read"},
    failed_cluster: CLUSTER,
    failed_pool: POOL | {"managedClusters/agentPools/read"},
    failed_pool_of_ours_in_a_foreign_cluster: POOL | {"managedClusters/agentPools/read"},
    closed_port: frozenset({"networkSecurityGroups/securityRules/write"}),
}


def short(action: str) -> str:
    """Without the namespace, in lower case."""
    return action.partition("/")[2].lower()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_exactly_what_a_run_does_is_asked_for_beforehand(
    scene: Scene, case: Callable[[Scene], Awaitable[None]]
) -> None:
    await case(scene)
    asked = await scene.asked()
    scene.checked.clear()
    await scene.use()
    done = {(a, p) for a, p in scene.checked if a not in {read.lower() for read in (*READS, WARNED_BY)}}
    assert {short(a) for a, _ in done} == {a.lower() for a in CASES[case] | LOGIN}
    unasked = {(a, p) for a, p in done if not any(a == b and covers(scope, p) for b, scope in asked)}
    idle = {(b, scope) for b, scope in asked if not any(a == b and covers(scope, p) for a, p in done)}
    assert (unasked, idle) == (set(), set())


def covers(scope: str, path: str) -> bool:
    """Whether what is allowed at the scope is allowed at the path."""
    return path == scope or path.startswith(f"{scope}/")


def test_the_documented_role_is_what_runs_take_and_nothing_else() -> None:
    used = {short(a) for a in (*READS, WARNED_BY)} | {
        a.lower() for actions in CASES.values() for a in actions | LOGIN
    }
    assert {short(a) for a in documented()} == used | {short(a) for a in POLLS}


@pytest.mark.parametrize(
    ("case", "action"),
    [
        pytest.param(case, action, id=f"{case.__name__}-{action}")
        for case, actions in ((fresh, CASES[fresh] | LOGIN), (torn, CASES[torn] | LOGIN))
        for action in sorted(actions)
    ],
)
async def test_an_action_that_is_missing_is_named_with_its_scope_before_anything_is_changed(
    scene: Scene, case: Callable[[Scene], Awaitable[None]], action: str
) -> None:
    await case(scene)
    scene.allow(*(a for a in documented() if short(a) != action.lower()))
    writes = len(scene.stand_in.requests("PUT"))
    told = [f for f in await scene.check() if action in f.message]
    assert {f.severity for f in told} == {"warn" if action == "roleAssignments/write" else "refuse"}
    assert all("/subscriptions/" in f.where and f.hint for f in told)
    assert len(scene.stand_in.requests("PUT")) == writes


@pytest.mark.parametrize("action", READS)
async def test_a_look_that_is_not_allowed_is_named_and_never_taken_for_nothing(
    scene: Scene, action: str
) -> None:
    await closed(scene.estate)
    scene.allow(*(a for a in documented() if a != action))
    told = await not_seen(scene)
    assert told
    assert all(action.lower() in words.lower() and "/subscriptions/" in words for words in told)


async def not_seen(scene: Scene) -> list[str]:
    """What a look says that it may not see: the lists that a run can do without, or that there is no going on."""
    try:
        return [f"{f.message} {f.where}" for f in await scene.check() if f.severity == "unknown"]
    except PermanentFailure as failure:
        return [failure.why]
