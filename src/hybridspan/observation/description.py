"""From what was found of an installation to the topology that describes it; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from hybridspan.facts.apigee import DatastoreFacts
from hybridspan.facts.azure import ClusterFacts, NetworkFacts
from hybridspan.facts.cassandra import RingFacts
from hybridspan.plan.phases.clusters import plugin_of
from hybridspan.topology.azure_ids import ResourceId, parse
from hybridspan.topology.draft import RegionDraft
from hybridspan.topology.model import NodePool


@dataclass(frozen=True, slots=True)
class FoundRegion:
    """A cluster with a datastore of the installation, and the network that it lies in."""

    cluster: ClusterFacts
    network: NetworkFacts
    store: DatastoreFacts
    hybrid_version: str | None
    context: str | None
    """A context of the person's that leads there."""

    @property
    def location(self) -> str:
        return self.cluster.location.replace(" ", "").lower()


@dataclass(frozen=True, slots=True)
class Found:
    """An installation as it was found; `remarks` are for the person."""

    regions: tuple[FoundRegion, ...]
    ring: RingFacts | None
    remarks: tuple[str, ...]


def described(found: Found, home: ResourceId, overrides: Mapping[str, str]) -> tuple[RegionDraft, ...]:
    """The regions; `home` is where things lie that need no id, `overrides` are files by data center."""
    apart = connected_otherwise([r.network for r in found.regions])
    return tuple(
        _region(region, home, overrides.get(region.store.datacenter), is_apart=region.network.id in apart)
        for region in found.regions
    )


def _region(region: FoundRegion, home: ResourceId, overrides: str | None, *, is_apart: bool) -> RegionDraft:
    cluster, network = region.cluster, region.network
    nodes, pods = subnets_of(cluster)
    subnet, prefix = _subnet(network, nodes)
    return RegionDraft(
        name=region.location,
        datacenter=region.store.datacenter,
        rack=region.store.rack,
        network=network.name,
        ranges=network.address_prefixes,
        subnet=subnet,
        subnet_range=prefix,
        cluster=cluster.name,
        service_range=cluster.service_cidr or IPv4Network("10.0.0.0/16"),
        overrides=overrides or f"overrides_{cluster.name}.yaml",
        cassandra_nodes=region.store.replicas,
        context=region.context,
        plugin=plugin_of(cluster),
        pools=pools_of(cluster),
        exists=True,
        pod_subnet=_subnet(network, pods) if pods else None,
        network_id=_elsewhere(network.id, home),
        cluster_id=_elsewhere(cluster.id, home),
        connected="otherwise" if is_apart else "peering",
    )


def subnets_of(cluster: ClusterFacts) -> tuple[str, str | None]:
    """Ids of the subnets of a cluster's nodes and, where they have their own, its pods."""
    nodes = next((p.subnet_id for p in cluster.node_pools if p.subnet_id), "")
    return nodes, next((p.pod_subnet_id for p in cluster.node_pools if p.pod_subnet_id), None)


def _subnet(network: NetworkFacts, subnet_id: str) -> tuple[str, IPv4Network]:
    name = subnet_id.rsplit("/", 1)[-1]
    found = network.subnet(name)
    prefixes = found.prefixes if found else ()
    return (found.name if found else name), (prefixes or network.address_prefixes)[0]


def _elsewhere(resource_id: str, home: ResourceId) -> str | None:
    """The id of what lies in another group or subscription than everything else."""
    place = parse(resource_id)
    at_home = (place.subscription.lower(), place.resource_group.lower()) == (
        home.subscription.lower(),
        home.resource_group.lower(),
    )
    return None if at_home else resource_id


def pools_of(cluster: ClusterFacts) -> tuple[NodePool, ...]:
    """A cluster's pools as the file would declare them."""
    return tuple(
        NodePool(
            p.name,
            p.count,
            p.vm_size,
            "System" if p.mode == "System" else "User",
            p.max_pods,
            p.zones,
            p.labels,
        )
        for p in cluster.node_pools
    )


def connected_otherwise(networks: Sequence[NetworkFacts]) -> frozenset[str]:
    """Networks, by id, without which all others are peered with each other: something else connects them."""
    left = list(networks)
    apart: list[str] = []
    while True:
        unpeered = {
            one.id: [two.id for two in left if two.id != one.id and not _are_peered(one, two)] for one in left
        }
        # Of those that lack most peerings the last one: the first region's network stays in as long as it can.
        worst = max(left, key=lambda n: (len(unpeered[n.id]), left.index(n)), default=None)
        if worst is None or not unpeered[worst.id]:
            return frozenset(apart)
        apart.append(worst.id)
        left.remove(worst)


def _are_peered(one: NetworkFacts, two: NetworkFacts) -> bool:
    """Whether either side has a peering to the other, in whatever state: a torn one is to be mended, not replaced."""
    return one.peering_to(two.id) is not None or two.peering_to(one.id) is not None


def replication_factor(ring: RingFacts | None, datacenter: str) -> int | None:
    """How many replicas the data center keeps of what it keeps most of; None where the ring was not seen."""
    if ring is None:
        return None
    factors = [k.replication.factor(datacenter) for k in ring.keyspaces if not k.is_local]
    return max(factors, default=0) or None


def in_order(regions: Sequence[FoundRegion], contexts: Sequence[str]) -> tuple[FoundRegion, ...]:
    """The region of the first named context first, the others by data center."""
    wanted = contexts[0] if contexts else None
    return tuple(sorted(regions, key=lambda r: (r.context != wanted or wanted is None, r.store.datacenter)))


def without_twins(regions: Sequence[FoundRegion]) -> tuple[tuple[FoundRegion, ...], tuple[str, ...]]:
    """One region for each location, and what was left out: a topology has one cluster a location."""
    kept: dict[str, FoundRegion] = {}
    remarks = []
    for region in regions:
        earlier = kept.setdefault(region.location, region)
        if earlier is not region:
            remarks.append(
                f"{region.cluster.name} lies in {region.location} too, like {earlier.cluster.name}: left out"
            )
    return tuple(kept.values()), tuple(remarks)
