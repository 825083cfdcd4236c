"""From an installation that is there, under other people's names and in other groups, to the file that describes it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

from hybridspan.azure.gateway import AzureGateway
from hybridspan.cli.discovered import Installation, installation, overrides_by_datacenter
from hybridspan.cli.discovered import look as looked
from hybridspan.facts.apigee import DatastoreFacts
from hybridspan.facts.azure import same_id
from hybridspan.facts.cassandra import KeyspaceFacts, Replication, RingFacts
from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.observation.description import Found, FoundRegion, connected_otherwise, subnets_of
from hybridspan.observation.estate import Memory
from hybridspan.topology import azure_ids
from hybridspan.topology.draft import TopologyDraft, draft_text
from hybridspan.topology.loading import load
from hybridspan.topology.model import Region, Subnet, Topology
from tests.azure.conftest import StandIn
from tests.azure.regions import SECOND_SUBSCRIPTION, SUBSCRIPTION, make_region
from tests.azure.runs import PHASES
from tests.azure.test_gateway import LIKE

HOME = (SUBSCRIPTION, "prod-aks")
OVERRIDES = """\
org: hybrid-test-7
cassandra:
  datacenter: {datacenter}
"""


def store(datacenter: str) -> DatastoreFacts:
    return DatastoreFacts(
        "default", "running", datacenter, "ra-1", "mycassandra", None, 3, 3, False, "1.11.2", False
    )


def region(name: str, prefix: str, number: int, group: str) -> Region:
    """A network in the network people's subscription, a cluster with a name of its own."""
    made = make_region(name, prefix, number, group=group)
    owner = make_region(name, prefix, number, group="prod-net", subscription=SECOND_SUBSCRIPTION)
    network = replace(owner.network, name=f"spoke-{number}", subnet=replace(owner.network.subnet, name="aks"))
    placed = replace(owner, network=network)
    cluster = replace(made.cluster, name=f"prod-{number}")
    return replace(made, network=replace(network, id=azure_ids.network_id(placed)), cluster=cluster)


EAST = region("eastus", "10.20.0.0/16", 1, "prod-aks")
WEST = region("westeurope", "10.30.0.0/16", 2, "prod-aks-eu")


def owned(of: Region) -> Region:
    """The same region as the owner of its network sees it, who may make it."""
    network = replace(of.network, id=None)
    return replace(of, network=network, subscription=SECOND_SUBSCRIPTION, resource_group="prod-net")


async def build(gateway: AzureGateway, *, peered: bool = True) -> None:
    for each in (EAST, WEST):
        await gateway.ensure_group(owned(each), "network-people")
        await gateway.ensure_network(owned(each), "network-people")
        await gateway.ensure_group(each, "platform-people")
        await gateway.ensure_cluster(each, LIKE, "platform-people")
    if peered:
        await gateway.ensure_peering(EAST, "spoke1-to-spoke2", WEST, "spoke2-to-spoke1", Memory())


async def found(gateway: AzureGateway) -> Found:
    """What discovery finds in Azure, with datastores in both clusters."""
    regions = []
    for group, datacenter in (("prod-aks", "dc-east"), ("prod-aks-eu", "dc-west")):
        (cluster,) = await gateway.clusters_of(SUBSCRIPTION, group)
        network = await gateway.network_at(subnets_of(cluster)[0].split("/subnets/")[0])
        assert network is not None
        regions.append(FoundRegion(cluster, network, store(datacenter), "1.11.2", None))
    keyspaces = (
        KeyspaceFacts("kvm_hybrid_test_7_hybrid", Replication("NetworkTopologyStrategy", {"dc-east": 3})),
    )
    return Found(tuple(regions), RingFacts("10.20.0.5", (), {}, keyspaces), ())


def written(told: Found, folder: Path) -> Topology:
    """The file that `init` writes of it, read back."""
    for datacenter in ("dc-east", "dc-west"):
        (folder / f"{datacenter}.yaml").write_text(OVERRIDES.format(datacenter=datacenter))
    file = folder / "hybrid.yaml"
    there = installation(told, HOME, file, None)
    assert there is not None
    file.write_text(draft_text(there.in_draft(draft(there))))
    return load(file)


def draft(there: Installation) -> TopologyDraft:
    """What `init` makes of the answers."""
    answers = there.answers
    return TopologyDraft(
        name="found",
        organization=answers.get("organization", "hybrid-test-7"),
        mode="active-active",
        installer="apigeectl",
        hybrid_version=answers["hybrid-version"],
        subscription=HOME[0],
        resource_group=HOME[1],
        namespace="apigee",
        cassandra_cluster=answers["cassandra-cluster"],
        replication_factor=int(answers["replication-factor"]),
        regions=(there.regions[0],),
    )


async def states(gateway: AzureGateway, topology: Topology) -> dict[str, str]:
    facts = {r.name: RegionFacts(await gateway.region_facts(r), None, None, ()) for r in topology.regions}
    world = WorldFacts(0.0, facts, None)
    return {s.id: s.decision.state for phase in PHASES for s in phase(topology, world)}


async def test_the_plan_on_what_was_found_is_empty(gateway: AzureGateway, tmp_path: Path) -> None:
    await build(gateway)
    topology = written(await found(gateway), tmp_path)
    assert set((await states(gateway, topology)).values()) == {"done"}
    first, second = topology.regions
    assert (first.cluster.name, first.network.name, first.network.subnet.name) == ("prod-1", "spoke-1", "aks")
    assert first.network.id == EAST.network.id
    assert first.cluster.id is None
    assert same_id(str(second.cluster.id), azure_ids.cluster_id(WEST))
    assert (first.datacenter, second.datacenter) == ("dc-east", "dc-west")
    assert first.overrides.name == "dc-east.yaml"
    assert topology.cassandra.cluster_name == "mycassandra"


async def test_networks_that_others_connect_are_described_so(gateway: AzureGateway, tmp_path: Path) -> None:
    await build(gateway, peered=False)
    topology = written(await found(gateway), tmp_path)
    assert [r.network.connected for r in topology.regions] == ["peering", "otherwise"]
    assert set((await states(gateway, topology)).values()) == {"done"}


async def test_a_pod_subnet_is_described(gateway: AzureGateway, tmp_path: Path) -> None:
    pods = Subnet("pods", IPv4Network("10.20.128.0/17"))
    east = replace(EAST, network=replace(EAST.network, pod_subnet=pods))
    await gateway.ensure_group(owned(east), "network-people")
    await gateway.ensure_network(owned(east), "network-people")
    await gateway.ensure_group(east, "platform-people")
    await gateway.ensure_cluster(east, LIKE, "platform-people")
    (cluster,) = await gateway.clusters_of(*HOME)
    network = await gateway.network_at(str(EAST.network.id))
    assert network is not None
    told = Found((FoundRegion(cluster, network, store("dc-east"), "1.11.2", None),), (await rings()), ())
    topology = written(told, tmp_path)
    assert topology.first.network.pod_subnet == pods
    assert topology.first.cluster.network_plugin == "azure-pod-subnet"
    assert set((await states(gateway, topology)).values()) == {"done"}


async def test_clusters_of_one_name_get_contexts_and_files_of_their_own(
    gateway: AzureGateway, tmp_path: Path
) -> None:
    """In each group the cluster is called the same, as is common."""
    await build(gateway)
    told = await found(gateway)
    named = tuple(replace(r, cluster=replace(r.cluster, name="apigee")) for r in told.regions)
    there = installation(replace(told, regions=named), HOME, tmp_path / "hybrid.yaml", None)
    assert there is not None
    text = draft_text(there.in_draft(draft(there)))
    assert "context: apigee-westeurope\n" in text
    assert text.count("context: ") == 1
    assert "overrides: overrides_apigee.yaml\n" in text
    assert "overrides: overrides_apigee-westeurope.yaml\n" in text


async def rings() -> RingFacts:
    keyspaces = (KeyspaceFacts("k", Replication("NetworkTopologyStrategy", {"dc-east": 3})),)
    return RingFacts("10.20.0.5", (), {}, keyspaces)


async def test_a_cluster_that_does_not_answer_is_told_and_left_out(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    await build(gateway)
    told = await looked(stand_in.url, HOME, ((SUBSCRIPTION, "prod-aks-eu"),), (), "apigee")
    assert told.regions == ()
    assert [remark.split(" could not")[0] for remark in told.remarks[:2]] == [
        "AKS cluster prod-1",
        "AKS cluster prod-2",
    ]


def test_only_overrides_count_as_overrides(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(OVERRIDES.format(datacenter="dc-1"))
    (tmp_path / "b.yaml").write_text("kind: Deployment\n")
    (tmp_path / "c.yml").write_text("{")
    assert overrides_by_datacenter(tmp_path / "hybrid.yaml", None) == {"dc-1": "a.yaml"}


def test_a_full_mesh_but_one_leaves_that_one_out() -> None:
    from tests.plan_azure.facts import network, peering

    a, b, c = (
        make_region(n, f"10.{i}.0.0/16", i) for i, n in enumerate(("eastus", "westus2", "uksouth"), 20)
    )
    networks = [network(a, peering(b)), network(b, peering(a)), network(c)]
    assert connected_otherwise(networks) == {networks[2].id}
