"""The az commands beside the documented ones: those of an exported runbook, and those that a person looks around with."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybridspan.azure.refusals import hint_for, meaning
from hybridspan_lab.arm import SUBSCRIPTIONS, Settings
from tests.contract.azure_cli import Az
from tests.contract.lab import Lab, running

pytestmark = [pytest.mark.contract, pytest.mark.timeout(1900)]

HERE = "--resource-group everyday"
POOL = "--resource-group everyday --cluster-name aks --name data"
SUBNET = f"{HERE} --vnet-name one --name nodes"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running(tmp_path_factory.mktemp("arm"), Settings(clock_scale=0.3)) as lab:
        yield lab


def run(az: Az, command: str) -> Any:
    return az.json(*shlex.split(command), "--output", "json")


@pytest.fixture(scope="module")
def place(az: Az) -> Az:
    """A resource group with two networks."""
    run(az, "group create --name everyday --location eastus --tags topology=two")
    for name, prefix in (("one", "120.38.1.0/24"), ("two", "192.138.0.0/24")):
        run(az, f"network vnet create {HERE} --name {name} --location eastus --address-prefixes {prefix}")
    run(az, f"network vnet subnet create {SUBNET} --address-prefixes 120.38.1.0/26")
    return az


def test_a_changed_address_space_is_synchronised(place: Az) -> None:
    peering = f"{HERE} --vnet-name {{}} --name peering"
    for own, other in (("one", "two"), ("two", "one")):
        remote = run(place, f"network vnet show {HERE} --name {other} --query id")
        run(
            place,
            f"network vnet peering create {peering.format(own)} --remote-vnet {remote} --allow-vnet-access",
        )
    run(place, f"network vnet update {HERE} --name two --address-prefixes 192.138.0.0/24 192.138.1.0/24")
    level = f"network vnet peering show {peering.format('one')} --query peeringSyncLevel"
    assert run(place, level) == "RemoteNotInSync"
    run(place, f"network vnet peering sync {peering.format('one')}")
    assert run(place, level) == "FullyInSync"
    place.text(*shlex.split(f"network vnet peering delete {peering.format('one')}"))
    assert (
        run(place, f"network vnet peering list {HERE} --vnet-name two --query '[0].peeringState'")
        == "Disconnected"
    )


def test_the_commands_in_the_product_s_messages_work_as_they_are_typed(place: Az, lab: Lab) -> None:
    here = "--resource-group messages"
    run(place, "group create --name messages --location eastus")
    run(place, f"network vnet create {here} --name three --location eastus --address-prefixes 10.3.0.0/24")
    run(place, f"network vnet create {here} --name four --location eastus --address-prefixes 10.4.0.0/24")
    remote = run(place, f"network vnet show {here} --name four --query id")
    shut = f"network vnet peering create {here} --vnet-name three --name shut --remote-vnet {remote}"
    peering = run(place, f"{shut} --allow-vnet-access false")
    assert peering["allowVirtualNetworkAccess"] is False
    opened = f"network vnet peering update --ids {peering['id']} --set allowVirtualNetworkAccess=true"
    assert run(place, opened)["allowVirtualNetworkAccess"] is True

    lab.app[SUBSCRIPTIONS].unregister(lab.subscription, "Microsoft.Compute")
    words = "The subscription is not registered to use namespace 'Microsoft.Compute'."
    said = meaning(409, "MissingSubscriptionRegistration", words)
    for command in hint_for(said, peering["id"], words).split("; "):
        place.text(*shlex.split(command.removeprefix("az ")))
    shown = "provider show --namespace Microsoft.Compute --query registrationState"
    assert run(place, shown) == "Registered"


def test_a_security_group_guards_a_subnet(place: Az) -> None:
    run(place, f"network nsg create {HERE} --name guard --location eastus")
    run(
        place,
        f"network nsg rule create {HERE} --nsg-name guard --name cassandra --priority 300 --direction Inbound "
        "--access Allow --protocol Tcp --source-address-prefixes 192.138.0.0/26 --source-port-ranges '*' "
        "--destination-address-prefixes 120.38.1.0/26 --destination-port-ranges 7001",
    )
    updated = run(place, f"network vnet subnet update {SUBNET} --network-security-group guard")
    assert updated["networkSecurityGroup"]["id"].endswith("/networkSecurityGroups/guard")
    rules = run(place, f"network nsg rule list {HERE} --nsg-name guard --include-default")
    assert [rule["name"] for rule in rules if rule["direction"] == "Inbound"] == [
        "cassandra",
        "AllowVnetInBound",
        "AllowAzureLoadBalancerInBound",
        "DenyAllInBound",
    ]


def test_a_cluster_as_a_runbook_makes_it(place: Az, lab: Lab, tmp_path: Path) -> None:
    subnet = run(place, f"network vnet subnet show {SUBNET} --query id")
    made = run(
        place,
        f"aks create {HERE} --subscription {lab.subscription} --name aks --location eastus "
        "--kubernetes-version 1.37.2 --network-plugin azure --service-cidr 10.1.0.0/16 --dns-service-ip 10.1.0.10 "
        "--nodepool-name run --node-count 1 --node-vm-size Standard_D4s_v5 --max-pods 13 --zones 1 2 "
        "--load-balancer-sku standard --tier standard --enable-oidc-issuer --enable-workload-identity "
        f"--no-ssh-key --vnet-subnet-id {subnet}",
    )
    assert made["networkProfile"]["networkPluginMode"] is None
    assert made["oidcIssuerProfile"]["enabled"] is True
    assert made["sku"]["tier"] == "Standard"
    added = run(
        place,
        f"aks nodepool add {POOL} --mode User --node-count 1 --node-vm-size Standard_D8s_v5 --max-pods 13 "
        f"--labels kind=data --tags hybridspan-topology=two --vnet-subnet-id {subnet}",
    )
    assert added["nodeLabels"] == {"kind": "data"}
    assert run(place, f"aks nodepool scale {POOL} --node-count 2")["count"] == 2
    assert [pool.count for pool in lab.host.scaled[-1][1]] == [1, 2]
    failed = lab.arm.store.get(f"{made['id']}/agentPools/data".lower())
    failed["properties"]["provisioningState"] = "Failed"
    lab.arm.store.put(f"{made['id']}/agentPools/data".lower(), failed)
    again = run(place, f"aks nodepool update {POOL} --mode User")
    assert (again["count"], again["nodeLabels"], again["provisioningState"]) == (
        2,
        {"kind": "data"},
        "Succeeded",
    )
    assert run(place, f"aks nodepool show {POOL} --query tags") == {"hybridspan-topology": "two"}
    assert run(place, f"aks update {HERE} --name aks --yes")["provisioningState"] == "Succeeded"
    assert run(place, "aks list --query '[].name'") == ["aks"]
    assert run(place, "vm list-usage --location eastus --query '[0].currentValue'") == "20"
    config = tmp_path / "config"
    credentials = f"aks get-credentials {HERE} --name aks --overwrite-existing --file {config}"
    place.text(*shlex.split(credentials))
    assert "current-context: aks" in config.read_text()
    place.text(*shlex.split(f"{credentials} --context prod-cu"))
    assert "current-context: prod-cu" in config.read_text()


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("group show --name everyday --query tags", {"topology": "two"}),
        (
            f"resource list {HERE} --resource-type Microsoft.Network/virtualNetworks --query '[].name'",
            ["one", "two"],
        ),
        ("provider show --namespace Microsoft.ContainerService --query registrationState", "Registered"),
        ("account list-locations --query \"[?name=='centralus'].name\"", ["centralus"]),
        ('aks get-versions --location eastus --query "values[?isDefault].version"', ["1.37"]),
        ("role definition list --name 'Network Contributor' --query '[].roleName'", ["Network Contributor"]),
        ("network vnet subnet list --resource-group everyday --vnet-name one --query '[].name'", ["nodes"]),
        ("account show --query state", "Enabled"),
    ],
)
def test_what_a_person_asks(place: Az, command: str, found: object) -> None:
    assert run(place, command) == found


def test_the_caller_s_permissions_are_told(place: Az, lab: Lab) -> None:
    rest = f"rest --method get --url {lab.base}/subscriptions/{lab.subscription}/resourceGroups/everyday"
    path = "/providers/Microsoft.Authorization/permissions?api-version=2022-04-01"
    assert run(place, f"{rest}{path} --resource {lab.base}/")["value"][0]["actions"] == ["*"]
