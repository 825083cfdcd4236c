"""Roles: what a principal may do where. The owner gives, a second principal tries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hybridspan.secrets import Secret
from hybridspan_lab.arm import NullHost
from hybridspan_lab.arm.access import action_of
from hybridspan_lab.arm.credentials import SUBSCRIPTION, TENANT, Credentials, Principal, object_id
from hybridspan_lab.arm.paths import parse
from hybridspan_lab.arm.roles import ROLES
from tests.lab_arm.client import ArmClient, running
from tests.lab_arm.conftest import FAST

OWNER = Principal("00000000-0000-4000-8000-000000000001", Secret("owner's"), object_id("owner"))
GUEST = Principal("00000000-0000-4000-8000-000000000002", Secret("guest's"), object_id("guest"))
NETWORK = {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}


@pytest.fixture
async def arm(state_dir: Path, host: NullHost) -> AsyncIterator[ArmClient]:
    who = Credentials(TENANT, (SUBSCRIPTION,), (OWNER, GUEST))
    async with running(state_dir, host, FAST, who) as client:
        for name in ("mine", "theirs"):
            await client.put(client.group(name), {"location": "eastus"})
        yield client


async def give(arm: ArmClient, role: str, scope: str) -> None:
    wanted = next(known for known in ROLES if known.name == role)
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{object_id(role + scope)}"
    properties = {"roleDefinitionId": wanted.to_document()["id"], "principalId": GUEST.object_id}
    assert (await arm.ask("PUT", path, {"properties": properties})).status == 201


async def as_guest(arm: ArmClient) -> None:
    assert (await arm.login(GUEST.client_id, "guest's")).status == 200


async def test_without_a_role_nothing_is_allowed(arm: ArmClient) -> None:
    await as_guest(arm)
    assert (await arm.get(arm.group("mine"))).code == "AuthorizationFailed"


async def test_a_reader_reads_and_does_not_write(arm: ArmClient) -> None:
    await give(arm, "Reader", f"/subscriptions/{SUBSCRIPTION}")
    await as_guest(arm)
    assert (await arm.get(arm.group("mine"))).status == 200
    refused = await arm.put(arm.vnet("v", "mine"), NETWORK)
    assert (refused.status, refused.code) == (403, "AuthorizationFailed")
    assert "'Microsoft.Network/virtualNetworks/write'" in refused.body["error"]["message"]
    assert arm.vnet("v", "mine") in refused.body["error"]["message"]


async def test_a_role_counts_in_its_scope_only(arm: ArmClient) -> None:
    await give(arm, "Network Contributor", arm.group("mine"))
    await as_guest(arm)
    assert (await arm.put(arm.vnet("v", "mine"), NETWORK)).properties["provisioningState"] == "Succeeded"
    assert (await arm.put(arm.vnet("v", "theirs"), NETWORK)).code == "AuthorizationFailed"
    cluster = f"{arm.group('mine')}/providers/Microsoft.ContainerService/managedClusters/c"
    assert (await arm.put(cluster, {})).code == "AuthorizationFailed"


async def test_a_contributor_gives_no_roles(arm: ArmClient) -> None:
    await give(arm, "Contributor", arm.group("mine"))
    await as_guest(arm)
    path = f"{arm.group('mine')}/providers/Microsoft.Authorization/roleAssignments/{object_id('x')}"
    refused = await arm.put(path, {"properties": {}})
    assert refused.code == "AuthorizationFailed"
    assert "Microsoft.Authorization/roleAssignments/write" in refused.body["error"]["message"]


async def test_the_permissions_list_tells_what_a_principal_may(arm: ArmClient) -> None:
    await give(arm, "Network Contributor", arm.group("mine"))
    await as_guest(arm)
    listed = "providers/Microsoft.Authorization/permissions"
    mine = (await arm.get(f"{arm.group('mine')}/{listed}")).body["value"]
    assert "Microsoft.Network/*" in mine[0]["actions"]
    assert (await arm.get(f"{arm.group('theirs')}/{listed}")).code == "AuthorizationFailed"


async def networks(arm: ArmClient) -> None:
    for group, prefix in (("mine", "10.0.0.0/16"), ("theirs", "10.1.0.0/16")):
        await arm.make_vnet("v", prefix, prefix.replace("/16", "/24"), group=group)


async def test_a_peering_needs_a_right_on_the_remote_network_too(arm: ArmClient) -> None:
    await networks(arm)
    await give(arm, "Network Contributor", arm.group("mine"))
    await as_guest(arm)
    wanted = {"properties": {"remoteVirtualNetwork": {"id": arm.vnet("v", "theirs")}}}
    peering = f"{arm.vnet('v', 'mine')}/virtualNetworkPeerings/p"
    refused = await arm.put(peering, wanted)
    assert (refused.status, refused.code) == (403, "LinkedAuthorizationFailed")
    assert "'Microsoft.Network/virtualNetworks/peer/action'" in refused.body["error"]["message"]
    assert arm.vnet("v", "theirs") in refused.body["error"]["message"]


async def test_a_cluster_needs_a_right_on_the_subnet_of_its_nodes(arm: ArmClient) -> None:
    await networks(arm)
    await give(arm, "Contributor", arm.group("mine"))
    await as_guest(arm)
    pool = {
        "name": "system",
        "count": 1,
        "mode": "System",
        "vnetSubnetID": f"{arm.vnet('v', 'theirs')}/subnets/subnet0",
    }
    given = {"dnsPrefix": "d", "agentPoolProfiles": [pool]}
    body = {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": given}
    path = f"{arm.group('mine')}/providers/Microsoft.ContainerService/managedClusters/c"
    refused = await arm.put(path, body)
    assert refused.code == "LinkedAuthorizationFailed"
    assert "virtualNetworks/subnets/join/action" in refused.body["error"]["message"]


async def test_a_security_group_may_be_joined_only_with_the_right_to(arm: ArmClient) -> None:
    await networks(arm)
    guard = f"{arm.group('theirs')}/providers/Microsoft.Network/networkSecurityGroups/guard"
    await arm.put(guard, {"location": "eastus"})
    await give(arm, "Network Contributor", arm.group("mine"))
    await as_guest(arm)
    guarded = {"addressPrefix": "10.0.0.0/24", "networkSecurityGroup": {"id": guard}}
    refused = await arm.put(f"{arm.vnet('v', 'mine')}/subnets/subnet0", {"properties": guarded})
    assert refused.code == "LinkedAuthorizationFailed"


async def test_a_network_written_with_its_peerings_needs_the_right_to_peer_again(arm: ArmClient) -> None:
    await networks(arm)
    wanted = {"properties": {"remoteVirtualNetwork": {"id": arm.vnet("v", "theirs")}}}
    await arm.put(f"{arm.vnet('v', 'mine')}/virtualNetworkPeerings/p", wanted)
    await give(arm, "Network Contributor", arm.group("mine"))
    await as_guest(arm)
    whole = (await arm.get(arm.vnet("v", "mine"))).body
    refused = await arm.put(arm.vnet("v", "mine"), whole)
    assert refused.code == "LinkedAuthorizationFailed"
    assert "'Microsoft.Network/virtualNetworks/peer/action'" in refused.body["error"]["message"]


async def test_lists_show_what_the_caller_may_see(arm: ArmClient) -> None:
    assert len((await arm.get("/subscriptions")).body["value"]) == 1
    await as_guest(arm)
    assert (await arm.get("/subscriptions")).body["value"] == []
    await arm.login()
    await give(arm, "Network Contributor", arm.group("mine"))
    await as_guest(arm)
    assert len((await arm.get("/subscriptions")).body["value"]) == 1
    groups = (await arm.get(arm.group("")[:-1])).body["value"]
    assert [found["name"] for found in groups] == ["mine"]


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "", "Microsoft.Resources/subscriptions/read"),
        ("GET", "/locations", "Microsoft.Resources/subscriptions/locations/read"),
        ("GET", "/resources", "Microsoft.Resources/subscriptions/resources/read"),
        ("GET", "/providers/Microsoft.Network", "Microsoft.Resources/subscriptions/providers/read"),
        ("POST", "/providers/Microsoft.Network/register", "Microsoft.Network/register/action"),
        ("GET", "/providers/Microsoft.Compute/skus", "Microsoft.Compute/skus/read"),
        (
            "GET",
            "/providers/Microsoft.Compute/locations/eastus/usages",
            "Microsoft.Compute/locations/usages/read",
        ),
        (
            "GET",
            "/providers/Microsoft.ContainerService/locations/eastus/kubernetesVersions",
            "Microsoft.ContainerService/locations/kubernetesVersions/read",
        ),
    ],
)
async def test_what_is_asked_of_a_subscription_needs_its_action_too(
    arm: ArmClient, method: str, path: str, action: str
) -> None:
    await as_guest(arm)
    refused = await arm.ask(method, f"/subscriptions/{SUBSCRIPTION}{path}")
    assert (refused.status, refused.code) == (403, "AuthorizationFailed")
    assert action.lower() in refused.body["error"]["message"].lower()
    await arm.login()
    await give_exactly(arm, action)
    await as_guest(arm)
    assert (await arm.ask(method, f"/subscriptions/{SUBSCRIPTION}{path}")).status == 200


async def give_exactly(arm: ArmClient, *actions: str) -> str:
    """A role of one's own with these actions, given to the guest for the whole subscription."""
    scope = f"/subscriptions/{SUBSCRIPTION}"
    path = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{object_id('custom')}"
    block = {"actions": list(actions), "notActions": []}
    properties = {"roleName": "hybridspan", "assignableScopes": [scope], "permissions": [block]}
    assert (await arm.ask("PUT", path, {"properties": properties})).status == 201
    assignment = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{object_id('custom')}"
    wanted = {"roleDefinitionId": path, "principalId": GUEST.object_id}
    assert (await arm.ask("PUT", assignment, {"properties": wanted})).status == 201
    return path


async def test_a_role_of_one_s_own_allows_its_actions_and_no_other(arm: ArmClient) -> None:
    path = await give_exactly(arm, "Microsoft.Network/virtualNetworks/read", "Microsoft.Network/*/write")
    listed = await arm.get(path.rsplit("/", 1)[0] + "?$filter=roleName eq 'hybridspan'")
    assert [found["properties"]["type"] for found in listed.body["value"]] == ["CustomRole"]
    assert (await arm.ask("DELETE", path)).code == "RoleDefinitionHasAssignments"
    await as_guest(arm)
    assert (await arm.ask("PUT", arm.vnet("v", "mine"), NETWORK)).status == 201
    assert (await arm.get(arm.vnet("v", "mine"))).status == 200
    assert (await arm.ask("DELETE", arm.vnet("v", "mine"))).code == "AuthorizationFailed"


async def test_a_role_goes_to_a_principal_that_the_directory_knows(arm: ArmClient) -> None:
    path = f"{arm.group('mine')}/providers/Microsoft.Authorization/roleAssignments/{object_id('x')}"
    wanted = {"roleDefinitionId": ROLES[2].to_document()["id"], "principalId": object_id("nobody")}
    assert (await arm.ask("PUT", path, {"properties": wanted})).code == "PrincipalNotFound"


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "/subscriptions/s/resourceGroups/g", "Microsoft.Resources/subscriptions/resourceGroups/read"),
        (
            "PUT",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n",
            "Microsoft.Network/virtualNetworks/subnets/write",
        ),
        (
            "POST",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c/listClusterUserCredential",
            "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
        ),
    ],
)
def test_requests_need_the_actions_that_role_definitions_name(method: str, path: str, action: str) -> None:
    assert action_of(method, parse(path)) == action
