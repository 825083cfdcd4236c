"""Bodies and moments that Azure refuses and a stand-in easily lets pass: each was let pass once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab_arm.client import ArmClient, Reply
from tests.lab_arm.test_clusters import body, pool
from tests.lab_arm.test_peerings import two_networks

SPACE = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
SUBNET = {"properties": {"addressPrefix": "120.38.1.128/26"}}
GUID = "11111111-1111-4111-8111-111111111111"
CONTRIBUTOR, READER = "b24988ac-6180-42a0-ab88-20f7382dd24c", "acdd72a7-3385-48ef-bd42-f606fba81ae7"


async def held(arm: ArmClient, operation: str, method: str, path: str, document: Any = None) -> Reply:
    """Begins a write that ends when the faults are cleared."""
    arm.arm.faults.add("never-ends", operation=operation)
    return await arm.ask(method, path, document)


async def released(arm: ArmClient, begun: Reply) -> None:
    arm.arm.clear_faults()
    await arm.settle(begun)


# ---- networks


async def test_a_write_names_its_place_also_where_that_is_known(arm: ArmClient, group: object) -> None:
    await arm.make_vnet("v", "10.0.0.0/16")
    for path, document in ((arm.vnet("v"), {"properties": SPACE}), (arm.group(), {"tags": {}})):
        assert (await arm.put(path, document)).code == "LocationRequired"


async def test_global_is_no_place_for_a_network(arm: ArmClient, group: object) -> None:
    refused = await arm.put(arm.vnet("v"), {"location": "global", "properties": SPACE})
    assert refused.code == "LocationNotAvailableForResourceType"


async def test_tags_are_a_write_like_any_other(arm: ArmClient, group: object) -> None:
    """While something else is written a network takes no tags, nor does a cluster."""
    await arm.make_vnet("v", "120.38.1.0/24")
    begun = await held(arm, "subnet.put", "PUT", f"{arm.vnet('v')}/subnets/s", SUBNET)
    assert (await arm.ask("PATCH", arm.vnet("v"), {"tags": {}})).code == "AnotherOperationInProgress"
    await released(arm, begun)
    assert (await arm.ask("PATCH", arm.vnet("v"), {"tags": {}})).status == 200
    await arm.put(arm.cluster(), body())
    path, more = f"{arm.cluster()}/agentPools/more", {"properties": {"count": 1}}
    begun = await held(arm, "pool.put", "PUT", path, more)
    assert (await arm.ask("PATCH", arm.cluster(), {"tags": {}})).code == "OperationNotAllowed"
    await released(arm, begun)


async def test_new_tags_are_a_new_etag_of_a_cluster_too(arm: ArmClient, group: object) -> None:
    before = (await arm.put(arm.cluster(), body())).body["eTag"]
    assert (await arm.ask("PATCH", arm.cluster(), {"tags": {"a": "b"}})).body["eTag"] != before


@pytest.mark.parametrize("value", [1, None, ["x"]])
async def test_a_tag_is_text(arm: ArmClient, group: object, value: Any) -> None:
    refused = await arm.put(arm.group("other"), {"location": "eastus", "tags": {"a": value}})
    assert (refused.status, refused.code) == (400, "InvalidRequestContent")


async def test_a_group_has_no_words_of_its_own(arm: ArmClient) -> None:
    refused = await arm.put(arm.group("other"), {"location": "eastus", "owner": "me"})
    assert refused.code == "InvalidRequestContent"
    assert "'owner'" in refused.body["error"]["message"]


@pytest.mark.parametrize(
    ("path", "properties"),
    [
        ("v", {"addressSpace": "10.0.0.0/16"}),
        ("v", {"addressSpace": {"addressPrefixes": "10.0.0.0/16"}}),
        ("a/virtualNetworkPeerings/p", {"allowVirtualNetworkAccess": "yes"}),
    ],
)
async def test_text_is_not_converted(
    arm: ArmClient, group: object, path: str, properties: dict[str, Any]
) -> None:
    await two_networks(arm)
    properties = {"remoteVirtualNetwork": {"id": arm.vnet("b")}, **properties} if "/" in path else properties
    refused = await arm.put(arm.vnet(path), {"location": "eastus", "properties": properties})
    if "/" in path:
        refused = await arm.put(arm.vnet(path), {"properties": properties})
    assert (refused.status, refused.code) == (400, "InvalidRequestFormat")
    assert "Error converting value" in refused.body["error"]["details"][0]["message"]


async def test_nobody_peers_with_a_network_that_has_failed(arm: ArmClient, group: object) -> None:
    await two_networks(arm)
    failed = arm.arm.store.get(arm.vnet("b")) or {}
    failed["properties"]["provisioningState"] = "Failed"
    arm.arm.store.put(arm.vnet("b"), failed)
    for one, other in (("a", "b"), ("b", "a")):
        refused = await arm.peer(one, other)
        assert (refused.status, refused.code) == (400, "ReferencedResourceNotProvisioned")
        assert "is in Failed state" in refused.body["error"]["message"]


async def test_a_peering_locks_both_networks(arm: ArmClient, group: object) -> None:
    await two_networks(arm)
    link = {"properties": {"remoteVirtualNetwork": {"id": arm.vnet("b")}}}
    begun = await held(arm, "peering.put", "PUT", arm.peering("a", "b"), link)
    subnet = {"properties": {"addressPrefix": "192.138.0.128/26"}}
    for network in ("a", "b"):
        refused = await arm.ask("PUT", f"{arm.vnet(network)}/subnets/more", subnet)
        assert (refused.status, refused.code) == (429, "AnotherOperationInProgress")
    await released(arm, begun)
    begun = await held(arm, "subnet.put", "PUT", f"{arm.vnet('b')}/subnets/more", subnet)
    assert (await arm.ask("DELETE", arm.peering("a", "b"))).code == "AnotherOperationInProgress"
    await released(arm, begun)
    assert (await arm.ask("DELETE", arm.peering("a", "b"))).status == 202


# ---- roles


async def test_a_role_is_given_where_something_is_and_never_changed(arm: ArmClient, group: object) -> None:
    await arm.make_vnet("v", "10.0.0.0/16")
    principal = arm.arm.credentials.owner.object_id
    roles = "/providers/Microsoft.Authorization/roleDefinitions"

    async def give(scope: str, name: str, role: str) -> Any:
        given = {"roleDefinitionId": f"{roles}/{role}", "principalId": principal}
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
        return await arm.put(path, {"properties": given})

    assert (await give(arm.vnet("none"), GUID, READER)).code == "ResourceNotFound"
    assert (await give(arm.group("none"), GUID, READER)).code == "ResourceGroupNotFound"
    assert (await give(arm.vnet("v"), "reader", READER)).code == "InvalidRoleAssignmentId"
    assert (await give(arm.vnet("v"), GUID, READER)).status == 200
    assert (await give(arm.vnet("v"), GUID, READER)).status == 200
    refused = await give(arm.vnet("v"), GUID, CONTRIBUTOR)
    assert (refused.status, refused.code) == (409, "RoleAssignmentUpdateNotPermitted")


# ---- clusters


def with_(**more: Any) -> dict[str, Any]:
    document = body()
    return {**document, "properties": {**document["properties"], **more}}


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (body(networkPlugin="flannel"), "InvalidParameter"),
        (body(networkPlugin="azure", networkPluginMode="underlay"), "InvalidParameter"),
        (body(networkPlugin="kubenet", networkPluginMode="overlay"), "InvalidParameter"),
        (body(networkPlugin="kubenet", networkPolicy="azure"), "InvalidParameter"),
        (body(networkPlugin="azure", outboundType="carrierPigeon"), "InvalidParameter"),
        (
            body(networkPlugin="azure", outboundType="userDefinedRouting"),
            "ExistingRouteTableNotAssociatedWithSubnet",
        ),
        (body(networkPlugin="azure", dnsServiceIP="ten"), "InvalidParameter"),
        (body(pool("system", osType="BeOS")), "InvalidParameter"),
        (body(pool("system"), pool("more", mode="Data")), "InvalidParameter"),
        (body(pool("system", nodeLabels={"a b": "c"})), "InvalidParameter"),
        (body(pool("system", nodeLabels={"a": "b/c"})), "InvalidParameter"),
        (body(pool("system", nodeTaints=["data"])), "InvalidParameter"),
        (body(pool("system", orchestratorVersion="9.9.9")), "NodePoolMcVersionIncompatible"),
        (with_(dnsPrefix="-a b-"), "InvalidParameter"),
        (with_(supportPlan="Forever"), "InvalidParameter"),
        (with_(nodeResourceGroup="rg"), "BadRequest"),
        (with_(securityProfile={"workloadIdentity": {"enabled": True}}), "BadRequest"),
        ({**body(), "identity": None}, "InvalidParameter"),
        ({**body(), "identity": {"type": "Borrowed"}}, "InvalidParameter"),
        ({**body(), "sku": {"name": "Base", "tier": "Gold"}}, "InvalidParameter"),
        ({**body(), "network": {}}, "UnmarshalError"),
    ],
)
async def test_a_cluster_that_aks_would_not_make(
    arm: ArmClient, group: object, document: dict[str, Any], code: str
) -> None:
    refused = await arm.put(arm.cluster(), document)
    assert (refused.status, refused.code) == (400, code)
    assert (await arm.get(arm.cluster())).status == 404


async def test_what_kubernetes_takes_aks_takes(arm: ArmClient, group: object) -> None:
    labels = {"apigee.com/apigee-nodepool": "apigee-data", "empty": ""}
    wanted = pool("system", nodeLabels=labels, nodeTaints=["key=value:NoSchedule", "only:NoExecute"])
    assert (await arm.put(arm.cluster(), body(wanted, networkPlugin="azure"))).status == 200


async def test_the_last_system_pool_stays_one(arm: ArmClient, group: object) -> None:
    await arm.put(arm.cluster(), body())
    path = f"{arm.cluster()}/agentPools/system"
    assert (await arm.put(path, {"properties": {"count": 1, "mode": "User"}})).code == "InvalidParameter"
    assert (await arm.get(path)).properties["mode"] == "System"
