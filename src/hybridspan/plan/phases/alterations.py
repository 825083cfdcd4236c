"""What a keyspace's replication becomes, as values and as the exact statements. Pure arithmetic of factors.

The factor of a data center that is already named is never changed, and none is raised.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hybridspan.facts.cassandra import SYSTEM_KEYSPACES, KeyspaceFacts, Replication, RingFacts
from hybridspan.plan.phases.keyspace_names import replicated
from hybridspan.plan.phases.ring_commands import User
from hybridspan.topology.model import Region

_PLAIN: Final = re.compile(r"^[a-z][a-z0-9_]*$")


@dataclass(frozen=True, slots=True)
class Alteration:
    """One keyspace's replication, before and after."""

    keyspace: str
    before: Replication
    after: Replication

    @property
    def statement(self) -> str:
        """The statement as it is sent."""
        factors = "".join(f", {literal(dc)}: {factor}" for dc, factor in self.after.factors.items())
        options = f"{{'class': 'NetworkTopologyStrategy'{factors}}}"
        return f"ALTER KEYSPACE {identifier(self.keyspace)} WITH replication = {options};"

    @property
    def user(self) -> User:
        """Who may: the superuser for Cassandra's own keyspaces, ddl_user for Apigee's."""
        return "admin" if self.keyspace in SYSTEM_KEYSPACES else "ddl"


def identifier(name: str) -> str:
    """A keyspace's name as CQL writes it."""
    return name if _PLAIN.match(name) else '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as CQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def shown(replication: Replication) -> str:
    """A replication map for a person: `{dc-1:3, dc-2:3}`."""
    if replication.strategy != "NetworkTopologyStrategy":
        factor = replication.factors.get("")
        return replication.strategy if factor is None else f"{replication.strategy} {factor}"
    return "{" + ", ".join(f"{dc}:{factor}" for dc, factor in replication.factors.items()) + "}"


def simple_alterations(ring: RingFacts) -> tuple[Alteration, ...]:
    """What moves from SimpleStrategy to NetworkTopologyStrategy with the ring's present data centers.

    Factors stay; one that exceeds a data center's nodes is written as the number of nodes, which is what it means.
    """
    return tuple(
        Alteration(k.name, k.replication, _everywhere(ring, k.replication.factors.get("", 1)))
        for k in replicated(ring)
        if k.replication.strategy == "SimpleStrategy"
    )


def _everywhere(ring: RingFacts, factor: int) -> Replication:
    factors = {dc: min(factor, len(ring.of(dc))) for dc in ring.datacenters}
    return Replication("NetworkTopologyStrategy", factors)


def wanted_factor(keyspace: KeyspaceFacts, source: str, nodes: int) -> int:
    """The new data center's factor: as the source data center has it, at most its number of nodes."""
    return min(keyspace.replication.factor(source), nodes)


def spread(ring: RingFacts, region: Region, names: Sequence[str]) -> tuple[Alteration, ...]:
    """The keyspaces of those names that do not name the region's data center yet, with what they become."""
    # While its nodes are still joining, the ring shows fewer than there will be.
    nodes = max(len(ring.of(region.datacenter)), region.cassandra_nodes)
    found: list[Alteration] = []
    for keyspace in replicated(ring):
        before = keyspace.replication
        if (
            keyspace.name not in names
            or before.factor(region.datacenter)
            or not is_spreadable(keyspace, region)
        ):
            continue
        factor = wanted_factor(keyspace, str(region.copy_from), nodes)
        after = Replication("NetworkTopologyStrategy", {**before.factors, region.datacenter: factor})
        found.append(Alteration(keyspace.name, before, after))
    return tuple(found)


def is_spreadable(keyspace: KeyspaceFacts, region: Region) -> bool:
    """Whether the keyspace has data in the data center to copy from, placed by data center."""
    replication = keyspace.replication
    return replication.strategy == "NetworkTopologyStrategy" and replication.factor(str(region.copy_from)) > 0


def projected(ring: RingFacts, found: Sequence[Alteration]) -> RingFacts:
    """The ring as it will be after those alterations: what later steps are planned on."""
    after = {a.keyspace: a.after for a in found}
    keyspaces = tuple(replace(k, replication=after.get(k.name, k.replication)) for k in ring.keyspaces)
    return replace(ring, keyspaces=keyspaces)
