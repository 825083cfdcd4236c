from __future__ import annotations

import pytest

from hybridspan_lab.arm import network_from_documents
from tests.lab_arm.client import ArmClient


async def two_networks(arm: ArmClient) -> None:
    await arm.make_vnet("a", "120.38.1.0/24", "120.38.1.0/26")
    await arm.make_vnet("b", "192.138.0.0/24", "192.138.0.0/26", location="centralus")


async def state(arm: ArmClient, one: str, other: str) -> tuple[str, str]:
    properties = (await arm.get(arm.peering(one, other))).properties
    return properties["peeringState"], properties["peeringSyncLevel"]


async def test_the_first_side_is_initiated_and_the_second_connects_both(
    arm: ArmClient, group: object
) -> None:
    await two_networks(arm)
    assert (await arm.peer("a", "b")).properties["peeringState"] == "Initiated"
    assert (await arm.peer("b", "a")).properties["peeringState"] == "Connected"
    assert await state(arm, "a", "b") == await state(arm, "b", "a") == ("Connected", "FullyInSync")


async def test_only_connected_peerings_carry_traffic(arm: ArmClient, group: object) -> None:
    await two_networks(arm)
    await arm.peer("a", "b")
    assert network_from_documents(arm.networks[-1]).links == ()
    await arm.peer("b", "a")
    links = network_from_documents(arm.networks[-1]).links
    assert [link.ends for link in links] == [(arm.vnet("a"), arm.vnet("b"))]


async def test_deleting_one_side_disconnects_the_other(arm: ArmClient, group: object) -> None:
    await two_networks(arm)
    await arm.peer("a", "b")
    await arm.peer("b", "a")
    await arm.delete(arm.peering("a", "b"))
    assert (await state(arm, "b", "a"))[0] == "Disconnected"
    assert network_from_documents(arm.networks[-1]).links == ()


async def test_a_disconnected_remote_side_refuses_to_be_joined_until_it_is_put_anew(
    arm: ArmClient, group: object
) -> None:
    await two_networks(arm)
    await arm.peer("a", "b")
    await arm.peer("b", "a")
    await arm.delete(arm.peering("a", "b"))
    refused = await arm.peer("a", "b")
    assert (refused.status, refused.code) == (400, "RemotePeeringIsDisconnected")
    assert (await arm.peer("b", "a")).properties["peeringState"] == "Initiated"
    assert (await arm.peer("a", "b")).properties["peeringState"] == "Connected"


async def test_a_changed_address_space_shows_on_both_sides_until_it_is_synced(
    arm: ArmClient, group: object
) -> None:
    await two_networks(arm)
    await arm.peer("a", "b")
    await arm.peer("b", "a")
    document = (await arm.get(arm.vnet("a"))).body
    document["properties"]["addressSpace"]["addressPrefixes"].append("120.38.2.0/24")
    await arm.put(arm.vnet("a"), document)
    assert (await state(arm, "a", "b"))[1] == "LocalNotInSync"
    assert (await state(arm, "b", "a"))[1] == "RemoteNotInSync"
    await arm.peer("b", "a", "?syncRemoteAddressSpace=true")
    assert (await state(arm, "a", "b"))[1] == (await state(arm, "b", "a"))[1] == "FullyInSync"


async def test_both_spaces_changed_is_a_level_of_its_own(arm: ArmClient, group: object) -> None:
    await two_networks(arm)
    await arm.peer("a", "b")
    await arm.peer("b", "a")
    for name, prefix in (("a", "120.38.2.0/24"), ("b", "192.138.2.0/24")):
        document = (await arm.get(arm.vnet(name))).body
        document["properties"]["addressSpace"]["addressPrefixes"].append(prefix)
        await arm.put(arm.vnet(name), document)
    assert (await state(arm, "a", "b"))[1] == "LocalAndRemoteNotInSync"


async def test_overlapping_networks_are_not_peered(arm: ArmClient, group: object) -> None:
    await arm.make_vnet("a", "10.0.0.0/16")
    await arm.make_vnet("b", "10.0.1.0/24")
    assert (await arm.peer("a", "b")).code == "VnetAddressSpacesOverlap"


async def test_a_third_network_may_not_overlap_one_that_is_peered(arm: ArmClient, group: object) -> None:
    await arm.make_vnet("a", "10.0.0.0/16")
    await arm.make_vnet("b", "10.1.0.0/16")
    await arm.make_vnet("c", "10.1.1.0/24")
    await arm.peer("a", "b")
    assert (await arm.peer("a", "c")).code == "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet"


async def test_a_second_peering_to_the_same_network_is_refused(arm: ArmClient, group: object) -> None:
    await two_networks(arm)
    await arm.peer("a", "b")
    body = {"properties": {"remoteVirtualNetwork": {"id": arm.vnet("b").upper()}}}
    refused = await arm.put(f"{arm.vnet('a')}/virtualNetworkPeerings/other", body)
    assert refused.code == "AnotherPeeringAlreadyReferencesRemoteVnet"


async def test_a_missing_remote_network_is_named(arm: ArmClient, group: object) -> None:
    await arm.make_vnet("a", "10.0.0.0/16")
    refused = await arm.peer("a", "nowhere")
    assert refused.code == "InvalidResourceReference"
    assert "nowhere" in refused.body["error"]["message"]


@pytest.mark.parametrize(("changed", "prefix"), [("a", "120.38.1.64/26"), ("b", "192.138.0.64/26")])
async def test_a_peering_during_a_subnet_put_is_refused_on_either_side(
    arm: ArmClient, group: object, changed: str, prefix: str
) -> None:
    await two_networks(arm)
    await begin_subnet(arm, changed, prefix)
    assert (await arm.get(arm.vnet(changed))).properties["provisioningState"] == "Succeeded"
    refused = await arm.peer("a", "b")
    assert (refused.status, refused.code) == (400, "ReferencedResourceNotProvisioned")
    assert "PutSubnetOperation" in refused.body["error"]["message"]


async def begin_subnet(arm: ArmClient, network: str, prefix: str) -> None:
    """A subnet whose PUT goes on and on."""
    arm.arm.faults.add("never-ends", method="PUT", path_part="/subnets/")
    begun = await arm.ask(
        "PUT", f"{arm.vnet(network)}/subnets/more", {"properties": {"addressPrefix": prefix}}
    )
    assert begun.status == 201


async def test_one_write_at_a_time_on_a_network(arm: ArmClient, group: object) -> None:
    await two_networks(arm)
    await begin_subnet(arm, "a", "120.38.1.64/26")
    other = {"properties": {"addressPrefix": "120.38.1.128/26"}}
    refused = await arm.ask("PUT", f"{arm.vnet('a')}/subnets/two", other)
    assert (refused.status, refused.code) == (429, "AnotherOperationInProgress")
    assert int(refused.headers["Retry-After"]) > 0


async def test_deleting_a_network_disconnects_its_peers(arm: ArmClient, group: object) -> None:
    await two_networks(arm)
    await arm.peer("a", "b")
    await arm.peer("b", "a")
    await arm.delete(arm.vnet("a"))
    assert (await state(arm, "b", "a"))[0] == "Disconnected"


async def test_forbidden_access_stops_traffic_though_connected(arm: ArmClient, group: object) -> None:
    await two_networks(arm)
    await arm.peer("a", "b")
    body = {"properties": {"remoteVirtualNetwork": {"id": arm.vnet("a")}, "allowVirtualNetworkAccess": False}}
    back = await arm.put(arm.peering("b", "a"), body)
    assert back.properties["peeringState"] == "Connected"
    assert network_from_documents(arm.networks[-1]).links == ()
