"""What a cluster that is to be made gets where the file leaves it open: the first region's ways, as far as the location has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hybridspan.facts.azure import ClusterFacts, NodePoolFacts, OfferFacts
from hybridspan.topology.model import NodePool, Region


def completed(
    region: Region, first: ClusterFacts, offer: OfferFacts | None, own: ClusterFacts | None = None
) -> Region:
    """The region with the version, labels and zones that its cluster is made with; pools that `own` has stay as the file says."""
    pools = tuple(
        pool if own and _like(pool, own) else _completed(pool, _like(pool, first), offer)
        for pool in region.cluster.node_pools
    )
    version = chosen_version(region, first, offer) or region.cluster.kubernetes_version
    return replace(region, cluster=replace(region.cluster, node_pools=pools, kubernetes_version=version))


def _like(pool: NodePool, cluster: ClusterFacts) -> NodePoolFacts | None:
    return next((p for p in cluster.node_pools if p.name.lower() == pool.name.lower()), None)


def _completed(pool: NodePool, like: NodePoolFacts | None, offer: OfferFacts | None) -> NodePool:
    if like is None:
        return pool
    return replace(pool, labels=pool.labels or like.labels, zones=pool.zones or _zones(pool, like, offer))


def _zones(pool: NodePool, like: NodePoolFacts, offer: OfferFacts | None) -> tuple[str, ...]:
    """The first region's zones where the size has all of them in this location too; none where it has not, or nobody knows."""
    there = offer.size(pool.vm_size) if offer else None
    return like.zones if there is not None and set(like.zones) <= set(there.zones) else ()


def chosen_version(region: Region, first: ClusterFacts, offer: OfferFacts | None) -> str | None:
    """The wanted Kubernetes version, else the newest patch of its minor release that is offered; None where none is."""
    wanted = region.cluster.kubernetes_version or first.kubernetes_version
    offered = offered_to(first, offer)
    if not wanted or not offered or wanted in offered:
        return wanted
    same = [version for version in offered if minor(version) == minor(wanted)]
    if not same:
        return None
    return wanted if wanted == minor(wanted) else same[-1]


def offered_to(first: ClusterFacts, offer: OfferFacts | None) -> tuple[str, ...]:
    """What the location has for a cluster of the first one's plan, oldest first; older releases come with long-term support alone."""
    if offer is None:
        return ()
    return (*(offer.long_term_versions if first.is_long_term else ()), *offer.kubernetes_versions)


def minor(version: str) -> str:
    """`1.33` of `1.33.5`."""
    return ".".join(version.split(".")[:2])


def minors(versions: Sequence[str]) -> str:
    """Minor releases in words, each once, in order."""
    return ", ".join(dict.fromkeys(minor(v) for v in versions))


def words(region: Region, made: Region, *, is_long_term: bool = False) -> str:
    """What was taken over that the file does not say, for the plan's reason."""
    told = [
        f"Kubernetes {made.cluster.kubernetes_version}{' with long-term support' if is_long_term else ''}"
    ]
    for pool, own in zip(made.cluster.node_pools, region.cluster.node_pools, strict=True):
        if pool.zones != own.zones:
            told.append(f"zones {'+'.join(pool.zones)} for {pool.name}")
        if pool.labels != own.labels:
            told.append(f"{pool.name}'s labels")
    return ", ".join(told)
