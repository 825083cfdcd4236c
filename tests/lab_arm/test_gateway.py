from __future__ import annotations

import asyncio
import contextlib
import stat
from pathlib import Path

import aiohttp
import pytest

from hybridspan_lab.arm import SUBSCRIPTIONS, NullHost, Settings, request_journal, throttling
from hybridspan_lab.arm.credentials import SECOND_SUBSCRIPTION, SUBSCRIPTION
from hybridspan_lab.arm.errors import ArmError
from hybridspan_lab.arm.throttling import Throttle
from tests.lab_arm.client import ArmClient, Reply, running
from tests.lab_arm.conftest import FAST


async def test_a_request_without_a_token_is_refused(arm: ArmClient) -> None:
    arm.token = ""
    refused = await arm.get("/subscriptions")
    assert (refused.status, refused.code) == (401, "AuthenticationFailed")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")


async def test_a_forged_token_is_refused(arm: ArmClient) -> None:
    arm.token = arm.token[:-3] + "abc"
    assert (await arm.get("/subscriptions")).code == "InvalidAuthenticationToken"


async def test_an_expired_token_is_refused(state_dir: Path, host: NullHost) -> None:
    async with running(state_dir, host, Settings(token_lifetime=-1)) as arm:
        assert (await arm.get("/subscriptions")).code == "ExpiredAuthenticationToken"


async def test_a_wrong_secret_is_refused_in_the_directory_s_words(arm: ArmClient) -> None:
    refused = await arm.login(secret="wrong")
    assert (refused.status, refused.body["error"], refused.body["error_codes"]) == (
        401,
        "invalid_client",
        [7000215],
    )
    assert "wrong" not in refused.body["error_description"].removeprefix("AADSTS7000215: Invalid")


async def test_an_unknown_client_is_refused(arm: ArmClient) -> None:
    assert (await arm.login(client_id="00000000-0000-0000-0000-000000000009")).body["error_codes"] == [700016]


async def test_the_api_version_is_mandatory_and_any_date_will_do(arm: ArmClient) -> None:
    assert (await arm.ask("GET", "/subscriptions", version=None)).code == "MissingApiVersionParameter"
    assert (await arm.ask("GET", "/subscriptions", version="latest")).code == "InvalidApiVersionParameter"
    for version in ("2014-04-01", "2031-12-31", "2025-05-02-preview"):
        assert (await arm.ask("GET", "/subscriptions", version=version)).status == 200


async def test_the_metadata_is_one_object_or_a_list_by_version(arm: ArmClient) -> None:
    new = (await arm.ask("GET", "/metadata/endpoints", version="2022-09-01")).body
    old = (await arm.ask("GET", "/metadata/endpoints", version="2020-06-01")).body
    assert new["resourceManager"] == arm.base
    assert old == [new]


async def test_paths_are_equal_whatever_their_case_and_echoed_as_first_written(arm: ArmClient) -> None:
    await arm.put(arm.group("My-Group"), {"location": "eastus"})
    found = await arm.get(arm.group("MY-group").replace("resourceGroups", "RESOURCEgroups"))
    assert found.body["name"] == "My-Group"
    await arm.make_vnet("Net", "10.0.0.0/16", group="my-GROUP")
    shown = await arm.make_vnet("NET", "10.0.0.0/16", group="My-Group")
    assert shown.body["id"] == arm.vnet("Net", "My-Group")


async def test_every_answer_carries_the_headers_of_arm(arm: ArmClient) -> None:
    found = await arm.get(
        arm.group("absent"), x_ms_client_request_id="mine", x_ms_return_client_request_id="true"
    )
    assert found.headers["x-ms-request-id"]
    assert found.headers["x-ms-correlation-request-id"]
    assert found.headers["x-ms-client-request-id"] == "mine"
    assert found.headers["x-ms-failure-cause"] == "gateway"
    assert int(found.headers["x-ms-ratelimit-remaining-subscription-reads"]) < 250


async def test_the_network_provider_s_answers_carry_its_own_id_and_nobody_keeps_any(
    arm: ArmClient, group: object
) -> None:
    shown = (await arm.make_vnet("v", "10.0.0.0/16")).headers
    assert shown["x-ms-arm-service-request-id"]
    assert (shown["Cache-Control"], shown["Pragma"], shown["Expires"]) == ("no-cache", "no-cache", "-1")
    assert "x-ms-arm-service-request-id" not in (await arm.get(arm.group())).headers
    assert "x-ms-client-request-id" not in (await arm.get(arm.group(), x_ms_client_request_id="mine")).headers


async def test_an_unknown_type_is_a_loud_404(
    arm: ArmClient, group: object, caplog: pytest.LogCaptureFixture
) -> None:
    refused = await arm.get(f"{arm.group()}/providers/Microsoft.Sql/servers/s")
    assert (refused.status, refused.code) == (404, "InvalidResourceType")
    assert "microsoft.sql/servers" in caplog.text


async def test_missing_things_are_named_as_azure_names_them(arm: ArmClient, group: object) -> None:
    assert (await arm.get(arm.vnet("v", "absent"))).code == "ResourceGroupNotFound"
    missing = await arm.get(arm.vnet("v"))
    assert missing.code == "ResourceNotFound"
    assert (
        "'Microsoft.Network/virtualNetworks/v' under resource group 'rg'" in missing.body["error"]["message"]
    )
    assert (await arm.get(f"{arm.vnet('v')}/subnets")).code == "ResourceNotFound"
    assert (
        await arm.get("/subscriptions/00000000-0000-0000-0000-000000000009")
    ).code == "SubscriptionNotFound"


async def test_head_tells_whether_something_exists(arm: ArmClient, group: object) -> None:
    assert (await arm.ask("HEAD", arm.group())).status == 204
    assert (await arm.ask("HEAD", arm.group("absent"))).status == 404


async def test_both_subscriptions_are_there_and_separate(arm: ArmClient, group: object) -> None:
    listed = (await arm.get("/subscriptions")).body["value"]
    assert len(listed) == 2
    assert (await arm.get(arm.group("rg", SECOND_SUBSCRIPTION))).code == "ResourceGroupNotFound"


OWN = "6B1F6471-1BF0-4DDA-AEC3-CB9272F09590"


async def test_a_person_s_own_subscription_is_there_besides_and_comes_first(
    state_dir: Path, host: NullHost
) -> None:
    async with running(state_dir, host, FAST, subscriptions=[OWN, SUBSCRIPTION]) as arm:
        listed = [found["subscriptionId"] for found in (await arm.get("/subscriptions")).body["value"]]
        assert listed == [OWN, SUBSCRIPTION, SECOND_SUBSCRIPTION]
        assert (await arm.get(f"/subscriptions/{OWN.lower()}")).body["subscriptionId"] == OWN
        assert (await arm.put(arm.group("rg", OWN), {"location": "eastus"})).status == 200
        assert (await arm.get(arm.group("rg", OWN.lower()))).status == 200
        assert (await arm.get(arm.group("rg", SUBSCRIPTION))).code == "ResourceGroupNotFound"
        assert (await arm.get(arm.group("rg", f"{OWN[:-1]}1"))).code == "SubscriptionNotFound"


async def test_a_subscription_that_was_given_once_outlives_a_restart(state_dir: Path, host: NullHost) -> None:
    async with running(state_dir, host, FAST, subscriptions=[OWN]) as arm:
        await arm.put(arm.group("rg", OWN), {"location": "eastus"})
    async with running(state_dir, host, FAST) as arm:
        assert (await arm.get(arm.group("rg", OWN))).status == 200
        assert len((await arm.get("/subscriptions")).body["value"]) == 3


async def test_operation_urls_are_signed_and_carry_another_version(arm: ArmClient, group: object) -> None:
    body = {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    begun = await arm.ask("PUT", arm.vnet("v"), body, version="2025-07-01")
    url = begun.headers["Azure-AsyncOperation"]
    assert "api-version=2024-03-01" in url
    assert len(url) > 1000
    assert begun.headers.get("Retry-After") != "0"
    assert (await arm.get(url.partition("&t=")[0])).status == 404
    assert (await arm.settle(begun))["status"] == "Succeeded"


async def test_an_etag_changes_when_the_write_is_taken_and_again_when_it_is_done(
    arm: ArmClient, group: object
) -> None:
    before = (await arm.make_vnet("v", "10.0.0.0/16")).body["etag"]
    document = (await arm.get(arm.vnet("v"))).body
    begun = await arm.ask("PUT", arm.vnet("v"), document, If_Match=before)
    assert begun.properties["provisioningState"] == "Updating"
    await arm.settle(begun)
    after = await arm.get(arm.vnet("v"))
    assert len({before, begun.body["etag"], after.body["etag"]}) == 3
    assert after.headers["ETag"] == after.body["etag"]
    stale = await arm.ask("PUT", arm.vnet("v"), document, If_Match=before)
    assert (stale.status, stale.code) == (412, "PreconditionFailed")


async def test_a_child_s_write_changes_the_network_s_etag(arm: ArmClient, group: object) -> None:
    before = (await arm.make_vnet("v", "10.0.0.0/16")).body["etag"]
    await arm.put(f"{arm.vnet('v')}/subnets/s", {"properties": {"addressPrefix": "10.0.1.0/24"}})
    assert (await arm.get(arm.vnet("v"))).body["etag"] != before


async def test_if_none_match_creates_only(arm: ArmClient, group: object) -> None:
    await arm.make_vnet("v", "10.0.0.0/16")
    body = {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    assert (await arm.ask("PUT", arm.vnet("v"), body, If_None_Match="*")).status == 412


async def test_lists_are_cut_with_a_next_link(state_dir: Path, host: NullHost) -> None:
    async with running(state_dir, host, Settings(page_size=2)) as arm:
        for number in range(5):
            await arm.put(arm.group(f"g{number}"), {"location": "eastus"})
        reply = await arm.get(arm.group("")[:-1])
        names = [found["name"] for found in reply.body["value"]]
        while "nextLink" in reply.body:
            reply = await arm.get(reply.body["nextLink"])
            names += [found["name"] for found in reply.body["value"]]
        assert names == [f"g{number}" for number in range(5)]


async def test_tags_are_patched_alone(arm: ArmClient, group: object) -> None:
    await arm.make_vnet("v", "10.0.0.0/16")
    patched = await arm.ask("PATCH", arm.vnet("v"), {"tags": {"topology": "two"}})
    assert patched.body["tags"] == {"topology": "two"}
    assert patched.properties["addressSpace"]["addressPrefixes"] == ["10.0.0.0/16"]


async def test_a_group_is_deleted_with_all_it_holds(arm: ArmClient, group: object) -> None:
    await arm.make_vnet("v", "10.0.0.0/16", "10.0.0.0/24")
    assert (await arm.delete(arm.group())).status == 202
    assert (await arm.get(arm.group())).code == "ResourceGroupNotFound"
    assert not [key for key in arm.arm.store.all if "/resourcegroups/rg/" in key]


async def test_state_and_running_operations_survive_a_restart(state_dir: Path, host: NullHost) -> None:
    async with running(state_dir, host, Settings(clock_scale=0.5)) as arm:
        await arm.put(arm.group(), {"location": "eastus"})
        body = {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
        begun = await arm.ask("PUT", arm.vnet("v"), body)
    async with running(state_dir, host, Settings(clock_scale=0.1)) as arm:
        path = begun.headers["Azure-AsyncOperation"].split("localhost:")[1].partition("/")[2]
        again = Reply(200, None, {"Azure-AsyncOperation": f"/{path}"})
        assert (await arm.settle(again))["status"] == "Succeeded"
        assert (await arm.get(arm.vnet("v"))).properties["provisioningState"] == "Succeeded"


async def test_the_journal_has_a_line_for_every_request_and_no_secret(
    arm: ArmClient, state_dir: Path
) -> None:
    await arm.put(arm.group(), {"location": "eastus"})
    await arm.get(arm.vnet("absent"))
    file = state_dir / "requests.jsonl"
    found = [(r.method, r.path, r.status, r.code) for r in request_journal.read(file)]
    assert found == [
        ("PUT", arm.group(), 201, ""),
        ("GET", arm.group(), 200, ""),
        ("GET", arm.vnet("absent"), 404, "ResourceNotFound"),
    ]
    secret = arm.arm.credentials.owner.secret.reveal()
    assert secret not in file.read_text()
    assert arm.token not in file.read_text()


async def test_nobody_else_reads_keys_and_secrets(arm: ArmClient, state_dir: Path) -> None:
    for name in ("ca.key", "server.key", "credentials.json", "token.key", "operations/signing.key"):
        assert stat.S_IMODE((state_dir / name).stat().st_mode) == 0o600


async def test_writes_beyond_the_bucket_are_throttled_with_a_delay(
    state_dir: Path, host: NullHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        throttling.RATES, "writes", throttling.Rate(20, 0.01)
    )  # no machine is slower than that
    async with running(state_dir, host, Settings(clock_scale=0.02)) as arm:
        for _ in range(50):
            reply = await arm.ask("PUT", arm.group("g"), {"location": "eastus"})
            if reply.status == 429:
                break
        assert reply.code == "SubscriptionRequestsThrottled"
        assert int(reply.headers["Retry-After"]) >= 1


def test_a_bucket_fills_again_with_time() -> None:
    now = [0.0]
    throttle = Throttle(clock=lambda: now[0])
    for _ in range(200):
        throttle.admit("PUT", "s", "p")
    assert throttle.admit("GET", "s", "p")["x-ms-ratelimit-remaining-subscription-reads"] == "249"
    now[0] = 1.0
    assert throttle.admit("PUT", "s", "p")["x-ms-ratelimit-remaining-subscription-writes"] == "9"


def test_every_principal_has_a_bucket_and_the_subscription_one_fifteen_times_as_large() -> None:
    throttle = Throttle(clock=lambda: 0.0)
    for _ in range(200):
        left = throttle.admit("DELETE", "s", "one")
    assert left["x-ms-ratelimit-remaining-subscription-deletes"] == "0"
    with pytest.raises(ArmError, match="SubscriptionRequestsThrottled"):
        throttle.admit("DELETE", "s", "one")
    assert throttle.admit("DELETE", "other", "one")["x-ms-ratelimit-remaining-subscription-deletes"] == "199"
    left = throttle.admit("DELETE", "s", "two")
    assert left["x-ms-ratelimit-remaining-subscription-deletes"] == "199"
    assert int(left["x-ms-ratelimit-remaining-subscription-global-deletes"]) < 15 * 200 - 200
    for number in range(14):
        with contextlib.suppress(ArmError):
            for _ in range(200):
                throttle.admit("DELETE", "s", f"further {number}")
    with pytest.raises(ArmError, match="SubscriptionRequestsThrottled"):
        throttle.admit("DELETE", "s", "newcomer")


async def test_a_missing_role_is_refused_on_its_scope(arm: ArmClient, group: object) -> None:
    owner_key = next(
        k for k in arm.arm.store.all if "roleassignments" in k and arm.group().split("/")[2] in k
    )
    arm.arm.store.remove(owner_key)
    refused = await arm.get(arm.group())
    assert (refused.status, refused.code) == (403, "AuthorizationFailed")
    assert "Microsoft.Resources/subscriptions/resourceGroups/read" in refused.body["error"]["message"]


async def test_a_cut_connection_is_an_error_of_the_connection(arm: ArmClient, group: object) -> None:
    arm.arm.faults.add("reset", method="GET")
    arm.arm.faults.add("reset", method="GET")  # aiohttp tries a GET twice by itself
    with pytest.raises(aiohttp.ClientError):
        await arm.get(arm.group())


async def test_a_provider_s_registration_takes_its_time_and_survives(arm: ArmClient, group: object) -> None:
    arm.app[SUBSCRIPTIONS].unregister(SUBSCRIPTION, "Microsoft.Network")
    provider = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network"
    body = {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    refused = await arm.ask("PUT", arm.vnet("v"), body)
    assert (refused.status, refused.code) == (409, "MissingSubscriptionRegistration")
    assert (await arm.ask("POST", f"{provider}/register")).body["registrationState"] == "Registering"
    async with asyncio.timeout(5):
        while (await arm.get(provider)).body["registrationState"] != "Registered":
            assert (await arm.get(provider)).status == 200
    assert (await arm.ask("PUT", arm.vnet("v"), body)).status == 201
    assert (await arm.ask("POST", f"{provider}/unregister")).code == "CannotUnregisterProviderWithResources"


async def test_a_poll_may_be_refused_late_or_cut_as_any_request(arm: ArmClient, group: object) -> None:
    body = {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    begun = await arm.ask("PUT", arm.vnet("v"), body)
    arm.arm.faults.add("503", method="GET", type="microsoft.network/locations/operations")
    url = begun.headers["Azure-AsyncOperation"]
    assert (await arm.get(url)).code == "ServerTimeout"
    assert (await arm.settle(begun))["status"] == "Succeeded"
