from __future__ import annotations

import pytest

from tests.lab_arm.client import ArmClient


def body(
    *prefixes: str, subnets: dict[str, str] | None = None, location: str = "eastus"
) -> dict[str, object]:
    listed = [
        {"name": name, "properties": {"addressPrefix": prefix}} for name, prefix in (subnets or {}).items()
    ]
    return {
        "location": location,
        "properties": {"addressSpace": {"addressPrefixes": list(prefixes)}, "subnets": listed},
    }


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (body(), "InvalidRequestFormat"),
        (body("10.0.0.0"), "InvalidAddressPrefixFormat"),
        (body("ten"), "InvalidAddressPrefixFormat"),
        (body("10.0.0.1/16"), "InvalidCIDRNotation"),
        (body("169.254.0.0/16"), "AddressPrefixNotAllowed"),
        (body("10.0.0.0/16", "10.0.1.0/24"), "VnetAddressSpacePrefixesOverlap"),
        (body("10.0.0.0/16", subnets={"s": "10.1.0.0/24"}), "NetcfgSubnetRangeOutsideVnet"),
        (
            body("10.0.0.0/16", subnets={"s": "10.0.0.0/24", "t": "10.0.0.128/25"}),
            "NetcfgSubnetRangesOverlap",
        ),
        (body("10.0.0.0/16", subnets={"s": "10.0.0.0/30"}), "NetcfgInvalidSubnet"),
        (body("120.38.1.0/24", subnets={"s": "120.38.1.0/26"}), "Succeeded"),
        (body("10.0.0.0/16", location="atlantis"), "LocationNotAvailableForResourceType"),
    ],
)
async def test_address_spaces_are_judged_as_azure_judges_them(
    arm: ArmClient, group: object, document: dict[str, object], code: str
) -> None:
    reply = await arm.put(arm.vnet("v"), document)
    assert (reply.code if reply.status >= 400 else reply.properties["provisioningState"]) == code


async def test_a_put_without_a_subnet_drops_it(arm: ArmClient, group: object) -> None:
    await arm.put(arm.vnet("v"), body("10.0.0.0/16", subnets={"s": "10.0.0.0/24"}))
    assert (await arm.put(arm.vnet("v"), body("10.0.0.0/16"))).properties["subnets"] == []


@pytest.mark.parametrize(
    ("name", "change", "verb"),
    [
        ("there", {"allowForwardedTraffic": True}, "change"),
        ("there", {"allowVirtualNetworkAccess": False}, "change"),
        ("there", {"remoteAddressSpace": {"addressPrefixes": ["10.7.0.0/16"]}}, "change"),
        ("THERE", {"remoteVirtualNetwork": {"id": "/elsewhere"}}, "change"),
        ("elsewhere", {}, "make"),
    ],
)
async def test_a_networks_put_does_not_pretend_to_write_peerings(
    arm: ArmClient, group: object, name: str, change: dict[str, object], verb: str
) -> None:
    await arm.make_vnet("one", "10.0.0.0/16")
    await arm.make_vnet("two", "10.1.0.0/16")
    remote = {"properties": {"remoteVirtualNetwork": {"id": arm.vnet("two")}}}
    await arm.put(f"{arm.vnet('one')}/virtualNetworkPeerings/there", remote)
    read = (await arm.get(arm.vnet("one"))).body
    assert (await arm.put(arm.vnet("one"), read)).status == 200
    peering = read["properties"]["virtualNetworkPeerings"][0]
    read["properties"]["virtualNetworkPeerings"] = [
        {**peering, "name": name, "properties": {**peering["properties"], **change}}
    ]
    refused = await arm.put(arm.vnet("one"), read)
    assert (refused.status, refused.code) == (400, "OperationNotAllowed")
    assert f"does not {verb} peering {name}" in refused.body["error"]["message"]
    kept = (await arm.get(arm.vnet("one"))).properties["virtualNetworkPeerings"]
    assert [p["name"] for p in kept] == ["there"]
    assert not kept[0]["properties"]["allowForwardedTraffic"]


async def test_a_network_does_not_move(arm: ArmClient, group: object) -> None:
    await arm.put(arm.vnet("v"), body("10.0.0.0/16"))
    moved = await arm.put(arm.vnet("v"), body("10.0.0.0/16", location="westus2"))
    assert (moved.status, moved.code) == (409, "InvalidResourceLocation")


async def test_a_subnet_with_nodes_in_it_stays(arm: ArmClient, group: object) -> None:
    await arm.make_vnet("v", "10.0.0.0/16", "10.0.0.0/24")
    subnet = f"{arm.vnet('v')}/subnets/subnet0"
    await arm.put(arm.cluster(), cluster_in(subnet))
    used = (await arm.get(subnet)).properties["ipConfigurations"]
    assert len(used) == 2 * 31
    for path in (subnet, arm.vnet("v")):
        assert (await arm.delete(path)).code == "InUseSubnetCannotBeDeleted"
    assert (await arm.put(arm.vnet("v"), body("10.0.0.0/16"))).code == "InUseSubnetCannotBeDeleted"
    changed = await arm.put(subnet, {"properties": {"addressPrefix": "10.0.0.0/23"}})
    assert changed.code == "InUsePrefixCannotBeDeleted"


def cluster_in(subnet: str) -> dict[str, object]:
    pool = {"name": "system", "count": 2, "mode": "System", "vnetSubnetID": subnet}
    profile = {"networkPlugin": "azure", "serviceCidr": "172.16.0.0/16"}
    return {
        "location": "eastus",
        "identity": {"type": "SystemAssigned"},
        "properties": {"dnsPrefix": "d", "agentPoolProfiles": [pool], "networkProfile": profile},
    }


async def test_deleting_what_is_not_there_is_no_error(arm: ArmClient, group: object) -> None:
    assert (await arm.delete(arm.vnet("absent"))).status == 204


async def test_a_subnet_of_a_missing_network_is_refused(arm: ArmClient, group: object) -> None:
    refused = await arm.put(
        f"{arm.vnet('absent')}/subnets/s", {"properties": {"addressPrefix": "10.0.0.0/24"}}
    )
    assert (refused.status, refused.code) == (404, "ParentResourceNotFound")


async def test_a_network_names_its_security_group_only_if_it_exists(arm: ArmClient, group: object) -> None:
    await arm.make_vnet("v", "10.0.0.0/16")
    wanted = {"addressPrefix": "10.0.0.0/24", "networkSecurityGroup": {"id": arm.nsg("guard")}}
    subnet = f"{arm.vnet('v')}/subnets/s"
    assert (await arm.put(subnet, {"properties": wanted})).code == "InvalidResourceReference"
    await arm.put(arm.nsg("guard"), {"location": "eastus"})
    assert (await arm.put(subnet, {"properties": wanted})).status == 200
    assert (await arm.get(arm.nsg("guard"))).properties["subnets"] == [{"id": subnet}]
    assert (await arm.delete(arm.nsg("guard"))).code == "InUseNetworkSecurityGroupCannotBeDeleted"
