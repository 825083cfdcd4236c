"""Which keyspaces a ring has, by who owns them and who replicates them."""

from __future__ import annotations

from typing import Final

from hybridspan.facts.cassandra import SYSTEM_KEYSPACES, KeyspaceFacts, RingFacts
from hybridspan.topology.model import Topology
from hybridspan.topology.releases import replication_of

AUTH: Final = "system_auth"


def replicated(ring: RingFacts) -> tuple[KeyspaceFacts, ...]:
    """Every keyspace that is not each node's own: Cassandra's first, in the order in which they are altered."""
    found = [k for k in ring.keyspaces if not k.is_local]
    order = {name: number for number, name in enumerate(SYSTEM_KEYSPACES)}
    return tuple(sorted(found, key=lambda k: (order.get(k.name, len(order)), k.name)))


def system_names(ring: RingFacts) -> tuple[str, ...]:
    """Cassandra's replicated keyspaces other than system_auth."""
    return tuple(k.name for k in replicated(ring) if k.name in SYSTEM_KEYSPACES and k.name != AUTH)


def data_names(ring: RingFacts) -> tuple[str, ...]:
    """Every keyspace that is not Cassandra's own, found by looking."""
    return tuple(k.name for k in replicated(ring) if k.name not in SYSTEM_KEYSPACES)


def organization_names(ring: RingFacts, organization: str) -> tuple[str, ...]:
    """The organization's own keyspaces, `kms_<org>_hybrid` and its like: those that Apigee's operator replicates."""
    ending = f"_{organization.replace('-', '_')}_hybrid"
    return tuple(name for name in data_names(ring) if name.endswith(ending))


def names_of_ours(topology: Topology, ring: RingFacts) -> tuple[str, ...]:
    """The data keyspaces that hybridspan alters itself: all, or those that the operator leaves out."""
    if not replication_of(topology).is_resource:
        return data_names(ring)
    theirs = organization_names(ring, topology.organization)
    return tuple(name for name in data_names(ring) if name not in theirs)
