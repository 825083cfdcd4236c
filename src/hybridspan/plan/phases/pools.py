"""Node pools as the file and as Azure has them: which are missing, which have failed, and which are to grow. Pure."""

from __future__ import annotations

from dataclasses import replace

from hybridspan.facts.azure import ClusterFacts, NodePoolFacts, has_failed
from hybridspan.facts.azure_bodies import is_marked
from hybridspan.topology.model import NodePool, Region


def missing_pools(region: Region, cluster: ClusterFacts | None) -> list[NodePool]:
    """The declared pools that the cluster lacks."""
    there = _pool_names(cluster) if cluster else set()
    return [p for p in region.cluster.node_pools if p.name.lower() not in there]


def strange_pools(region: Region, cluster: ClusterFacts, topology_name: str) -> list[NodePoolFacts]:
    """The declared pools that Azure could not finish and that no run for that topology made, as Azure has them."""
    return [own for _, own in _failed(region, cluster) if not _is_ours(cluster, own, topology_name)]


def failed_pools(
    region: Region, cluster: ClusterFacts, topology_name: str
) -> list[tuple[NodePool, NodePoolFacts]]:
    """Those that a run for it made, with the nodes and labels that they have, or get where the file manages them; and as Azure has them."""
    return [both for both in _failed(region, cluster) if _is_ours(cluster, both[1], topology_name)]


def raised_pools(region: Region, cluster: ClusterFacts) -> list[NodePool]:
    """Pools that exist with fewer nodes or labels than a file that manages them says; never with fewer of either than there are."""
    if not region.cluster.manage:
        return []
    return [
        _kept(region, wanted, own)
        for wanted, own in _both(region, cluster)
        if not has_failed(own.provisioning_state)
        and (own.count < wanted.count or not set(wanted.labels) <= set(own.labels))
    ]


def machines_to_come(region: Region, cluster: ClusterFacts | None) -> list[NodePool]:
    """The pools that take machines which are not there yet, each with no more nodes than these, of the size and in the zones they get."""
    found = missing_pools(region, cluster)
    if cluster is None:
        return found
    there = {p.name.lower(): p for p in cluster.node_pools}
    failed = [pool for pool, _ in _failed(region, cluster)]
    for pool in (*failed, *raised_pools(region, cluster)):
        own = there[pool.name.lower()]
        if pool.count > own.count:
            found.append(replace(pool, count=pool.count - own.count, vm_size=own.vm_size, zones=own.zones))
    return found


def _failed(region: Region, cluster: ClusterFacts) -> list[tuple[NodePool, NodePoolFacts]]:
    """The declared pools that Azure could not finish, whoever made them."""
    return [
        (_kept(region, wanted, own), own)
        for wanted, own in _both(region, cluster)
        if has_failed(own.provisioning_state)
    ]


def _is_ours(cluster: ClusterFacts, pool: NodePoolFacts, topology_name: str) -> bool:
    """A pool of ours may stand in somebody else's cluster; one that an earlier release made there carries no tag."""
    return is_marked(topology_name, cluster.tags) or is_marked(topology_name, pool.tags)


def _both(region: Region, cluster: ClusterFacts) -> list[tuple[NodePool, NodePoolFacts]]:
    """Pools as the file and as Azure has them, where both do."""
    there = {p.name.lower(): p for p in cluster.node_pools}
    return [(p, there[p.name.lower()]) for p in region.cluster.node_pools if p.name.lower() in there]


def _kept(region: Region, wanted: NodePool, own: NodePoolFacts) -> NodePool:
    """The pool that is there, raised to what the file says only where it manages the cluster."""
    if not region.cluster.manage:
        return replace(wanted, count=own.count, labels=own.labels)
    labels = {**dict(own.labels), **dict(wanted.labels)}
    return replace(wanted, count=max(own.count, wanted.count), labels=tuple(sorted(labels.items())))


def _pool_names(cluster: ClusterFacts) -> set[str]:
    return {p.name.lower() for p in cluster.node_pools}
