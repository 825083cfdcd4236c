"""Keeps a proof in the journal: what was compared and found the same is not brought a second time."""

from __future__ import annotations

import asyncio

from hybridspan.observation.estate import Estate
from hybridspan.plan.phases.proof import proof_of
from hybridspan.topology.model import Region


async def keep_proof(estate: Estate, region: Region) -> None:
    """Call it when every replica of the region's data center has just been found the same."""
    from hybridspan.apigee.observe import apigee_facts

    target, cluster = await asyncio.gather(estate.cassandra(region), estate.cluster(region))
    ring, pods, apigee = await asyncio.gather(
        target.members(), target.pods(), apigee_facts(cluster, region.namespace)
    )
    names = {pod.address: pod.name for pod in pods}
    has_seed = bool(apigee.datastore and apigee.datastore.seed_host)
    for key, value in proof_of(region, ring, names, estate.clock.now(), has_seed=has_seed).items():
        estate.decide(key, value)
