"""`lab up`, step by step: the first region's Azure resources, then its Apigee hybrid."""

from __future__ import annotations

from collections.abc import Callable

from hybridspan.secrets import Secret
from hybridspan.topology.model import Topology
from hybridspan_lab.parts import ensure
from hybridspan_lab.world import papers
from hybridspan_lab.world.existing import ByHand
from hybridspan_lab.world.places import Places
from hybridspan_lab.world.record import Record


async def build(places: Places, record: Record, topology: Topology, say: Callable[[str], None]) -> None:
    """Makes the existing installation of the topology's first region."""
    region = topology.first
    authority = places.arm / "ca.pem"
    async with ByHand(record.arm, authority, Secret(places.client_secret.read_text().strip())) as azure:
        await azure.create_region(region)
    say(f"{region.name}: network {region.network.name}, cluster {region.cluster.name}")
    from hybridspan_lab.apigee import estate as apigee

    papers.complete(region.overrides)
    await apigee.install(places.kubeconfig, region.overrides, ensure())
    say(f"{region.name}: Apigee hybrid with {region.cassandra_nodes} Cassandra nodes")
