"""A finished expansion to three regions, built from values alone."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from hybridspan.facts.apigee import ApigeeFacts, DatastoreFacts
from hybridspan.facts.azure import ClusterFacts, NetworkFacts, PeeringFacts, RegionAzureFacts, SubnetFacts
from hybridspan.facts.cassandra import KeyspaceFacts, Replication, RingFacts, RingNode
from hybridspan.facts.kubernetes import ClusterObjects, NodeObjectFacts, PodFacts
from hybridspan.facts.world import Finding, RegionFacts, WorldFacts
from hybridspan.plan.model import Command, Plan, PlannedStep, StepId, done, later, needed
from hybridspan.report.model import ActRecord, RunReport, StepRecord, Verdict
from hybridspan.topology.loading import load
from hybridspan.topology.model import Region, Topology

EXAMPLES = Path(__file__).parents[2] / "examples"
BEGAN = 1_790_000_000.0
KEYSPACES = ("cache_", "kms_", "kvm_", "quota_")


@pytest.fixture
def topology() -> Topology:
    return load(EXAMPLES / "three-regions" / "hybrid.yaml")


@pytest.fixture
def facts(topology: Topology) -> WorldFacts:
    regions = {str(region.name): region_facts(topology, region) for region in topology.regions}
    findings = (
        Finding("ring-up", "pass", "dc-1", "3 of 3 nodes are UN"),
        Finding("backup", "warn", "eastus", "backups are off", "turn them on before the first ALTER"),
        Finding("clocks", "unknown", "centralus", "there is no cluster yet"),
    )
    return WorldFacts(BEGAN + 600, regions, ring(topology), findings)


def region_facts(topology: Topology, region: Region) -> RegionFacts:
    peerings = tuple(
        PeeringFacts(
            f"/p/{other.name}",
            f"to-{other.name}",
            f"/n/{other.name}",
            "Connected",
            "FullyInSync",
            True,
            "Succeeded",
        )
        for other in topology.regions
        if other is not region
    )
    subnet = SubnetFacts("/s", region.network.subnet.name, (region.network.subnet.prefix,), None, "Succeeded")
    network = NetworkFacts(
        f"/n/{region.name}",
        region.network.name,
        region.name,
        region.network.address_prefixes,
        (subnet,),
        peerings,
        "",
        "Succeeded",
    )
    cluster = ClusterFacts(
        f"/c/{region.name}", region.cluster.name, region.name, "1.31.8", "azure", None, IPv4Network("10.1.0.0/16"),
        None, (), "Succeeded", "Running", "MC",
    )  # fmt: skip
    pods = tuple(
        PodFacts(
            f"apigee-cassandra-default-{i}",
            "apigee",
            "u",
            "n",
            addresses(region)[i],
            "Running",
            True,
            0,
            (),
            "",
        )
        for i in range(3)
    )
    nodes = tuple(NodeObjectFacts(f"node-{i}", True, "10.0.0.4", {}) for i in range(4))
    objects = ClusterObjects("v1.31.8", nodes, frozenset({"apigee"}), "v1.14", None, (), (), pods)
    datastore = DatastoreFacts(
        "default", "running", region.datacenter, "ra-1", "apigeecluster", None, 3, 3, False, "1.11.2", False
    )
    return RegionFacts(
        RegionAzureFacts(True, network, (), cluster), objects, ApigeeFacts("1.11.2", True, datastore, ()), ()
    )


def addresses(region: Region) -> list[str]:
    hosts = list(region.network.subnet.prefix.hosts())
    return [str(hosts[i]) for i in (8, 22, 36)]


def ring(topology: Topology) -> RingFacts:
    nodes = tuple(
        RingNode(
            address,
            f"{n}{i}c0ffee-0000-4000-8000-00000000000{i}",
            region.datacenter,
            "ra-1",
            "U",
            "N",
            61_204_512 + i,
            256,
        )
        for n, region in enumerate(topology.regions)
        for i, address in enumerate(addresses(region))
    )
    everywhere = {str(region.datacenter): 3 for region in topology.regions}
    named = [
        KeyspaceFacts(f"{k}hybrid_test_7_hybrid", Replication("NetworkTopologyStrategy", everywhere))
        for k in KEYSPACES
    ]
    named.append(KeyspaceFacts("perses", Replication("NetworkTopologyStrategy", everywhere)))
    single = dict.fromkeys(everywhere, 1)
    system = ("system_auth", "system_distributed", "system_traces")
    named += [KeyspaceFacts(name, Replication("NetworkTopologyStrategy", single)) for name in system]
    named.append(KeyspaceFacts("system", Replication("LocalStrategy", {})))
    return RingFacts(
        nodes[0].address,
        nodes,
        {"v": tuple(n.address for n in nodes)},
        tuple(named),
        "4.0.18",
        "apigeecluster",
    )


STEPS = (
    ("group/eastus", "Resource group my-hybrid-rg", "unchanged", 0, 0, ()),
    ("network/eastus", "Virtual network my-hybrid-rg-vnet", "unchanged", 0, 0, (1, 2)),
    ("network/centralus", "Virtual network my-hybrid-rg-vnet-ext01", "changed", 1.0, 3.1, (1, 2)),
    ("network/westeurope", "Virtual network my-hybrid-rg-vnet-ext02", "changed", 1.0, 3.4, (1, 2)),
    ("peering/eastus+centralus", "Peering between eastus and centralus", "changed", 3.2, 5.0, (3, 4, 5)),
    ("peering/eastus+westeurope", "Peering between eastus and westeurope", "changed", 5.1, 7.2, (3, 4, 5)),
    (
        "peering/centralus+westeurope",
        "Peering between centralus and westeurope",
        "changed",
        7.2,
        9.0,
        (3, 4, 5),
    ),
    ("cluster/centralus", "AKS cluster apigee-centralus", "changed", 5.0, 21.4, (6,)),
    ("cluster/westeurope", "AKS cluster apigee-westeurope", "changed", 9.0, 26.0, (6,)),
    ("datastore/centralus", "Cassandra nodes of centralus join", "changed", 27.0, 61.0, (11,)),
    (
        "system-keyspaces/centralus",
        "system_distributed and system_traces reach dc-2",
        "changed",
        62.0,
        64.0,
        (13, 14),
    ),
    (
        "rebuild/centralus/apigee-cassandra-default-0",
        "Data of dc-1 streams to pod 0",
        "changed",
        64.0,
        75.5,
        (15, 16),
    ),
    (
        "rebuild/centralus/apigee-cassandra-default-1",
        "Data of dc-1 streams to pod 1",
        "changed",
        75.5,
        86.0,
        (15, 16),
    ),
    ("verify/centralus", "dc-2 holds what dc-1 holds", "changed", 86.0, 95.0, ()),
    ("seed-out/centralus", "The seed is taken out again", "changed", 95.0, 121.0, (17,)),
    (
        "rebuild/westeurope/apigee-cassandra-default-0",
        "Data of dc-1 streams to pod 0",
        "changed",
        421.0,
        432.5,
        (15, 16),
    ),
)


@pytest.fixture
def report(topology: Topology, facts: WorldFacts) -> RunReport:
    steps = tuple(
        StepRecord(
            id=step, title=title, region=step.split("/")[1], phase=step.split("/")[0], state=state,
            reason="it was seen to be so", rows=rows,
            started=BEGAN + start if state == "changed" else None, ended=BEGAN + end if state == "changed" else None,
            commands=("az network vnet show --resource-group my-hybrid-rg --name my-hybrid-rg-vnet",),
            irreversible="the first node joins the ring" if step.startswith("datastore") else "",
        )
        for step, title, state, start, end, rows in STEPS
    )  # fmt: skip
    verdicts = tuple(
        Verdict(
            f"{k}hybrid_test_7_hybrid",
            "same",
            "9 replicas of 768 ranges agree",
            (),
            {"dc-1": 5000, "dc-2": 5000, "dc-3": 5000},
        )
        for k in KEYSPACES
    )
    acts = (
        ActRecord(
            BEGAN + 2, "arm", "PUT /subscriptions/s/resourceGroups/my-hybrid-rg/providers/Microsoft.Network/…"
        ),
        ActRecord(
            BEGAN + 63,
            "cql",
            "ALTER KEYSPACE perses WITH replication = {'class': 'NetworkTopologyStrategy', 'dc-1': 3}",
        ),
    )
    remark = "This was a rehearsal: apigeectl 1.11.2 with Cassandra 4.0.18, a pairing that no release ships."
    return RunReport(topology, "0.1.0", BEGAN + 600, facts, steps, acts, verdicts, (remark,))


@pytest.fixture
def plan() -> Plan:
    create = Command(argv=("az", "aks", "create", "--name", "apigee-centralus"), comment="takes minutes")
    steps = (
        PlannedStep(StepId("network/eastus"), "network", "eastus", "Virtual network", done("it exists"), procedure_rows=(1, 2)),
        PlannedStep(
            StepId("cluster/centralus"), "cluster", "centralus", "AKS cluster", needed("there is none"),
            (create, Command(script="kubectl get nodes |\n  wc -l")), undo=(Command(argv=("az", "aks", "delete")),),
        ),
        PlannedStep(
            StepId("datastore/centralus"), "datastore", "centralus", "Cassandra joins", later("no cluster yet"),
            needs=(StepId("cluster/centralus"),), irreversible="the first node joins the ring",
        ),
    )  # fmt: skip
    findings = (
        Finding("ring-up", "pass", "dc-1", "all UN"),
        Finding("backup", "warn", "eastus", "off", "turn them on"),
    )
    return Plan("three-regions", "a" * 64, "b" * 64, steps, findings, ("about 2 GiB cross regions",))
