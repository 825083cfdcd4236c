"""The token endpoint: what it refuses, in the directory's words; and tokens that Resource Manager does not take."""

from __future__ import annotations

from typing import Any

import pytest

from hybridspan_lab.arm import DESK
from hybridspan_lab.arm.login import ASSERTION_TYPE
from tests.lab_arm.client import ArmClient


async def ask(arm: ArmClient, tenant: str | None = None, **changes: str) -> tuple[int, dict[str, Any]]:
    """Status and body of a token request; by default one that is right."""
    owner = arm.arm.credentials.owner
    form = {
        "grant_type": "client_credentials",
        "client_id": owner.client_id,
        "scope": f"{arm.base}//.default",
    }
    if "client_assertion" not in changes:
        form["client_secret"] = owner.secret.reveal()
    url = f"{arm.base}/{tenant or arm.arm.credentials.tenant}/oauth2/v2.0/token"
    async with arm.session.post(url, data={**form, **changes}) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("changes", "status", "number"),
    [
        ({"scope": "openid"}, 400, 1002012),
        ({"scope": "https://vault.lab.test/.default"}, 400, 500011),
        ({"client_secret": "wrong"}, 401, 7000215),
        ({"client_id": "00000000-0000-0000-0000-000000000009"}, 400, 700016),
        ({"grant_type": "password"}, 400, 70003),
        ({"client_assertion": "x.y.z", "client_assertion_type": ASSERTION_TYPE}, 401, 700027),
    ],
)
async def test_a_request_that_is_wrong_is_refused_with_its_number(
    arm: ArmClient, changes: dict[str, str], status: int, number: int
) -> None:
    found = await ask(arm, **changes)
    assert (found[0], found[1]["error_codes"]) == (status, [number])
    assert found[1]["error_description"].startswith(f"AADSTS{number}: ")


async def test_a_tenant_that_is_not_there_gives_no_token(arm: ArmClient) -> None:
    _, body = await ask(arm, "00000000-0000-0000-0000-000000000001")
    assert body["error_codes"] == [90002]


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({}, None),
        ({"lifetime": -1}, 700024),
        ({"issuer": "https://elsewhere"}, 700211),
        ({"audience": "api://other"}, 700212),
    ],
)
async def test_a_federated_token_is_the_one_that_was_agreed_on(
    arm: ArmClient, changes: dict[str, Any], number: int | None
) -> None:
    assertion = arm.app[DESK].federated_token(arm.arm.credentials.owner, **changes)
    status, body = await ask(arm, client_assertion=assertion, client_assertion_type=ASSERTION_TYPE)
    assert (status, body.get("error_codes")) == ((200, None) if number is None else (401, [number]))


async def test_a_token_for_the_directory_is_none_for_resource_manager(arm: ArmClient) -> None:
    _, body = await ask(arm, scope=f"{arm.base}/graph/.default")
    arm.token = body["access_token"]
    refused = await arm.get("/subscriptions")
    assert (refused.status, refused.code) == (401, "InvalidAuthenticationTokenAudience")


async def test_no_token_is_written_anywhere(arm: ArmClient) -> None:
    _, body = await ask(arm)
    files = [f for f in arm.state_dir.rglob("*") if f.is_file()]
    assert files
    assert not [f for f in files if body["access_token"] in f.read_text(errors="replace")]
