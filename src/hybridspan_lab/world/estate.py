"""`lab up`, step by step: Azure resources, then Apigee hybrid in the first region and in as many others as are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path
from typing import Any

from hybridspan.errors import PermanentFailure
from hybridspan.secrets import Secret
from hybridspan.topology.model import Region, Topology
from hybridspan_lab.controlplane import kubeconfig
from hybridspan_lab.helm.installing import Installation, named_secrets
from hybridspan_lab.kubeapi import ApiError, KubeApi
from hybridspan_lab.world import papers, variables
from hybridspan_lab.world.existing import ByHand
from hybridspan_lab.world.hybrid import SystemKeyspaces, install
from hybridspan_lab.world.joining import FurtherRegion
from hybridspan_lab.world.places import Places
from hybridspan_lab.world.record import Record

Say = Callable[[str], None]


async def build(places: Places, record: Record, topology: Topology, count: int, say: Say) -> None:
    """Makes the existing installation: the topology's first `count` regions, joined and without data of Apigee's."""
    regions = topology.regions[:count]
    secret = Secret(places.client_secret.read_text().strip())
    async with ByHand(record.arm, places.arm / "ca.pem", secret) as azure:
        await create(azure, alike(topology), count)
    for region in regions:
        say(f"{region.name}: network {region.network.name}, cluster {region.cluster.name}")
    papers.complete(topology.first.overrides)
    for region in regions[1:]:
        papers.derive(topology.first, region)
    with told_of_a_dead_lab(places):
        await _Estate(places, record, topology, say).install(regions)
    # A node that comes later asks its neighbours, as in any installation without a seed.
    places.first_seeds.unlink(missing_ok=True)


@contextmanager
def told_of_a_dead_lab(places: Places) -> Iterator[None]:
    """Whoever ends the lab meanwhile ends its API servers; PermanentFailure HS-LAB-028 then, and for their refusals."""
    try:
        yield
    except ApiError as error:
        gone = not places.record.exists()
        raise PermanentFailure(
            "HS-LAB-028",
            "the lab was ended while it was being made" if gone else "a cluster of the lab does not answer",
            where=str(places.home),
            why=str(error),
            hint="hybridspan lab up begins anew"
            if gone
            else f"its log is {places.log}; hybridspan lab down ends what is left of it, lab up begins anew",
        ) from error


def alike(topology: Topology) -> tuple[Region, ...]:
    """The regions, with the first one's network plugin where the file leaves it open."""
    plugin = topology.first.cluster.network_plugin
    return tuple(
        replace(
            region, cluster=replace(region.cluster, network_plugin=region.cluster.network_plugin or plugin)
        )
        for region in topology.regions
    )


async def create(azure: ByHand, regions: Sequence[Region], count: int) -> None:
    """The first `count` regions in Azure, and of the later ones what they declare by its id, because nobody makes that.

    Networks that a hub or a VPN connects are peered: the lab has neither.
    """
    await azure.create(regions[:count])
    others = [region for region in regions[count:] if region.network.id or region.cluster.id]
    await azure.networks(others)
    pairs = permutations((*regions[:count], *others), 2)
    await azure.peer([pair for pair in pairs if _is_connected(pair) and any(r in others for r in pair)])
    await azure.clusters([region for region in others if region.cluster.id])


def _is_connected(pair: Sequence[Region]) -> bool:
    return any(region.network.connected == "otherwise" for region in pair)


@dataclass(frozen=True, slots=True)
class _Estate:
    places: Places
    record: Record
    topology: Topology
    say: Say

    async def install(self, regions: tuple[Region, ...]) -> None:
        """All at once as far as one does not need the other: each region waits for those before it by itself."""
        done = [asyncio.Event() for _ in regions]
        async with KubeApi.from_kubeconfig(self._context(regions[0])) as source:
            work = [self._one(regions[0], None, done[0])]
            for number, region in enumerate(regions[1:], 1):
                joining = self._joining(region, source, done[number - 1])
                work.append(self._one(region, joining, done[number]))
            await _together(work)

    async def _one(self, region: Region, joining: FurtherRegion | None, done: asyncio.Event) -> None:
        def progress(words: str) -> None:
            self.say(f"{region.name}: {words}")

        keyspaces: SystemKeyspaces = "simple" if self.record.system_keyspaces == "simple" else "installed"
        kubeconfig = self._context(region)
        if self.topology.installer == "helm":
            options = {"system-keyspaces": "simple"} if keyspaces == "simple" else {}
            await self._with_helm(region, kubeconfig).run(progress, options, joining)
        else:
            await install(kubeconfig, region.overrides, keyspaces, progress, joining)
        progress(f"Apigee hybrid runs with {region.cassandra_nodes} Cassandra nodes")
        done.set()

    def _joining(self, region: Region, source: KubeApi, before: asyncio.Event) -> FurtherRegion:
        return FurtherRegion(
            first=self.topology.first,
            region=region,
            organization=self.topology.organization,
            source=source,
            shared=self._shared(),
            first_seeds=self.places.first_seeds,
            before=before,
            say=lambda words: self.say(f"{region.name}: {words}"),
        )

    def _shared(self) -> tuple[str, ...]:
        overrides = self.topology.first.overrides
        if self.topology.installer == "helm":
            return named_secrets(overrides)
        return tuple(filter(None, [papers.credentials(overrides)]))

    def _with_helm(self, region: Region, kubeconfig: Path) -> Installation:
        return Installation(
            bin=self.places.bin,
            kubeconfig=kubeconfig,
            charts=self.places.charts,
            overrides=region.overrides,
            namespace=region.namespace,
            environment=variables.helm_homes(self.places),
        )

    def _context(self, region: Region) -> Path:
        """A kubeconfig of the region's cluster alone: programs that take the current context get no other."""
        return kubeconfig.write_context(
            self.places.kubeconfig, region.cluster.name, self.places.contexts / region.cluster.name
        )


async def _together(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Runs all; the first that fails ends the others, and its failure is what the caller gets."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for one in work:
                tasks.create_task(one)
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
