"""Every way to log in that the product offers, with azure-identity and the real az."""

from __future__ import annotations

from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import (
    AzureCliCredential,
    ClientSecretCredential,
    DefaultAzureCredential,
    WorkloadIdentityCredential,
)
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient

from hybridspan.secrets import Secret
from hybridspan_lab.arm import DESK, Settings
from hybridspan_lab.arm.credentials import CLIENT, SUBSCRIPTION, TENANT, Credentials, Principal, object_id
from hybridspan_lab.arm.providers.authorization import assignment
from hybridspan_lab.arm.roles import ROLES
from tests.contract.azure_cli import Az
from tests.contract.lab import Lab, running

pytestmark = [pytest.mark.contract, pytest.mark.timeout(1900)]


def groups(lab: Lab, credential) -> list[str]:
    options = {"base_url": lab.base, "credential_scopes": lab.scopes}
    with credential, ResourceManagementClient(credential, lab.subscription, **options) as client:
        client.resource_groups.create_or_update("identity", {"location": "eastus"})
        return [group.name for group in client.resource_groups.list()]


def secret(lab: Lab, text: str | None = None) -> ClientSecretCredential:
    return ClientSecretCredential(
        lab.tenant, lab.client, text or lab.secret, authority=lab.base, disable_instance_discovery=True
    )


def test_a_client_secret_logs_in(lab: Lab, sdk_environment: None) -> None:
    assert "identity" in groups(lab, secret(lab))


def test_a_wrong_secret_does_not(lab: Lab, sdk_environment: None) -> None:
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        groups(lab, secret(lab, "wrong"))


def test_a_federated_token_logs_in_as_workload_identity(
    lab: Lab, sdk_environment: None, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(lab.federated_token)
    credential = WorkloadIdentityCredential(
        tenant_id=lab.tenant,
        client_id=lab.client,
        token_file_path=str(token),
        authority=lab.base,
        disable_instance_discovery=True,
    )
    assert "identity" in groups(lab, credential)


@pytest.mark.parametrize(
    ("changes", "number"), [({"lifetime": -1}, 700024), ({"audience": "api://other"}, 700212)]
)
def test_a_federated_token_that_is_too_old_or_for_others_does_not(
    lab: Lab, sdk_environment: None, tmp_path: Path, changes: dict, number: int
) -> None:
    token = tmp_path / "token"
    token.write_text(lab.app[DESK].federated_token(lab.arm.credentials.owner, **changes))
    options = {"authority": lab.base, "disable_instance_discovery": True, "token_file_path": str(token)}
    credential = WorkloadIdentityCredential(tenant_id=lab.tenant, client_id=lab.client, **options)
    with pytest.raises(ClientAuthenticationError, match=f"AADSTS{number}"):
        groups(lab, credential)


def test_the_environment_logs_in_through_the_default_chain(
    lab: Lab, sdk_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", lab.base)
    monkeypatch.setenv("AZURE_TENANT_ID", lab.tenant)
    monkeypatch.setenv("AZURE_CLIENT_ID", lab.client)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", lab.secret)
    assert "identity" in groups(lab, DefaultAzureCredential(disable_instance_discovery=True))


def test_the_login_of_az_is_used(
    lab: Lab, az: Az, monkeypatch: pytest.MonkeyPatch, sdk_environment: None
) -> None:
    for name, value in az.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{az.program.parent}:{az.environment['PATH']}")
    assert "identity" in groups(lab, AzureCliCredential(process_timeout=60))


def test_an_expired_token_is_refused_and_a_fresh_one_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, Settings(token_lifetime=-1)) as lab:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(lab.authority))
        with pytest.raises(HttpResponseError) as refused:
            groups(lab, secret(lab))
        assert (refused.value.status_code, refused.value.error.code) == (401, "ExpiredAuthenticationToken")


OWNER = Principal(CLIENT, Secret("owner"), object_id("owner"))
GUEST = Principal("00000000-0000-4000-8000-000000000002", Secret("guest"), object_id("guest"))


def give_network_contributor(lab: Lab, group: str) -> None:
    scope = f"/subscriptions/{lab.subscription}/resourceGroups/{group}"
    role = next(role for role in ROLES if role.name == "Network Contributor").to_document()["id"]
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{object_id(scope)}"
    lab.arm.store.put(path, assignment(path, scope, role, GUEST.object_id))


def test_a_role_on_one_group_is_no_role_on_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    who = Credentials(TENANT, (SUBSCRIPTION,), (OWNER, GUEST))
    with running(tmp_path, Settings(clock_scale=0.2), who) as lab:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(lab.authority))
        options = {"base_url": lab.base, "credential_scopes": lab.scopes}
        authority = {"authority": lab.base, "disable_instance_discovery": True}
        owner = ClientSecretCredential(TENANT, OWNER.client_id, "owner", **authority)
        guest = ClientSecretCredential(TENANT, GUEST.client_id, "guest", **authority)
        with (
            owner,
            guest,
            ResourceManagementClient(owner, SUBSCRIPTION, **options) as resources,
            NetworkManagementClient(owner, SUBSCRIPTION, **options) as owners,
            NetworkManagementClient(guest, SUBSCRIPTION, **options) as guests,
        ):
            for group in ("mine", "theirs"):
                resources.resource_groups.create_or_update(group, {"location": "eastus"})
            give_network_contributor(lab, "mine")
            theirs = vnet(owners, "theirs", "10.1.0.0/16")
            vnet(guests, "mine", "10.0.0.0/16")
            assert refusal(lambda: vnet(guests, "theirs", "10.2.0.0/16")) == "AuthorizationFailed"
            wanted = {"properties": {"remoteVirtualNetwork": {"id": theirs.id}}}
            peer = guests.virtual_network_peerings.begin_create_or_update
            assert refusal(lambda: peer("mine", "v", "p", wanted)) == "LinkedAuthorizationFailed"


def vnet(client: NetworkManagementClient, group: str, prefix: str):
    body = {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": [prefix]}}}
    return client.virtual_networks.begin_create_or_update(group, "v", body).result()


def refusal(work) -> str:
    with pytest.raises(HttpResponseError) as refused:
        work()
    assert refused.value.status_code == 403
    return refused.value.error.code
