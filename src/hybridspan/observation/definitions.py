"""Apigee's definitions in every cluster beside those of the operator's chart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from hybridspan.errors import HybridspanError
from hybridspan.facts.world import RegionFacts
from hybridspan.observation.estate import Estate
from hybridspan.topology.model import Region


async def beside_the_chart(estate: Estate, facts: Mapping[str, RegionFacts]) -> dict[str, RegionFacts]:
    """The facts, with that comparison for every region that has a cluster; as they are where there is no chart."""
    from hybridspan.apigee.definitions import compared, definitions_in

    topology = estate.topology
    if topology.installer != "helm" or facts[topology.first.name].apigee is None:
        return dict(facts)
    try:
        chart = await definitions_in(await (await estate.charts()).chart("apigee-operator"))
    except HybridspanError:
        return dict(facts)  # pre-flight looks for every chart, and says what is wrong

    async def of(region: Region) -> tuple[str, RegionFacts]:
        seen = facts[region.name]
        if seen.apigee is None:
            return str(region.name), seen
        comparison = await compared(await estate.cluster(region), chart)
        return str(region.name), replace(seen, apigee=replace(seen.apigee, chart=comparison))

    return dict(await asyncio.gather(*map(of, topology.regions)))
