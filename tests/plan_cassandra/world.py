"""A ring and a topology in small: what the decisions of Cassandra's phases are made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hybridspan.facts.azure import RegionAzureFacts
from hybridspan.facts.cassandra import KeyspaceFacts, NodeFacts, Replication, RingFacts, RingNode
from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.topology.loading import load
from hybridspan.topology.model import Topology

EXAMPLES = Path(__file__).parents[2] / "examples"
ADDRESSES = {"dc-1": "120.38.1", "dc-2": "192.138.0", "dc-3": "198.18.0"}
NOW = 1_800_000_000.0


def two_regions() -> Topology:
    return load(EXAMPLES / "two-regions" / "hybrid.yaml")


def three_regions() -> Topology:
    return load(EXAMPLES / "three-regions" / "hybrid.yaml")


def nts(**factors: int) -> Replication:
    return Replication("NetworkTopologyStrategy", {k.replace("_", "-"): v for k, v in factors.items()})


def simple(factor: int) -> Replication:
    return Replication("SimpleStrategy", {"": factor})


LOCAL = KeyspaceFacts("system", Replication("LocalStrategy", {}), ("local",))
BEFORE = {
    "system_auth": nts(dc_1=1),
    "system_distributed": nts(dc_1=1),
    "system_traces": nts(dc_1=1),
    "kms_hybrid_test_7_hybrid": nts(dc_1=3),
    "perses": nts(dc_1=3),
}
AFTER = {name: Replication(r.strategy, {**r.factors, "dc-2": r.factor("dc-1")}) for name, r in BEFORE.items()}


def node(datacenter: str, number: int) -> RingNode:
    address = f"{ADDRESSES[datacenter]}.{9 + number}"
    return RingNode(address, f"host-{address}", datacenter, "ra-1", "U", "N", 1000, 16)


def ring(keyspaces: dict[str, Replication], *datacenters: str) -> RingFacts:
    nodes = tuple(node(dc, number) for dc in datacenters for number in range(3))
    found = tuple(KeyspaceFacts(name, r, ("t",)) for name, r in keyspaces.items())
    return RingFacts(
        nodes[0].address,
        nodes,
        {"v": tuple(n.address for n in nodes)},
        (LOCAL, *found),
        "4.0.18",
        "apigeecluster",
    )


def world(topology: Topology, seen: RingFacts | None, **decided: object) -> WorldFacts:
    regions = {}
    for region in topology.regions:
        members = seen.of(region.datacenter) if seen else ()
        nodes = tuple(
            NodeFacts(f"apigee-cassandra-default-{i}", n.address, region.datacenter, 10**9, 10**10, 0.0, True)
            for i, n in enumerate(members)
        )
        regions[region.name] = RegionFacts(RegionAzureFacts(False, None, (), None), None, None, nodes)
    return WorldFacts(NOW, regions, seen, (), {k.replace("__", "/"): v for k, v in decided.items()})


def with_policy(topology: Topology, policy: str) -> Topology:
    return replace(topology, source_repair=policy)  # type: ignore[arg-type]
