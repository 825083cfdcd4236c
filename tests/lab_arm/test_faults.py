from __future__ import annotations

import time
from pathlib import Path

import pytest

from hybridspan_lab.arm import request_journal
from hybridspan_lab.arm.faults import FaultTable
from hybridspan_lab.arm.paths import parse
from tests.lab_arm.client import ArmClient

VNET = "microsoft.network/virtualnetworks"
BODY = {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("429", 429, "TooManyRequests"),
        ("500", 500, "InternalServerError"),
        ("503", 503, "ServerTimeout"),
        ("409", 409, "OperationNotAllowed"),
        ("not-provisioned", 400, "ReferencedResourceNotProvisioned"),
        ("retryable", 429, "RetryableError"),
        ("busy", 429, "AnotherOperationInProgress"),
        ("forbidden", 403, "AuthorizationFailed"),
        ("not-registered", 409, "MissingSubscriptionRegistration"),
        ("quota", 400, "ErrCode_InsufficientVCPUQuota"),
    ],
)
async def test_a_refusal_strikes_once_and_leaves_nothing(
    arm: ArmClient, group: object, kind: str, status: int, code: str
) -> None:
    arm.arm.faults.add(kind, method="PUT", type=VNET)
    refused = await arm.put(arm.vnet("v"), BODY)
    assert (refused.status, refused.code) == (status, code)
    assert (await arm.get(arm.vnet("v"))).status == 404
    assert (await arm.put(arm.vnet("v"), BODY)).properties["provisioningState"] == "Succeeded"


async def test_an_operation_may_fail_at_its_end(arm: ArmClient, group: object) -> None:
    arm.arm.faults.add("fails-at-end", method="PUT", type=VNET, code="Broken", message="by request")
    begun = await arm.ask("PUT", arm.vnet("v"), BODY)
    assert begun.status == 201
    ended = await arm.settle(begun)
    assert (ended["status"], ended["error"]) == ("Failed", {"code": "Broken", "message": "by request"})
    assert (await arm.get(arm.vnet("v"))).properties["provisioningState"] == "Failed"


async def test_an_operation_may_never_end(arm: ArmClient, group: object) -> None:
    arm.arm.faults.add("never-ends", method="PUT", type=VNET)
    begun = await arm.ask("PUT", arm.vnet("v"), BODY)
    other = await arm.put(arm.vnet("w"), BODY)
    assert other.properties["provisioningState"] == "Succeeded"
    assert (await arm.get(begun.headers["Azure-AsyncOperation"])).body["status"] == "InProgress"
    operation = arm.arm.operations.holding(arm.vnet("v"))
    arm.arm.clear_faults()
    await arm.arm.operations.settled(operation)
    assert (await arm.get(begun.headers["Azure-AsyncOperation"])).body["status"] == "Succeeded"


async def test_a_lost_answer_leaves_the_write_done(arm: ArmClient, group: object, state_dir: Path) -> None:
    arm.arm.faults.add("lost-answer", method="PUT", type=VNET)
    arm.arm.operations.scale = 10
    again = await arm.ask(
        "PUT", arm.vnet("v"), BODY
    )  # aiohttp sends an idempotent request a second time by itself
    assert again.code == "AnotherOperationInProgress"
    puts = [r.status for r in request_journal.read(state_dir / "requests.jsonl") if r.path == arm.vnet("v")]
    assert puts == [0, 429]


async def test_a_slow_answer_is_late(arm: ArmClient, group: object) -> None:
    arm.arm.faults.add("slow", method="GET", seconds=0.2)
    started = time.monotonic()
    assert (await arm.get(arm.group())).status == 200
    assert time.monotonic() - started >= 0.2


def test_a_fault_waits_for_its_turn_and_ends_with_its_count() -> None:
    table, target = FaultTable(), parse("/subscriptions/s/resourceGroups/g")
    table.add("500", method="PUT", nth=2, times=2)
    assert [table.strike("PUT", target) is not None for _ in range(5)] == [False, True, True, False, False]
    assert table.strike("GET", target) is None


def test_a_part_of_the_path_narrows_a_fault() -> None:
    table = FaultTable()
    table.add("500", path_part="centralus")
    assert table.strike("PUT", parse("/subscriptions/s/resourceGroups/eastus")) is None
    assert table.strike("PUT", parse("/subscriptions/s/resourceGroups/CentralUS")) is not None


@pytest.mark.parametrize(
    ("operation", "method", "path", "strikes"),
    [
        ("peering.put", "PUT", "/virtualNetworks/v/virtualNetworkPeerings/p", True),
        ("peering.put", "DELETE", "/virtualNetworks/v/virtualNetworkPeerings/p", False),
        ("network.put", "PUT", "/virtualNetworks/v/virtualNetworkPeerings/p", False),
        ("subnet.*", "DELETE", "/virtualNetworks/v/subnets/s", True),
    ],
)
def test_a_fault_may_name_its_operation(operation: str, method: str, path: str, strikes: bool) -> None:
    table = FaultTable()
    table.add("500", operation=operation)
    target = parse(f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network{path}")
    assert (table.strike(method, target) is not None) is strikes


@pytest.mark.parametrize(
    ("operation", "method", "path"),
    [
        ("group.put", "PUT", "/subscriptions/s/resourceGroups/g"),
        ("user-credential.post", "POST", "{cluster}/listClusterUserCredential"),
        ("pool.delete", "DELETE", "{cluster}/agentPools/data"),
        (
            "network-poll.get",
            "GET",
            "/subscriptions/s/providers/Microsoft.Network/locations/eastus/operations/x",
        ),
    ],
)
def test_every_operation_that_a_fault_names_is_a_request_s(operation: str, method: str, path: str) -> None:
    cluster = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c"
    table = FaultTable()
    table.add("500", operation=operation)
    assert table.strike(method, parse(path.format(cluster=cluster))) is not None


@pytest.mark.parametrize("operation", ["peering", "peering.push", "moon.put"])
def test_an_unknown_operation_is_refused_with_the_known_ones(operation: str) -> None:
    with pytest.raises(ValueError, match="user-credential"):
        FaultTable().add("500", operation=operation)


async def test_any_refusal_can_be_asked_for(arm: ArmClient, group: object) -> None:
    arm.arm.faults.add(
        "refuse", operation="network.put", status=403, code="RequestDisallowedByPolicy", message="policy"
    )
    refused = await arm.put(arm.vnet("v"), BODY)
    assert (refused.status, refused.code) == (403, "RequestDisallowedByPolicy")


def test_faults_are_listed_and_cleared() -> None:
    table = FaultTable()
    first, _ = table.add("500"), table.add("429")
    table.clear(first)
    assert [fault.kind for fault in table.list()] == ["429"]
    table.clear()
    assert table.list() == ()


def test_an_unknown_fault_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="never-ends"):
        FaultTable().add("meteor")
