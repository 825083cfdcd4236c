"""Regions of a declared topology, in values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from hybridspan.topology.model import (
    CassandraSettings,
    Cluster,
    DatacenterName,
    Network,
    NodePool,
    Region,
    RegionName,
    Subnet,
    Topology,
)

SUBSCRIPTION = "5a7e0000-0000-4000-8000-000000000001"
SECOND_SUBSCRIPTION = "5a7e0000-0000-4000-8000-000000000002"
POOLS = (
    NodePool("apigeerun", 1, "Standard_D4s_v5", "System", 13, (), ()),
    NodePool("apigeedata", 3, "Standard_D8s_v5", "User", 13, ("1", "2", "3"), (("apigee", "data"),)),
)


@dataclass
class Recorded:
    """A recorder that keeps what it hears."""

    lines: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, kind: str, document: Mapping[str, Any]) -> None:
        self.lines.append((kind, dict(document)))

    def writes(self) -> list[str]:
        return [f"{d['method']} {d['id'].rsplit('/', 2)[-2]} {d['result']}" for _, d in self.lines]


def make_region(
    name: str, prefix: str, number: int = 1, *, group: str = "my-hybrid-rg", subscription: str = SUBSCRIPTION
) -> Region:
    """A region whose subnet is the first /26 of `prefix`."""
    whole = IPv4Network(prefix)
    network = f"vnet-{name}"
    subnet = Subnet(f"{network}-subnet", next(whole.subnets(new_prefix=26)))
    cluster = Cluster(f"apigee-{name}", None, None, POOLS, IPv4Network(f"10.{number}.0.0/16"), None, None)
    return Region(
        name=RegionName(name),
        role="active",
        datacenter=DatacenterName(f"dc-{number}"),
        rack="ra-1",
        subscription=subscription,
        resource_group=group,
        namespace="apigee",
        network=Network(network, (whole,), subnet),
        cluster=cluster,
        overrides=Path(f"/nowhere/overrides_apigee-{name}.yaml"),
        cassandra_nodes=3,
        copy_from=None if number == 1 else DatacenterName("dc-1"),
    )


EAST = make_region("eastus", "120.38.1.0/24", 1)
CENTRAL = make_region("centralus", "192.138.0.0/24", 2)
WEST = make_region("westus2", "10.90.0.0/24", 3)


def make_topology(*regions: Region, open_plain_port: bool = False) -> Topology:
    return Topology(
        name="two-regions",
        organization="hybrid-test-7",
        mode="active-active",
        installer="apigeectl",
        hybrid_version="1.11.2",
        azure_endpoint=None,
        cassandra=CassandraSettings("apigeecluster", 3, 7001, 7000, open_plain_port),
        regions=regions or (EAST, CENTRAL),
        source_repair="run",
        path=Path("/nowhere/hybrid.yaml"),
    )


def with_pools(region: Region, *pools: NodePool) -> Region:
    return replace(region, cluster=replace(region.cluster, node_pools=pools))
