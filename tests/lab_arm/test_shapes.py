"""The stand-in's answers against what real ones look like; the table is expectations.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.lab_arm.client import ArmClient
from tests.lab_arm.test_clusters import body as cluster_body
from tests.lab_arm.test_security_groups import rule

TABLE: dict[str, dict[str, Any]] = YAML(typ="safe").load(
    Path(__file__).with_name("expectations.yaml").read_text()
)
NETWORK = {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}


async def wanted(arm: ArmClient, kind: str) -> tuple[str, dict[str, Any]]:
    """Path and body of a resource, with everything made that it is part of."""
    match kind:
        case "group":
            return arm.group("other"), {"location": "eastus"}
        case "network":
            return arm.vnet("v"), NETWORK
        case "subnet":
            await arm.make_vnet("v", "10.0.0.0/16")
            return f"{arm.vnet('v')}/subnets/s", {"properties": {"addressPrefix": "10.0.0.0/24"}}
        case "peering":
            await arm.make_vnet("a", "10.0.0.0/16")
            await arm.make_vnet("b", "10.1.0.0/16")
            return arm.peering("a", "b"), {"properties": {"remoteVirtualNetwork": {"id": arm.vnet("b")}}}
        case "securityGroup":
            return arm.nsg("guard"), {"location": "eastus"}
        case "securityRule":
            await arm.put(arm.nsg("guard"), {"location": "eastus"})
            return f"{arm.nsg('guard')}/securityRules/r", rule()
        case "cluster":
            return arm.cluster(), cluster_body()
        case "agentPool":
            await arm.put(arm.cluster(), cluster_body())
            return f"{arm.cluster()}/agentPools/more", {"properties": {"count": 1, "mode": "User"}}
    raise LookupError(kind)


def at(document: dict[str, Any], path: str) -> dict[str, Any]:
    for name in filter(None, path.split(".")):
        document = document[name]
    return document


@pytest.mark.parametrize("kind", TABLE)
async def test_a_document_has_the_keys_that_real_ones_have(arm: ArmClient, group: object, kind: str) -> None:
    expected = TABLE[kind]
    made = (await arm.put(*await wanted(arm, kind))).body
    found = {path: sorted(at(made, path)) for path in expected["keys"]}
    assert found == {path: sorted(keys) for path, keys in expected["keys"].items()}
    for path, keys in expected.get("has", {}).items():
        assert set(keys) <= set(at(made, path))


@pytest.mark.parametrize("kind", TABLE)
async def test_every_verb_answers_with_its_status_headers_and_states(
    arm: ArmClient, group: object, kind: str
) -> None:
    expected = TABLE[kind]
    path, document = await wanted(arm, kind)
    made = await arm.ask("PUT", path, document)
    assert (made.status, made.properties["provisioningState"]) == (
        expected["create"]["status"],
        expected["create"]["state"],
    )
    assert set(expected["create"]["async"]) <= set(made.headers)
    await arm.settle(made)
    assert (await arm.get(path)).properties["provisioningState"] == "Succeeded"
    again = await arm.ask("PUT", path, document)
    assert again.status == expected["update"]["status"]
    await arm.settle(again)
    gone = await arm.ask("DELETE", path)
    assert gone.status == expected["delete"]["status"]
    assert set(expected["delete"]["async"]) <= set(gone.headers)
    assert gone.headers.get("Retry-After") != "0"
    await arm.ended(gone)
    assert (await arm.get(path)).code == expected["gone"]


async def test_a_subnet_in_its_network_s_document_is_the_subnet(arm: ArmClient, group: object) -> None:
    network = (await arm.make_vnet("v", "10.0.0.0/16", "10.0.0.0/24")).body
    assert network["properties"]["subnets"][0] == (await arm.get(f"{arm.vnet('v')}/subnets/subnet0")).body


async def test_both_sides_of_a_peering_have_one_guid(arm: ArmClient, group: object) -> None:
    await arm.make_vnet("a", "10.0.0.0/16")
    await arm.make_vnet("b", "10.1.0.0/16")
    first = (await arm.peer("a", "b")).body
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


@pytest.mark.parametrize(
    ("kind", "extra"), [("network", set()), ("cluster", {"name", "startTime", "endTime"})]
)
async def test_an_operation_s_status(arm: ArmClient, group: object, kind: str, extra: set[str]) -> None:
    begun = await arm.ask("PUT", *await wanted(arm, kind))
    assert set(await arm.settle(begun)) == {"status"} | extra
