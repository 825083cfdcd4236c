"""What is asked before a cluster is made: sizes, zones, quota, versions, and the caller's own rights."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from hybridspan.azure import rights
from hybridspan.azure.gateway import AzureGateway
from hybridspan.azure.preflight import findings
from hybridspan.facts import azure_bodies as bodies
from hybridspan.facts.azure import (
    ClusterFacts,
    OfferFacts,
    PermissionFacts,
    QuotaFacts,
    RegionAzureFacts,
    SizeFacts,
)
from hybridspan.facts.world import Finding
from hybridspan.plan.phases.clusters import decide_cluster
from hybridspan.plan.phases.new_clusters import chosen_version, completed
from hybridspan.topology.model import Region
from hybridspan_lab.arm.server import SUBSCRIPTIONS
from tests.azure.conftest import StandIn
from tests.azure.regions import CENTRAL, EAST, POOLS, SUBSCRIPTION, WEST, make_topology, with_pools
from tests.azure.test_gateway import make_networks
from tests.plan_azure.facts import NOTHING, cluster, here, peering

D4 = SizeFacts("Standard_D4s_v5", 4, "standardDSv5Family", ("1", "2", "3"), "")
D8 = SizeFacts("Standard_D8s_v5", 8, "standardDSv5Family", ("1", "2", "3"), "")
OFFER = OfferFacts(("1.32.8", "1.33.4", "1.33.5"), (D4, D8), (QuotaFacts("cores", 0, 100),))
FIRST = cluster(EAST)


def found(offer: OfferFacts, region: Region = CENTRAL, version: str = "1.33.5") -> list[Finding]:
    first = here(EAST, aks=replace(FIRST, kubernetes_version=version))
    return findings(
        make_topology(EAST, region), {"eastus": first, "centralus": replace(NOTHING, offer=offer)}
    )


def severities(check: str, results: list[Finding]) -> list[str]:
    return [f.severity for f in results if f.check == check]


def test_a_location_that_has_everything_passes() -> None:
    results = found(OFFER)
    assert severities("azure-sizes", results) == ["pass"]
    quota = next(f for f in results if f.check == "azure-quota")
    assert quota.message == "28 of 100 vCPUs that are left in centralus are taken"


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ((D4,), "centralus has no size Standard_D8s_v5"),
        ((D4, replace(D8, restriction="NotAvailableForSubscription")), "(NotAvailableForSubscription)"),
        ((D4, replace(D8, zones=("1",))), "only in zones 1, and the file says zone 2, 3"),
        ((D4, replace(D8, zones=())), "in no zone, and the file says zone 1, 2, 3"),
    ],
)
def test_a_size_that_is_not_to_be_had_is_refused_by_name(sizes: tuple[SizeFacts, ...], words: str) -> None:
    refusal = next(f for f in found(replace(OFFER, sizes=sizes)) if f.check == "azure-sizes")
    assert refusal.severity == "refuse"
    assert words in refusal.message


@pytest.mark.parametrize("name", ["cores", "standardDSv5Family"])
def test_quota_that_does_not_reach_is_refused_with_both_numbers(name: str) -> None:
    short = replace(OFFER, quotas=(QuotaFacts(name, 80, 100),))
    refusal = next(f for f in found(short) if f.check == "azure-quota")
    assert refusal.severity == "refuse"
    assert "takes 28 vCPUs, and 20 of 100 are left" in refusal.message


def of_existing(offer: OfferFacts, there: ClusterFacts, region: Region) -> list[Finding]:
    """The same where the second cluster exists."""
    first, second = here(EAST, aks=FIRST), replace(here(region, aks=there), offer=offer)
    return findings(make_topology(EAST, region), {"eastus": first, "centralus": second})


def test_a_pool_that_an_existing_cluster_lacks_is_judged_and_nothing_else() -> None:
    there = cluster(with_pools(CENTRAL, POOLS[0]))
    results = of_existing(replace(OFFER, sizes=(D8,)), there, CENTRAL)
    assert severities("azure-sizes", results) == [
        "pass"
    ]  # the size of the pool that is there is not asked for
    assert next(f for f in results if f.check == "azure-quota").message.startswith("24 of 100 vCPUs")
    assert severities("kubernetes-version", results) == []
    refused = of_existing(replace(OFFER, sizes=(replace(D8, zones=("1",)),)), there, CENTRAL)
    assert severities("azure-sizes", refused) == ["refuse"]
    short = of_existing(replace(OFFER, quotas=(QuotaFacts("cores", 80, 100),)), there, CENTRAL)
    refusal = next(f for f in short if f.check == "azure-quota")
    assert refusal.message.startswith("what is new takes 24 vCPUs, and 20 of 100 are left")


def test_a_pool_that_grows_is_judged_by_its_further_nodes_and_its_own_size() -> None:
    larger = with_pools(CENTRAL, POOLS[0], replace(POOLS[1], count=5, vm_size="Standard_D4s_v5"))
    managed = replace(larger, cluster=replace(larger.cluster, manage=True))
    there = cluster(CENTRAL)
    short = of_existing(replace(OFFER, quotas=(QuotaFacts("cores", 90, 100),)), there, managed)
    refusal = next(f for f in short if f.check == "azure-quota")
    assert refusal.message.startswith("what is new takes 16 vCPUs, and 10 of 100 are left")
    assert severities("azure-quota", of_existing(OFFER, there, larger)) == []  # not managed: nothing comes


async def test_a_location_is_asked_for_machines_that_are_to_come(gateway: AzureGateway) -> None:
    await make_networks(gateway)
    await gateway.ensure_cluster(with_pools(CENTRAL, POOLS[0]), FIRST, "two-regions")
    lacking = (await gateway.region_facts(CENTRAL)).offer
    assert lacking is not None
    assert [s.name for s in lacking.sizes] == [POOLS[1].vm_size]
    assert (await gateway.region_facts(with_pools(CENTRAL, POOLS[0]))).offer is None


def test_pools_that_exist_are_not_given_the_first_regions_labels() -> None:
    bare = with_pools(CENTRAL, POOLS[0], replace(POOLS[1], zones=(), labels=()))
    there = cluster(bare)
    assert completed(bare, FIRST, OFFER, there).cluster.node_pools[1].labels == ()
    lacking = replace(there, node_pools=there.node_pools[:1])
    assert completed(bare, FIRST, OFFER, lacking).cluster.node_pools[1].labels == POOLS[1].labels


def test_a_location_that_cannot_be_asked_is_unknown_and_no_refusal() -> None:
    results = found(OfferFacts((), (), (), problem="the right to do this is missing"))
    assert severities("azure-offer", results) == ["unknown"]
    assert severities("azure-quota", results) == []


def test_a_kubernetes_version_outside_hybrids_table_is_a_warning() -> None:
    assert severities("kubernetes-version", found(OFFER, version="1.33.5")) == ["warn"]
    assert severities("kubernetes-version", found(OFFER, version="1.28.3")) == ["pass"]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [("1.33.5", "1.33.5"), ("1.33.1", "1.33.5"), ("1.32", "1.32"), ("1.29.4", None), ("", "")],
)
def test_the_first_regions_version_or_its_newest_patch_is_taken(wanted: str, chosen: str | None) -> None:
    first = replace(FIRST, kubernetes_version=wanted)
    assert chosen_version(CENTRAL, first, OFFER) == chosen


def test_a_version_that_is_not_offered_is_refused_with_what_is() -> None:
    decision = decide_cluster(CENTRAL, None, replace(FIRST, kubernetes_version="1.29.4"), OFFER)
    assert decision.state == "refused"
    assert decision.reason == "AKS in centralus offers Kubernetes 1.32, 1.33, and not 1.29.4"


OLDER = replace(OFFER, long_term_versions=("1.28.105",))


def test_an_older_version_is_taken_over_with_the_first_clusters_long_term_support() -> None:
    first = replace(FIRST, kubernetes_version="1.28.101", is_long_term=True)
    decision = decide_cluster(CENTRAL, None, first, OLDER)
    assert decision.state == "needed"
    assert "Kubernetes 1.28.105 with long-term support" in decision.reason
    body = bodies.cluster(completed(CENTRAL, first, OLDER), bodies.Placement("/s"), first, {})
    assert (body["sku"]["tier"], body["properties"]["supportPlan"]) == ("Premium", "AKSLongTermSupport")


def test_an_older_version_without_that_plan_is_refused_with_what_gives_it() -> None:
    decision = decide_cluster(CENTRAL, None, replace(FIRST, kubernetes_version="1.28.101"), OLDER)
    assert decision.state == "refused"
    assert "1.28 only with long-term support, which apigee-eastus has not" in decision.reason
    assert "--k8s-support-plan AKSLongTermSupport" in decision.hint


def test_labels_and_zones_come_from_the_first_regions_pool() -> None:
    bare = with_pools(CENTRAL, POOLS[0], replace(POOLS[1], zones=(), labels=()))
    made = completed(bare, FIRST, OFFER).cluster.node_pools[1]
    assert (made.zones, made.labels) == (POOLS[1].zones, POOLS[1].labels)
    assert (
        "zones 1+2+3 for apigeedata, apigeedata's labels" in decide_cluster(bare, None, FIRST, OFFER).reason
    )


def test_zones_are_not_taken_over_where_the_location_lacks_them() -> None:
    bare = with_pools(CENTRAL, replace(POOLS[1], zones=()))
    poor = replace(OFFER, sizes=(replace(D8, zones=("1", "2")),))
    assert completed(bare, FIRST, poor).cluster.node_pools[0].zones == ()


async def test_the_stand_ins_location_is_read(gateway: AzureGateway) -> None:
    offer = (await gateway.region_facts(CENTRAL)).offer
    assert offer is not None
    assert offer.problem == ""
    assert offer.size("standard_d8s_v5") is not None
    assert offer.quota("Cores") is not None
    assert offer.kubernetes_versions
    assert offer.long_term_versions
    assert not set(offer.long_term_versions) & set(offer.kubernetes_versions)


async def test_a_failing_list_is_told_and_not_fatal(gateway: AzureGateway, stand_in: StandIn) -> None:
    stand_in.fault("forbidden", method="GET", path_part="/skus", times=99)
    offer = await gateway.offer(CENTRAL)
    assert "AuthorizationFailed" in offer.problem


async def test_a_provider_that_is_not_registered_is_refused_before_anything_is_written(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    stand_in.app[SUBSCRIPTIONS].unregister(SUBSCRIPTION, "Microsoft.ContainerService")
    offer = await gateway.offer(CENTRAL)
    assert offer.unregistered == ("Microsoft.ContainerService",)
    refusal = next(f for f in found(offer) if f.check == "azure-providers")
    assert refusal.severity == "refuse"
    assert "az provider register --wait --namespace Microsoft.ContainerService" in refusal.hint


async def test_regions_of_one_subscription_ask_for_its_providers_once(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    await asyncio.gather(gateway.offer(CENTRAL), gateway.offer(WEST))
    asked = [
        path.rsplit("/", 1)[1] for path in stand_in.requests("GET") if path.rsplit("/", 2)[1] == "providers"
    ]
    assert sorted(asked) == ["microsoft.compute", "microsoft.containerservice", "microsoft.network"]


ASKED = ("skus", "usages", "kubernetesversions")


def asked(stand_in: StandIn) -> list[str]:
    """Which lists of locations have been read, in the order of the names."""
    last = [path.rsplit("/", 1)[1] for path in stand_in.requests("GET")]
    return [name for name in ASKED for _ in range(last.count(name))]


async def test_the_first_regions_location_is_not_asked_however_its_pools_are_called(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    await make_networks(gateway)
    by_hand = replace(POOLS[0], name="nodepool1")
    await gateway.ensure_cluster(with_pools(EAST, by_hand), FIRST, "somebody")
    assert (await gateway.region_facts(EAST)).offer is None
    assert asked(stand_in) == []


async def test_sizes_and_versions_are_read_once_and_quota_at_every_look(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    first, second = await gateway.offer(CENTRAL), await gateway.offer(CENTRAL)
    assert first == second
    assert asked(stand_in) == ["skus", "usages", "usages", "kubernetesversions"]
    await gateway.offer(WEST)
    assert asked(stand_in).count("skus") == 2


async def test_a_list_that_failed_is_read_again(gateway: AzureGateway, stand_in: StandIn) -> None:
    stand_in.fault("forbidden", method="GET", path_part="/skus")
    assert (await gateway.offer(CENTRAL)).problem
    assert (await gateway.offer(CENTRAL)).sizes


def actions(facts: dict[str, RegionAzureFacts]) -> set[tuple[str, str]]:
    wanted = rights.needed(make_topology(), facts)
    return {(r.action.rsplit("/", 2)[-2] + "/" + r.action.rsplit("/", 1)[-1], r.region) for r in wanted}


def test_only_what_will_be_written_is_asked_for() -> None:
    first = here(EAST, aks=cluster(EAST))
    wanted = actions({"eastus": first, "centralus": NOTHING})
    assert ("resourceGroups/write", "centralus") in wanted
    assert ("managedClusters/write", "centralus") in wanted
    assert ("virtualNetworkPeerings/write", "eastus") in wanted
    assert ("virtualNetworks/write", "eastus") not in wanted
    done = {
        "eastus": here(EAST, peering(CENTRAL), aks=cluster(EAST)),
        "centralus": here(CENTRAL, peering(EAST), aks=cluster(CENTRAL)),
    }
    assert actions(done) == {("listClusterUserCredential/action", r) for r in ("eastus", "centralus")}


def test_an_exception_of_one_role_does_not_take_what_another_gives() -> None:
    contributor = PermissionFacts(("*",), ("Microsoft.Authorization/*/Write",))
    administrator = PermissionFacts(("Microsoft.Authorization/*",), ())
    assert not rights.holds([contributor], rights.ROLE_WRITE)
    assert rights.holds([contributor, administrator], rights.ROLE_WRITE)
    assert rights.holds([contributor], rights.PEER)


async def check(gateway: AzureGateway) -> list[Finding]:
    topology = make_topology()
    facts = {r.name: await gateway.region_facts(r) for r in topology.regions}
    wanted, wishes = rights.needed(topology, facts), rights.wished(topology, facts)
    scopes = {r.scope for r in (*wanted, *wishes)}
    permissions = {scope: await gateway.permissions(scope) for scope in scopes}
    return list(rights.findings(wanted, wishes, dict(permissions)))


async def test_an_owner_lacks_nothing(gateway: AzureGateway) -> None:
    await make_networks(gateway)
    assert {f.severity for f in await check(gateway)} == {"pass"}


ROLES = "/providers/Microsoft.Authorization/roleDefinitions"
READER = f"{ROLES}/acdd72a7-3385-48ef-bd42-f606fba81ae7"
NETWORK_CONTRIBUTOR = f"{ROLES}/4d97b98b-1d4f-4787-a291-c67834d212e7"


async def test_a_network_contributor_is_told_what_is_missing_before_anything_is_changed(
    stand_in: StandIn, gateway: AzureGateway
) -> None:
    await make_networks(gateway)
    for key, document in list(stand_in.arm.store.of_type("Microsoft.Authorization/roleAssignments")):
        document["properties"]["roleDefinitionId"] = READER
        stand_in.arm.store.put(key, document)
        properties = {**document["properties"], "roleDefinitionId": NETWORK_CONTRIBUTOR}
        stand_in.arm.store.put(f"{key}-2", {**document, "properties": properties})
    results = {f.where.rsplit("/", 1)[-1]: f for f in await check(gateway) if f.severity == "refuse"}
    assert set(results) == {"my-hybrid-rg"}
    clusters = "Microsoft.ContainerService/managedClusters"
    assert results["my-hybrid-rg"].message == (
        f"missing: {clusters}/listClusterUserCredential/action, {clusters}/write"
    )
    warned = [f.message for f in await check(gateway) if f.severity == "warn"]
    assert all("roleAssignments/write is missing" in message for message in warned)
    assert warned
