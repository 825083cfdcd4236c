"""A node joins only where it can reach every member of the ring."""

from __future__ import annotations

from hybridspan.plan.phases.install import plan_install
from tests.plan_cassandra.world import BEFORE, ring, three_regions, world


def ways(*datacenters: str) -> set[str]:
    topology = three_regions()
    steps = plan_install(topology, world(topology, ring(BEFORE, *datacenters)))
    (datastore,) = [s for s in steps if s.id == "datastore/centralus"]
    return {need for need in datastore.needs if need.startswith(("peering/", "ports/"))}


def test_the_ways_to_earlier_regions_come_first() -> None:
    assert ways("dc-1") == {"peering/eastus+centralus", "ports/eastus+centralus"}


def test_so_do_those_to_a_later_region_that_is_in_the_ring_already() -> None:
    added = {"peering/centralus+westeurope", "ports/centralus+westeurope"}
    assert ways("dc-1", "dc-3") == ways("dc-1") | added
