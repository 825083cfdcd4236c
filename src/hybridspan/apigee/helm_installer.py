"""Installs releases of Apigee's charts in one region, with the names that the first region has."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from hybridspan.apigee.charts import Charts
from hybridspan.apigee.definitions import EXTENSIONS, compared, definitions_in, is_established
from hybridspan.apigee.helm import Helm
from hybridspan.apigee.observe import DEFINITION, Objects, apigee_facts
from hybridspan.apigee.overrides import overrides_facts
from hybridspan.facts.apigee import ApigeeFacts
from hybridspan.facts.helm import WantedRelease
from hybridspan.facts.world import Installation
from hybridspan.plan.phases.operator import key_of
from hybridspan.plan.phases.releases import wanted_releases
from hybridspan.topology.model import Region, Topology
from hybridspan.topology.overrides import read_overrides

LineSink = Callable[[str], None]


class Cluster(Objects, Protocol):
    """What is asked of a cluster beside helm."""

    async def apply(self, document: dict[str, Any], *, force: bool = False) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class HelmRegion:
    """A region with the way into it."""

    region: Region
    cluster: Cluster
    helm: Helm


async def with_releases(helm: Helm, apigee: ApigeeFacts) -> ApigeeFacts:
    """The facts with what `helm list` adds."""
    return replace(apigee, releases=await helm.releases())


class HelmInstaller:
    """The installer of one region; `first` is the region whose names are followed."""

    def __init__(self, topology: Topology, own: HelmRegion, first: HelmRegion, charts: Charts) -> None:
        self._topology = topology
        self._own = own
        self._first = first
        self._charts = charts

    async def installations(self) -> tuple[Installation, Installation]:
        """The first region's and this one's, as they are now."""
        there, here = await asyncio.gather(self._installation(self._first), self._installation(self._own))
        return there, here

    async def _installation(self, of: HelmRegion) -> Installation:
        apigee = await apigee_facts(of.cluster, of.region.namespace)
        return Installation(await with_releases(of.helm, apigee), overrides_facts(self._topology, of.region))

    async def wanted(self, key: str) -> WantedRelease:
        """The release of that key (`datastore`, `env/prod`)."""
        releases = await self._first.helm.releases()
        overrides = overrides_facts(self._topology, self._first.region)
        nothing = ApigeeFacts(None, False, None, (), releases)
        found = wanted_releases(self._topology, Installation(nothing, overrides))
        return next(r for r in found if key_of(r) == key)

    async def install(self, key: str, on_line: LineSink) -> None:
        """Install or upgrade that release, after a dry run on the server."""
        wanted = await self.wanted(key)
        async with self._charts.furnished(wanted.chart, self._files()) as chart:
            await self._own.helm.upgrade(wanted, chart, self._own.region.overrides, on_line)

    def _files(self) -> list[tuple[str, Path]]:
        """Files that the overrides name by relative paths; absolute ones helm cannot read in any chart."""
        declared = read_overrides(self._own.region)
        folder = self._own.region.overrides.parent
        return [
            (f.name, folder / f.name) for f in declared.named_files if f.exists and not os.path.isabs(f.name)
        ]

    async def apply_definitions(self, on_line: LineSink) -> None:
        """Apigee's CRDs, on the server's side."""
        for document in await definitions_in(await self._charts.chart("apigee-operator")):
            on_line(f"{document['kind']} {document['metadata']['name']}")
            await self._own.cluster.apply(document, force=True)

    async def compared_definitions(self) -> tuple[ApigeeFacts | None, ApigeeFacts | None]:
        """The first region's Apigee and this one's, with this one's definitions beside the chart's."""
        chart = await definitions_in(await self._charts.chart("apigee-operator"))
        (first, own), comparison = await asyncio.gather(
            self.installations(), compared(self._own.cluster, chart)
        )
        return first.apigee, own.apigee and replace(own.apigee, chart=comparison)

    async def unestablished(self) -> tuple[str, ...]:
        """Definitions of the chart that the API server does not serve yet."""
        documents = await definitions_in(await self._charts.chart("apigee-operator"))
        names = [d["metadata"]["name"] for d in documents if d["kind"] == DEFINITION]
        found = await asyncio.gather(*(self._own.cluster.get(EXTENSIONS, DEFINITION, n) for n in names))
        return tuple(n for n, document in zip(names, found, strict=True) if not is_established(document))
