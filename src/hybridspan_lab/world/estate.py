"""`lab up`, step by step: the first region's Azure resources, then its Apigee hybrid."""

from __future__ import annotations

from collections.abc import Callable

from hybridspan.secrets import Secret
from hybridspan.topology.model import Topology
from hybridspan_lab.world import hybrid, papers
from hybridspan_lab.world.existing import ByHand
from hybridspan_lab.world.places import Places
from hybridspan_lab.world.record import Record


async def build(places: Places, record: Record, topology: Topology, say: Callable[[str], None]) -> None:
    """Makes the existing installation of the topology's first region."""
    region = topology.first
    secret = Secret(places.client_secret.read_text().strip())
    async with ByHand(record.arm, places.arm / "ca.pem", secret) as azure:
        await azure.create_region(region)
    say(f"{region.name}: network {region.network.name}, cluster {region.cluster.name}")
    papers.complete(region.overrides)
    await hybrid.install(
        places.kubeconfig,
        region.overrides,
        record.system_keyspaces,
        lambda words: say(f"{region.name}: {words}"),
    )
