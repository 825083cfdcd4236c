"""Somebody's options and names outlive a run that ends between the deletion of a torn pair and its making."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybridspan.azure.gateway import AzureGateway
from hybridspan.clock import SystemClock
from hybridspan.errors import PermanentFailure
from hybridspan.journal.store import SqliteJournal
from hybridspan.observation.estate import Memory
from hybridspan.plan.phases.torn_peerings import TornSide, torn_key_of
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region
from tests.azure.conftest import StandIn
from tests.azure.regions import CENTRAL, EAST, WEST, Recorded, make_topology
from tests.azure.runs import at, opened, run
from tests.azure.test_faults import refused
from tests.azure.test_gateway import PEERING, both_sides, make_networks

CHOSEN = {"allowForwardedTraffic": True, "allowGatewayTransit": True, "doNotVerifyRemoteGateways": True}
KEYS = (torn_key_of(EAST, CENTRAL), torn_key_of(CENTRAL, EAST))


async def peer(gateway: AzureGateway, memory: Any, *names: str) -> bool:
    first, second = names or ("to-central", "to-east")
    return await gateway.ensure_peering(EAST, first, CENTRAL, second, memory)


def documents(stand_in: StandIn) -> list[tuple[str, dict[str, Any]]]:
    return list(stand_in.arm.store.of_type(PEERING))


def tear(stand_in: StandIn) -> None:
    """Somebody has chosen options for both sides; then both lose sight of one another."""
    for key, document in documents(stand_in):
        document["properties"] |= CHOSEN | {"peeringState": "Disconnected"}
        stand_in.arm.store.put(key, document)


def made(stand_in: StandIn) -> dict[str, dict[str, Any]]:
    """Name and options of what there is."""
    return {d["name"]: {o: d["properties"].get(o) for o in CHOSEN} for _, d in documents(stand_in)}


async def stopped_after_the_deletion(gateway: AzureGateway, stand_in: StandIn, memory: Any) -> None:
    """A run that Azure refuses for good once nothing is left of the pair."""
    await make_networks(gateway)
    await peer(gateway, Memory())
    tear(stand_in)
    stand_in.fault("forbidden", method="PUT", type=PEERING)
    await refused(peer(gateway, memory), "HS-AZURE-002")
    assert documents(stand_in) == []


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    kept = SqliteJournal(tmp_path / "journal.sqlite", SystemClock())
    yield kept
    kept.close()


async def test_a_later_run_makes_the_pair_as_it_was(
    gateway: AzureGateway, stand_in: StandIn, records: Recorded, journal: SqliteJournal
) -> None:
    await stopped_after_the_deletion(gateway, stand_in, journal)
    later = AzureGateway(gateway.cloud, gateway.subscription, records)
    assert await peer(later, journal, "generated-1", "generated-2")
    await later.close()
    assert made(stand_in) == {"to-central": CHOSEN, "to-east": CHOSEN}
    assert [p.carries_traffic for p in await both_sides(gateway)] == [True, True]


async def test_what_a_pair_had_is_forgotten_once_it_is_whole(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    memory = Memory()
    await stopped_after_the_deletion(gateway, stand_in, memory)
    assert [memory.decided(key)["name"] for key in KEYS] == ["to-central", "to-east"]
    await peer(gateway, memory)
    assert [memory.decided(key) for key in KEYS] == [None, None]


async def test_a_deletion_that_is_stopped_halfway_loses_neither_side(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    memory = Memory()
    await make_networks(gateway)
    await peer(gateway, memory)
    tear(stand_in)
    stand_in.fault("forbidden", method="DELETE", type=PEERING, nth=2)
    await refused(peer(gateway, memory), "HS-AZURE-002")
    assert len(documents(stand_in)) == 1
    await peer(gateway, memory, "generated-1", "generated-2")
    assert made(stand_in) == {"to-central": CHOSEN, "to-east": CHOSEN}


async def test_a_name_that_another_peering_got_meanwhile_is_not_taken_from_it(
    gateway: AzureGateway, stand_in: StandIn
) -> None:
    memory = Memory()
    await stopped_after_the_deletion(gateway, stand_in, memory)
    await gateway.ensure_network(WEST, "somebody")
    await gateway.ensure_peering(EAST, "to-central", WEST, "to-east", Memory())
    await peer(gateway, memory, "generated-1", "generated-2")
    assert {"generated-1", "to-central", "to-east"} == set(made(stand_in))
    assert made(stand_in)["generated-1"] == CHOSEN
    assert [p.carries_traffic for p in await both_sides(gateway)] == [True, True]


@pytest.mark.parametrize("user", [EAST, CENTRAL], ids=lambda region: region.name)
async def test_the_side_that_uses_the_others_gateways_is_made_last(
    gateway: AzureGateway, stand_in: StandIn, user: Region
) -> None:
    memory, other = Memory(), CENTRAL if user == EAST else EAST
    await make_networks(gateway)
    for local, remote, option in ((user, other, "useRemoteGateways"), (other, user, "allowGatewayTransit")):
        properties = {"remoteVirtualNetwork": {"id": azure_ids.network_id(remote)}, option: True}
        torn = TornSide(f"of-{local.name}", {"properties": properties})
        memory.decide(torn_key_of(local, remote), torn.to_document())
    with pytest.raises(PermanentFailure) as refusal:  # the stand-in has no gateways
        await peer(gateway, memory)
    assert "does not have any gateways" in refusal.value.why
    assert [d["name"] for _, d in documents(stand_in)] == [f"of-{other.name}"]


async def test_the_step_brings_a_pair_back_in_the_next_run(
    stand_in: StandIn, records: Recorded, tmp_path: Path
) -> None:
    topology = at(stand_in, tmp_path, make_topology(EAST, CENTRAL))
    async with opened(topology, records) as estate:
        assert (await run(estate)).word == "done"
        tear(stand_in)
        names = set(made(stand_in))
        stand_in.fault("forbidden", method="PUT", type=PEERING)
        assert (await run(estate)).word != "done"
        assert made(stand_in) == {}
        assert (await run(estate)).word == "done"
        assert made(stand_in) == dict.fromkeys(names, CHOSEN)
        assert [estate.decided(key) for key in KEYS] == [None, None]


async def test_what_somebody_made_whole_meanwhile_is_forgotten_too(
    stand_in: StandIn, records: Recorded, tmp_path: Path
) -> None:
    topology = at(stand_in, tmp_path, make_topology(EAST, CENTRAL))
    async with opened(topology, records) as estate:
        await run(estate)
        tear(stand_in)
        stand_in.fault("forbidden", method="PUT", type=PEERING)
        await run(estate)
        await peer(estate.azure(EAST), Memory(), "by-hand-1", "by-hand-2")
        assert all(estate.decided(key) for key in KEYS)
        assert (await run(estate)).word == "done"
        assert [estate.decided(key) for key in KEYS] == [None, None]
