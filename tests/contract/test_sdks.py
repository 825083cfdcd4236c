"""The official SDKs against the stand-in: what a program sees."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceModifiedError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.containerservice import ContainerServiceClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient

from hybridspan_lab.arm import SUBSCRIPTIONS, Settings
from tests.contract.lab import Lab, running

pytestmark = pytest.mark.contract

GROUP = "sdk-rg"


@dataclass
class Clients:
    lab: Lab
    resources: ResourceManagementClient
    network: NetworkManagementClient
    clusters: ContainerServiceClient

    def vnet(self, name: str, prefix: str, location: str = "eastus"):
        body = {"location": location, "properties": {"addressSpace": {"addressPrefixes": [prefix]}}}
        return self.network.virtual_networks.begin_create_or_update(GROUP, name, body).result()

    def peer(self, one: str, remote_id: str, name: str):
        body = {"properties": {"remoteVirtualNetwork": {"id": remote_id}}}
        return self.network.virtual_network_peerings.begin_create_or_update(GROUP, one, name, body).result()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with running(tmp_path, Settings(clock_scale=0.2)) as lab:
        yield lab


@pytest.fixture
def clients(lab: Lab, sdk_environment: None) -> Iterator[Clients]:
    with ExitStack() as open_clients:
        credential = ClientSecretCredential(
            lab.tenant, lab.client, lab.secret, authority=lab.base, disable_instance_discovery=True
        )
        open_clients.enter_context(credential)
        arguments = (credential, lab.subscription)
        options = {"base_url": lab.base, "credential_scopes": lab.scopes}
        made = [
            open_clients.enter_context(kind(*arguments, **options))
            for kind in (ResourceManagementClient, NetworkManagementClient, ContainerServiceClient)
        ]
        made[0].resource_groups.create_or_update(GROUP, {"location": "eastus"})
        yield Clients(lab, *made)


def test_a_network_ends_provisioned_with_a_new_etag(clients: Clients) -> None:
    begin, get = clients.network.virtual_networks.begin_create_or_update, clients.network.virtual_networks.get
    body = {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["120.38.1.0/24"]}}}
    first = begin(GROUP, "v", body, polling=False).result()
    assert first.provisioning_state == "Updating"
    deadline = time.monotonic() + 60
    while (network := get(GROUP, "v")).provisioning_state != "Succeeded":
        assert time.monotonic() < deadline
    assert network.etag != first.etag


def test_operations_do_not_make_clients_wait_half_a_minute(clients: Clients) -> None:
    started = time.monotonic()
    clients.vnet("v", "10.0.0.0/16")
    assert time.monotonic() - started < 20


def test_peerings_connect(clients: Clients) -> None:
    first, second = clients.vnet("one", "10.0.0.0/16"), clients.vnet("two", "10.1.0.0/16", "centralus")
    assert clients.peer("one", second.id, "there").peering_state == "Initiated"
    back = clients.peer("two", first.id, "back")
    assert (back.peering_state, back.peering_sync_level) == ("Connected", "FullyInSync")


def test_a_stale_etag_is_refused_with_412(clients: Clients) -> None:
    network = clients.vnet("v", "10.0.0.0/16")
    begin = clients.network.virtual_networks.begin_create_or_update
    body = {"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    begin(GROUP, "v", body, headers={"If-Match": network.etag}).result()
    with pytest.raises(HttpResponseError) as refused:
        begin(GROUP, "v", body, headers={"If-Match": network.etag})
    assert (refused.value.status_code, refused.value.error.code) == (412, "PreconditionFailed")


def cluster_body(subnet: str | None = None) -> dict[str, object]:
    pool = {"name": "system", "count": 3, "mode": "System", "maxPods": 13, "vnetSubnetID": subnet}
    profile = {"networkPlugin": "azure", "serviceCidr": "10.1.0.0/16", "dnsServiceIP": "10.1.0.10"}
    properties = {"dnsPrefix": "d", "agentPoolProfiles": [pool], "networkProfile": profile}
    return {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": properties}


def test_a_cluster_its_pools_and_its_credentials(clients: Clients) -> None:
    made = clients.clusters.managed_clusters.begin_create_or_update(GROUP, "aks", cluster_body()).result()
    assert (made.provisioning_state, made.power_state.code) == ("Succeeded", "Running")
    assert made.node_resource_group == "MC_sdk-rg_aks_eastus"
    pool = {"properties": {"count": 1, "mode": "User", "maxPods": 13}}
    added = clients.clusters.agent_pools.begin_create_or_update(GROUP, "aks", "data", pool).result()
    assert added.provisioning_state == "Succeeded"
    found = clients.clusters.managed_clusters.list_cluster_user_credentials(GROUP, "aks")
    assert b"clusterUser" in bytes(found.kubeconfigs[0].value)
    clients.clusters.agent_pools.begin_delete(GROUP, "aks", "data").result()
    clients.clusters.managed_clusters.begin_delete(GROUP, "aks").result()
    with pytest.raises(ResourceNotFoundError):
        clients.clusters.managed_clusters.get(GROUP, "aks")


def test_a_stale_cluster_etag_is_a_modified_resource(clients: Clients) -> None:
    clients.clusters.managed_clusters.begin_create_or_update(GROUP, "aks", cluster_body()).result()
    with pytest.raises(ResourceModifiedError):
        clients.clusters.managed_clusters.begin_create_or_update(
            GROUP, "aks", cluster_body(), etag="stale", match_condition=MatchConditions.IfNotModified
        )


def test_a_failed_operation_is_an_error_with_its_own_code(clients: Clients) -> None:
    clients.lab.arm.faults.add(
        "fails-at-end", method="PUT", type="microsoft.network/virtualnetworks", code="Broken"
    )
    with pytest.raises(HttpResponseError) as failed:
        clients.vnet("v", "10.0.0.0/16")
    assert failed.value.error.code == "Broken"


def test_the_sdk_gets_over_a_throttled_write(clients: Clients) -> None:
    clients.lab.arm.faults.add("429", method="PUT", type="microsoft.network/virtualnetworks", seconds=1)
    assert clients.vnet("v", "10.0.0.0/16").provisioning_state == "Succeeded"
    statuses = [r.status for r in clients.lab.requests() if r.method == "PUT" and r.path.endswith("/v")]
    assert statuses == [429, 201]


def test_an_unregistered_provider_refuses_until_it_is_registered(clients: Clients) -> None:
    # The SDK's own registration does not see this refusal: since its answers are streamed, it cannot read them.
    clients.lab.app[SUBSCRIPTIONS].unregister(clients.lab.subscription, "Microsoft.Network")
    with pytest.raises(HttpResponseError) as refused:
        clients.vnet("v", "10.0.0.0/16")
    assert refused.value.error.code == "MissingSubscriptionRegistration"
    found = clients.resources.providers.register("Microsoft.Network")
    assert found.registration_state == "Registering"
    deadline = time.monotonic() + 60
    while clients.resources.providers.get("Microsoft.Network").registration_state != "Registered":
        assert time.monotonic() < deadline
    assert clients.vnet("v", "10.0.0.0/16").provisioning_state == "Succeeded"


def test_a_deleted_group_takes_everything_with_it(clients: Clients) -> None:
    clients.vnet("v", "10.0.0.0/16")
    clients.clusters.managed_clusters.begin_create_or_update(GROUP, "aks", cluster_body()).result()
    clients.resources.resource_groups.begin_delete(GROUP).result()
    assert clients.resources.resource_groups.check_existence(GROUP) is False
    assert clients.lab.host.deleted
    assert list(clients.network.virtual_networks.list_all()) == []


def test_long_lists_come_in_pages(clients: Clients, tmp_path: Path) -> None:
    for number in range(7):
        clients.resources.resource_groups.create_or_update(f"g{number}", {"location": "eastus"})
    assert len(list(clients.resources.resource_groups.list(top=3))) == 8
    pages = [
        r for r in clients.lab.requests() if r.method == "GET" and r.path.lower().endswith("resourcegroups")
    ]
    assert len(pages) == 3
