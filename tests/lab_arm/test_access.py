"""Roles: what a principal may do where. The owner gives, a second principal tries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hybridspan.secrets import Secret
from hybridspan_lab.arm import NullHost
from hybridspan_lab.arm.access import ROLES, action_of
from hybridspan_lab.arm.credentials import SUBSCRIPTION, TENANT, Credentials, Principal, object_id
from hybridspan_lab.arm.paths import parse
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
    assert (await arm.get(f"{arm.group('theirs')}/{listed}")).body["value"] == []


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
