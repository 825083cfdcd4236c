"""Plans 40 regions, 39 of them new: topology and facts in, an ordered graph out, nothing asked of anybody."""

from __future__ import annotations

import time
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

from hybridspan.facts.azure import RegionAzureFacts
from hybridspan.facts.world import RegionFacts, WorldFacts
from hybridspan.plan.build import build
from hybridspan.topology.loading import load
from hybridspan.topology.model import DatacenterName, Region, RegionName, Topology

REGIONS = 40
ROUNDS = 3
EXAMPLE = Path(__file__).parents[1] / "examples" / "two-regions" / "hybrid.yaml"


def wide(count: int) -> Topology:
    """The example's topology with its second region made as often as it takes."""
    example = load(EXAMPLE)
    second = example.regions[1]
    new = (numbered(second, number) for number in range(2, count + 1))
    return replace(example, regions=(example.first, *new))


def numbered(region: Region, number: int) -> Region:
    prefix = IPv4Network(f"10.{100 + number}.0.0/24")
    subnet = replace(region.network.subnet, name=f"subnet-{number}", prefix=prefix)
    network = replace(region.network, name=f"network-{number}", address_prefixes=(prefix,), subnet=subnet)
    return replace(
        region,
        name=RegionName(f"region{number}"),
        datacenter=DatacenterName(f"dc-{number}"),
        network=network,
        cluster=replace(region.cluster, name=f"apigee-region{number}"),
        overrides=region.overrides.with_name(f"overrides_apigee-region{number}.yaml"),
    )


def main() -> None:
    topology = wide(REGIONS)
    nothing = RegionFacts(RegionAzureFacts(False, None, (), None), None, None, ())
    facts = WorldFacts(0.0, {region.name: nothing for region in topology.regions}, None)
    for _ in range(ROUNDS):
        began = time.perf_counter()
        plan = build(topology, facts)
        taken = time.perf_counter() - began
        print(f"{REGIONS} regions: {len(plan.steps)} steps in {taken * 1000:.0f} ms")


if __name__ == "__main__":
    main()
