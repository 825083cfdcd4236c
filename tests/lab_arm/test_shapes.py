"""The keys that real answers have, written down by hand from what is known of real traffic (api-versions of 2024-25)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab_arm.client import ArmClient
from tests.lab_arm.test_clusters import body as cluster_body
from tests.lab_arm.test_security_groups import rule

SPACE = {"addressPrefixes", "ipamPoolPrefixAllocations"}
NETWORK = {
    "": {"name", "id", "etag", "type", "location", "properties"},
    "properties": {
        "provisioningState",
        "resourceGuid",
        "addressSpace",
        "privateEndpointVNetPolicies",
        "subnets",
        "virtualNetworkPeerings",
        "enableDdosProtection",
    },
    "properties.addressSpace": SPACE,
}
SUBNET = {
    "": {"name", "id", "etag", "type", "properties"},
    "properties": {
        "provisioningState",
        "addressPrefix",
        "ipamPoolPrefixAllocations",
        "delegations",
        "privateEndpointNetworkPolicies",
        "privateLinkServiceNetworkPolicies",
    },
}
PEERING = {
    "": {"name", "id", "etag", "type", "properties"},
    "properties": {
        "provisioningState",
        "resourceGuid",
        "peeringState",
        "peeringSyncLevel",
        "remoteVirtualNetwork",
        "allowVirtualNetworkAccess",
        "allowForwardedTraffic",
        "allowGatewayTransit",
        "useRemoteGateways",
        "doNotVerifyRemoteGateways",
        "peerCompleteVnets",
        "remoteAddressSpace",
        "remoteVirtualNetworkAddressSpace",
        "routeServiceVips",
    },
    "properties.remoteAddressSpace": SPACE,
    "properties.remoteVirtualNetworkAddressSpace": SPACE,
}
SECURITY_GROUP = {
    "": {"name", "id", "etag", "type", "location", "properties"},
    "properties": {"provisioningState", "resourceGuid", "securityRules", "defaultSecurityRules"},
}
RULE = {
    "": {"name", "id", "etag", "type", "properties"},
    "properties": {
        "provisioningState",
        "protocol",
        "sourcePortRange",
        "destinationPortRange",
        "sourceAddressPrefix",
        "destinationAddressPrefix",
        "access",
        "priority",
        "direction",
        "sourcePortRanges",
        "destinationPortRanges",
        "sourceAddressPrefixes",
        "destinationAddressPrefixes",
    },
}
GROUP = {"": {"id", "name", "type", "location", "properties"}, "properties": {"provisioningState"}}
CLUSTER = {
    "": {"id", "location", "name", "type", "kind", "properties", "identity", "sku", "eTag"},
    "identity": {"type", "principalId", "tenantId"},
    "properties.networkProfile": {
        "networkPlugin",
        "networkPluginMode",
        "networkPolicy",
        "networkDataplane",
        "loadBalancerSku",
        "podCidr",
        "podCidrs",
        "serviceCidr",
        "serviceCidrs",
        "dnsServiceIP",
        "outboundType",
        "ipFamilies",
    },
}
CLUSTER_HAS = {
    "provisioningState",
    "powerState",
    "kubernetesVersion",
    "currentKubernetesVersion",
    "dnsPrefix",
    "fqdn",
    "azurePortalFQDN",
    "agentPoolProfiles",
    "nodeResourceGroup",
    "enableRBAC",
    "supportPlan",
    "networkProfile",
    "maxAgentPools",
    "disableLocalAccounts",
    "storageProfile",
    "oidcIssuerProfile",
    "resourceUID",
}
POOL_HAS = {
    "count",
    "vmSize",
    "osDiskSizeGB",
    "osDiskType",
    "kubeletDiskType",
    "maxPods",
    "type",
    "enableAutoScaling",
    "scaleDownMode",
    "provisioningState",
    "powerState",
    "orchestratorVersion",
    "currentOrchestratorVersion",
    "enableNodePublicIP",
    "mode",
    "osType",
    "osSKU",
    "nodeImageVersion",
    "upgradeSettings",
    "enableFIPS",
}


def at(document: dict[str, Any], path: str) -> dict[str, Any]:
    for name in filter(None, path.split(".")):
        document = document[name]
    return document


def check(document: dict[str, Any], expected: dict[str, set[str]]) -> None:
    assert {path: set(at(document, path)) for path in expected} == expected


async def test_a_group(arm: ArmClient, group: object) -> None:
    check((await arm.get(arm.group())).body, GROUP)


async def test_a_network_and_its_subnets(arm: ArmClient, group: object) -> None:
    network = (await arm.make_vnet("v", "10.0.0.0/16", "10.0.0.0/24")).body
    check(network, NETWORK)
    check(network["properties"]["subnets"][0], SUBNET)
    check((await arm.get(f"{arm.vnet('v')}/subnets/subnet0")).body, SUBNET)


async def test_both_sides_of_a_peering(arm: ArmClient, group: object) -> None:
    await arm.make_vnet("a", "10.0.0.0/16")
    await arm.make_vnet("b", "10.1.0.0/16")
    first = (await arm.peer("a", "b")).body
    check(first, PEERING)
    assert first["properties"]["peeringSyncLevel"] == "RemoteNotInSync"
    second = (await arm.peer("b", "a")).body
    assert second["properties"]["resourceGuid"] == first["properties"]["resourceGuid"]
    assert first["type"] == "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"


async def test_the_second_side_reads_connected_before_the_first_does(arm: ArmClient, group: object) -> None:
    await arm.make_vnet("a", "10.0.0.0/16")
    await arm.make_vnet("b", "10.1.0.0/16")
    await arm.peer("a", "b")
    arm.arm.faults.add("never-ends", method="PUT")
    wanted = {"properties": {"remoteVirtualNetwork": {"id": arm.vnet("a")}}}
    begun = await arm.ask("PUT", arm.peering("b", "a"), wanted)
    assert (begun.properties["peeringState"], begun.properties["provisioningState"]) == (
        "Connected",
        "Updating",
    )
    assert (await arm.get(arm.peering("a", "b"))).properties["peeringState"] == "Initiated"


async def test_a_security_group_and_a_rule(arm: ArmClient, group: object) -> None:
    check((await arm.put(arm.nsg("guard"), {"location": "eastus"})).body, SECURITY_GROUP)
    check((await arm.put(f"{arm.nsg('guard')}/securityRules/r", rule())).body, RULE)


async def test_a_cluster_and_a_pool(arm: ArmClient, group: object) -> None:
    made = (await arm.put(arm.cluster(), cluster_body())).body
    check(made, CLUSTER)
    assert set(made["properties"]) >= CLUSTER_HAS
    assert set(made["properties"]["agentPoolProfiles"][0]) >= POOL_HAS | {"name"}
    pool = (await arm.get(f"{arm.cluster()}/agentPools/system")).body
    assert set(pool) == {"id", "name", "type", "properties"}
    assert set(pool["properties"]) >= POOL_HAS


@pytest.mark.parametrize(
    ("kind", "extra"), [("network", set()), ("cluster", {"name", "startTime", "endTime"})]
)
async def test_an_operation_s_status(arm: ArmClient, group: object, kind: str, extra: set[str]) -> None:
    network = {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    path, document = (arm.vnet("v"), network) if kind == "network" else (arm.cluster(), cluster_body())
    begun = await arm.ask("PUT", path, document)
    assert set(await arm.settle(begun)) == {"status"} | extra


async def test_every_resource_goes_through_its_states(arm: ArmClient, group: object) -> None:
    network = {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    guard = {"location": "eastus"}
    for path, document, first in (
        (arm.vnet("v"), network, "Updating"),
        (f"{arm.vnet('v')}/subnets/s", {"properties": {"addressPrefix": "10.0.0.0/24"}}, "Updating"),
        (arm.nsg("guard"), guard, "Updating"),
        (f"{arm.nsg('guard')}/securityRules/r", rule(), "Updating"),
        (arm.cluster(), cluster_body(), "Creating"),
    ):
        begun = await arm.ask("PUT", path, document)
        assert (begun.status, begun.properties["provisioningState"]) == (201, first), path
        await arm.settle(begun)
        assert (await arm.get(path)).properties["provisioningState"] == "Succeeded"
        gone = await arm.ask("DELETE", path) if "subnets" in path or "securityRules" in path else None
        if gone is not None:
            assert gone.status == 202
            assert {"Azure-AsyncOperation", "Location"} <= set(gone.headers)
            await arm.settle(gone)
            assert (await arm.get(path)).status == 404
