"""`lab up`, step by step: the first region's Azure resources, then its Apigee hybrid."""

from __future__ import annotations

from collections.abc import Callable

from hybridspan.secrets import Secret
from hybridspan.topology.model import Region, Topology
from hybridspan_lab.helm.installing import Installation
from hybridspan_lab.world import papers, variables
from hybridspan_lab.world.existing import ByHand
from hybridspan_lab.world.hybrid import SystemKeyspaces, install
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

    def progress(words: str) -> None:
        say(f"{region.name}: {words}")

    if topology.installer == "helm":
        simple = record.system_keyspaces == "simple"
        await _with_helm(places, region).run(progress, {"system-keyspaces": "simple"} if simple else {})
    else:
        keyspaces: SystemKeyspaces = "simple" if record.system_keyspaces == "simple" else "installed"
        await install(places.kubeconfig, region.overrides, system_keyspaces=keyspaces, progress=progress)
    say(f"{region.name}: Apigee hybrid runs with {region.cassandra_nodes} Cassandra nodes")


def _with_helm(places: Places, region: Region) -> Installation:
    return Installation(
        bin=places.bin,
        kubeconfig=places.kubeconfig,
        charts=places.charts,
        overrides=region.overrides,
        namespace=region.namespace,
        environment=variables.helm_homes(places),
    )
