"""Where Azure is unforgiving, the stand-in is too: cases that a friendlier emulator lets through."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab_arm.client import ArmClient
from tests.lab_arm.test_security_groups import rule

SPACE = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
NETWORK = {"location": "eastus", "properties": SPACE}
SUBNET = {"properties": {"addressPrefix": "10.0.0.0/24"}}


@pytest.mark.parametrize("name", ["-v", "v-", "v v", "v!", "v" * 81])
async def test_a_network_s_name_is_judged(arm: ArmClient, group: object, name: str) -> None:
    assert (await arm.put(arm.vnet(name), NETWORK)).code == "InvalidResourceName"


@pytest.mark.parametrize("name", ["rg.", "r~g", "r" * 91])
async def test_a_group_s_name_is_judged(arm: ArmClient, name: str) -> None:
    assert (await arm.put(arm.group(name), {"location": "eastus"})).code == "InvalidResourceGroup"


async def test_a_group_does_not_move(arm: ArmClient, group: object) -> None:
    refused = await arm.put(arm.group(), {"location": "westus2"})
    assert (refused.status, refused.code) == (409, "InvalidResourceGroupLocation")


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("v", {**NETWORK, "properties": {**SPACE, "adressSpace": {}}}),
        ("v", {**NETWORK, "sku": {}}),
        (
            "v",
            {
                **NETWORK,
                "properties": {**SPACE, "subnets": [{"name": "s", "properties": {"prefix": "10.0.0.0/24"}}]},
            },
        ),
        ("v/subnets/s", {"properties": {"addressPrefix": "10.0.0.0/24", "nsg": {}}}),
        ("v/virtualNetworkPeerings/p", {"properties": {"remoteVnet": {}}}),
    ],
)
async def test_a_word_that_the_network_provider_does_not_know_is_no_json_of_its(
    arm: ArmClient, group: object, path: str, document: dict[str, Any]
) -> None:
    await arm.make_vnet("v", "10.0.0.0/16")
    refused = await arm.put(arm.vnet(path), document)
    assert (refused.status, refused.code) == (400, "InvalidRequestFormat")
    assert "Could not find member" in refused.body["error"]["details"][0]["message"]


async def test_a_rule_with_an_unknown_word_is_refused_too(arm: ArmClient, group: object) -> None:
    await arm.put(arm.nsg("guard"), {"location": "eastus"})
    refused = await arm.put(f"{arm.nsg('guard')}/securityRules/r", rule(destinationPorts="7001"))
    assert refused.code == "InvalidRequestFormat"


async def test_a_network_names_each_subnet_once(arm: ArmClient, group: object) -> None:
    twice = [{"name": name, "properties": {"addressPrefix": f"10.0.{n}.0/24"}} for n, name in enumerate("sS")]
    refused = await arm.put(arm.vnet("v"), {**NETWORK, "properties": {**SPACE, "subnets": twice}})
    assert refused.code == "DuplicateResourceName"


async def test_a_security_group_of_another_region_guards_no_subnet(arm: ArmClient, group: object) -> None:
    await arm.make_vnet("v", "10.0.0.0/16")
    await arm.put(arm.nsg("guard"), {"location": "westus2"})
    guarded = {"addressPrefix": "10.0.0.0/24", "networkSecurityGroup": {"id": arm.nsg("guard")}}
    refused = await arm.put(f"{arm.vnet('v')}/subnets/s", {"properties": guarded})
    assert refused.code == "InvalidResourceReference"
    assert "both resources are in the same region" in refused.body["error"]["message"]


@pytest.mark.parametrize("field", ["routeTable", "natGateway"])
async def test_a_subnet_refers_only_to_what_is_there(arm: ArmClient, group: object, field: str) -> None:
    await arm.make_vnet("v", "10.0.0.0/16")
    wanted = {"addressPrefix": "10.0.0.0/24", field: {"id": f"{arm.group()}/providers/Microsoft.Network/x/y"}}
    refused = await arm.put(f"{arm.vnet('v')}/subnets/s", {"properties": wanted})
    assert refused.code == "InvalidResourceReference"


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ({"useRemoteGateways": True}, "RemoteVnetHasNoGateways"),
        (
            {"useRemoteGateways": True, "allowGatewayTransit": True},
            "VnetPeeringAllowGatewayTransitAndUseRemoteGatewaysNotAllowed",
        ),
    ],
)
async def test_a_peering_uses_no_gateway_that_is_not_there(
    arm: ArmClient, group: object, flags: dict[str, bool], code: str
) -> None:
    await arm.make_vnet("a", "10.0.0.0/16")
    await arm.make_vnet("b", "10.1.0.0/16")
    wanted = {"remoteVirtualNetwork": {"id": arm.vnet("b")}, **flags}
    assert (await arm.put(arm.peering("a", "b"), {"properties": wanted})).code == code


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({f"tag{n}": "v" for n in range(51)}, "InvalidTagLimit"),
        ({"a/b": "v"}, "InvalidTagNameCharacters"),
        ({"a": "v" * 257}, "InvalidTag"),
    ],
)
async def test_tags_have_limits(arm: ArmClient, group: object, tags: dict[str, str], code: str) -> None:
    assert (await arm.put(arm.vnet("v"), {**NETWORK, "tags": tags})).code == code
    assert (await arm.ask("PATCH", arm.group(), {"tags": tags})).code == code


async def test_parts_of_resources_have_no_tags(arm: ArmClient, group: object) -> None:
    await arm.make_vnet("v", "10.0.0.0/16", "10.0.0.0/24")
    patched = await arm.ask("PATCH", f"{arm.vnet('v')}/subnets/subnet0", {"tags": {}})
    assert (patched.status, patched.code) == (405, "HttpMethodNotAllowed")


async def test_new_tags_are_a_new_etag(arm: ArmClient, group: object) -> None:
    before = (await arm.make_vnet("v", "10.0.0.0/16")).body["etag"]
    await arm.ask("PATCH", arm.vnet("v"), {"tags": {"a": "b"}})
    stale = await arm.ask("PUT", arm.vnet("v"), NETWORK, If_Match=before)
    assert stale.code == "PreconditionFailed"


async def test_lists_are_filtered_by_tags_and_by_nothing_unknown(arm: ArmClient, group: object) -> None:
    await arm.put(arm.group("tagged"), {"location": "eastus", "tags": {"topology": "two"}})
    await arm.put(arm.vnet("v"), {**NETWORK, "tags": {"topology": "two"}})
    await arm.make_vnet("w", "10.1.0.0/16")
    wanted = "$filter=tagName eq 'topology' and tagValue eq 'two'"
    groups = (await arm.get(f"{arm.group('')[:-1]}?{wanted}")).body["value"]
    assert [found["name"] for found in groups] == ["tagged"]
    resources = (await arm.get(f"{arm.group()}/resources?{wanted}")).body["value"]
    assert [found["name"] for found in resources] == ["v"]
    odd = await arm.get(f"{arm.group()}/resources?$filter=colour eq 'red'")
    assert odd.code == "InvalidFilterInQueryString"
    assert (await arm.get(f"{arm.group()}/resources?$top=many")).code == "InvalidTopInQueryString"


@pytest.mark.parametrize("version", ["2024-13-01", "2024-1-1", "1999-01-01", "newest"])
async def test_an_api_version_that_nobody_ever_had_is_refused_by_whoever_is_asked(
    arm: ArmClient, group: object, version: str
) -> None:
    asked = await arm.ask("GET", arm.vnet("v"), version=version)
    assert (asked.status, asked.code) == (400, "NoRegisteredProviderFound")
    assert (await arm.ask("GET", arm.group(), version=version)).code == "InvalidApiVersionParameter"


async def test_a_body_is_json_and_says_so(arm: ArmClient) -> None:
    refused = await arm.ask("PUT", arm.group(), {"location": "eastus"}, Content_Type="text/plain")
    assert (refused.status, refused.code) == (415, "UnsupportedMediaType")


async def test_a_signed_url_counts_as_a_whole(arm: ArmClient, group: object) -> None:
    begun = await arm.ask("PUT", arm.vnet("v"), NETWORK)
    url = begun.headers["Azure-AsyncOperation"]
    for changed in (
        url.replace("api-version=2024-03-01", "api-version=2025-01-01"),
        url.replace("&t=", "&t=1"),
        url.replace("/operations/", "/operationresults/"),
    ):
        assert (await arm.get(changed)).code == "OperationNotFound"
    assert (await arm.get(url)).status == 200


async def test_a_group_in_whose_subnet_others_have_nodes_stays(arm: ArmClient, group: object) -> None:
    await arm.put(arm.group("network"), {"location": "eastus"})
    await arm.make_vnet("v", "10.0.0.0/16", "10.0.0.0/24", group="network")
    pool = {"name": "system", "count": 1, "mode": "System"}
    pool["vnetSubnetID"] = f"{arm.vnet('v', 'network')}/subnets/subnet0"
    properties = {
        "dnsPrefix": "d",
        "agentPoolProfiles": [pool],
        "networkProfile": {"networkPlugin": "azure", "serviceCidr": "172.16.0.0/16"},
    }
    body = {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": properties}
    assert (await arm.put(arm.cluster(), body)).status == 200
    begun = await arm.ask("DELETE", arm.group("network"))
    ended = await arm.ended(begun)
    assert ended is not None
    assert ended.code == "ResourceGroupDeletionBlocked"
    assert (await arm.get(arm.vnet("v", "network"))).status == 200
