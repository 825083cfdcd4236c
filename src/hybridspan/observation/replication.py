"""How far Apigee's operator is with copying a region's data, and what the ring says to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from hybridspan.apigee.observe import apigee_facts
from hybridspan.apigee.replication_causes import Place, cause_of, place_of
from hybridspan.cassandra.receiving import Receiving, receiving
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.errors import HybridspanError, TemporaryFailure
from hybridspan.facts.cassandra import RingFacts
from hybridspan.observation.estate import Estate
from hybridspan.plan.phases.replication import RESOURCE, ReplicationSeen, the_resource, was_proved
from hybridspan.plan.phases.verification import verification_key
from hybridspan.topology.model import Region


@dataclass(frozen=True, slots=True)
class Watched:
    """One look at the resource, and whether the operator is there."""

    seen: ReplicationSeen
    operator_ready: bool
    place: Place

    @property
    def is_settled(self) -> bool:
        resource = self.seen.resource
        if resource is None or (resource.applied_generation is not None and not resource.is_taken_up):
            return False
        return self.seen.is_complete or bool(self.seen.failure)

    def repeats(self, failure: str) -> bool:
        """Whether it says what it said before, without a word on which form of the resource it means."""
        resource = self.seen.resource
        return resource is not None and resource.applied_generation is None and self.seen.failure == failure


async def replication_seen(estate: Estate, region: Region, *, records: bool = False) -> Watched:
    """The resource and the ring as they are now; with `records` also what each node believes to have received."""
    source = await estate.cassandra(estate.topology.region_of(str(region.copy_from)))
    cluster = await estate.cluster(region)
    own, ring = await asyncio.gather(apigee_facts(cluster, region.namespace), source.members())
    seen = ReplicationSeen(
        resource=the_resource(own),
        status=own.datastore.replication if own.datastore else None,
        ring=ring,
        received=await _records(await estate.cassandra(region), ring) if records else {},
        is_proved=was_proved(ring, region, _proofs(estate, region)),
    )
    name = seen.resource.name if seen.resource else RESOURCE
    return Watched(seen, own.controller_ready, place_of(region, own.datastore, name))


async def receivers(estate: Estate, region: Region) -> Receiving:
    """Every node of the region that the operator rebuilds."""
    target, source = await asyncio.gather(
        estate.cassandra(region), estate.cassandra(estate.topology.region_of(str(region.copy_from)))
    )
    return await receiving(target, source, estate.topology.cassandra.tls_port, estate.clock)


async def cause_seen(estate: Estate, region: Region, watched: Watched) -> HybridspanError:
    """Why the operator failed, by its words and by what the nodes show now."""
    seen = watched.seen
    source = seen.resource.source if seen.resource else str(region.copy_from)
    hindrances = await (await receivers(estate, region)).hindrances()
    return cause_of(seen.failure, source, seen.ring, watched.place, hindrances)


def _proofs(estate: Estate, region: Region) -> list[Any]:
    return [estate.decided(verification_key(phase, region.name)) for phase in ("verify", "verify-again")]


async def _records(target: CassandraRegion, ring: RingFacts) -> dict[str, frozenset[str]]:
    """What each pod believes to have received; TemporaryFailure where a member's pod does not run."""
    pods = [pod.name for pod in await target.pods()]
    if len(pods) < len(ring.of(target.region.datacenter)):
        raise TemporaryFailure(
            "HS-CASS-015",
            f"not every Cassandra pod of {target.region.name} runs",
            where=target.region.name,
            why=f"{len(pods)} run, and the ring has {len(ring.of(target.region.datacenter))} nodes there",
            hint=f"{target.region.kubectl} get pods -l app=apigee-cassandra shows what they wait for",
        )

    async def of(pod: str) -> frozenset[str]:
        async with target.session(pod) as cql:
            return frozenset(name for name, ranges in (await target.available(cql)).items() if ranges)

    found = await asyncio.gather(*(of(pod) for pod in pods))
    return dict(zip(pods, found, strict=True))
