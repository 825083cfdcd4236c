"""What a topology takes for given of Azure and of the person's machine: subscriptions, a quota that is enough, names of contexts.

It decides nothing about resources: those are made by hand (`existing`), or by whoever carries the topology out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region, Topology
from hybridspan_lab.arm.context import Settings
from hybridspan_lab.arm.credentials import distinct
from hybridspan_lab.arm.providers import machines


@dataclass(frozen=True, slots=True)
class Given:
    """What must be there before the topology's first resource."""

    subscriptions: tuple[str, ...]
    """The first region's first."""
    settings: Settings
    contexts: tuple[tuple[str, str], ...]
    """Ids of clusters, in lower case, with the names that the file has for their contexts."""

    @classmethod
    def of(cls, topology: Topology) -> Self:
        """What that topology takes for given."""
        named = [name for region in topology.regions for name in _subscriptions(region)]
        contexts = [(azure_ids.cluster_id(r).lower(), r.cluster.context) for r in topology.regions]
        return cls(
            subscriptions=tuple(distinct(named)),
            settings=_settings(topology),
            contexts=tuple((cluster, context) for cluster, context in contexts if context),
        )


def _subscriptions(region: Region) -> tuple[str, ...]:
    """The region's own, and those of what lies elsewhere."""
    places = azure_ids.network_place(region), azure_ids.cluster_place(region)
    return region.subscription, *(place.subscription for place in places)


def _settings(topology: Topology) -> Settings:
    """The topology's sizes; and the usual quota, or what the largest region asks for: of one that exists, the owner has it."""
    usual = Settings()
    asked = max(_cores(region) for region in topology.regions)
    sizes = {pool.vm_size for region in topology.regions for pool in region.cluster.node_pools}
    return Settings(
        vcpu_quota=max(usual.vcpu_quota, asked),
        family_quota=max(usual.family_quota, asked),
        further_sizes=tuple(sorted(size for size in sizes if machines.cores(size))),
    )


def _cores(region: Region) -> int:
    """Virtual CPUs of all pools; sizes that the lab does not know count as none, and are refused when they are asked for."""
    return sum(pool.count * (machines.cores(pool.vm_size) or 0) for pool in region.cluster.node_pools)
