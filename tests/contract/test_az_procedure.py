"""The az commands of the documented procedure, word for word and in order, with the real azure-cli."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.contract.azure_cli import Az
from tests.contract.lab import Lab

pytestmark = [pytest.mark.contract, pytest.mark.timeout(1900)]

GROUP = "my-hybrid-rg"
VNETS = (
    (
        "network vnet create --name my-hybrid-rg-vnet --location eastus --resource-group my-hybrid-rg "
        "--address-prefixes 120.38.1.0/24 --subnet-name my-hybrid-rg-vnet-subnet --subnet-prefix 120.38.1.0/26"
    ),
    (
        "network vnet create --name my-hybrid-rg-vnet-ext01 --location centralus --resource-group my-hybrid-rg "
        "--address-prefixes 192.138.0.0/24 --subnet-name my-hybrid-rg-vnet-ext01-subnet --subnet-prefix 192.138.0.0/26"
    ),
)
SHOW_ID = "network vnet show --resource-group my-hybrid-rg --name {vnet} --query id --out tsv"
PEER = (
    "network vnet peering create --name {name} --resource-group my-hybrid-rg --vnet-name {vnet} "
    "--remote-vnet {remote} --allow-vnet-access"
)
STATE = (
    "network vnet peering show --name my-hybrid-rg-vnet1-peering --resource-group my-hybrid-rg "
    "--vnet-name my-hybrid-rg-vnet --query peeringState"
)
CREATE = (
    "aks create --resource-group my-hybrid-rg --name apigee-{region} --location {region} --network-plugin azure "
    "--vnet-subnet-id {subnet} --service-cidr 10.{number}.0.0/16 --dns-service-ip 10.{number}.0.10 --node-count 3 "
    "--max-pods 13 --nodepool-name apigeerun --no-ssh-key --enable-managed-identity"
)
REGIONS = ("eastus", "centralus")
RANGES = ("120.38.1.0/26", "192.138.0.0/26")
RULES = (
    "network nsg create --resource-group my-hybrid-rg --name cassandra-{region} --location {region}",
    (
        "network nsg rule create --resource-group my-hybrid-rg --nsg-name cassandra-{region} --name cassandra "
        "--priority 200 --direction Inbound --access Allow --protocol Tcp --source-address-prefixes {there} "
        "--source-port-ranges '*' --destination-address-prefixes {here} --destination-port-ranges 7001"
    ),
    "network vnet subnet update --ids {subnet} --network-security-group cassandra-{region}",
)
RULE = (
    "network nsg rule list --resource-group my-hybrid-rg --nsg-name cassandra-{region} "
    "--query '[].[access, sourceAddressPrefix, destinationAddressPrefix, destinationPortRange]' --out tsv"
)


def run(az: Az, command: str, **values: str) -> str:
    return az.text(*shlex.split(command.format(**values)))


def test_the_procedure_runs_as_documented(az: Az, lab: Lab, tmp_path: Path) -> None:
    run(az, "group create --name my-hybrid-rg --location eastus")
    for command in VNETS:
        assert '"provisioningState": "Succeeded"' in run(az, command)
    first, second = (run(az, SHOW_ID, vnet=name) for name in ("my-hybrid-rg-vnet", "my-hybrid-rg-vnet-ext01"))
    assert first.endswith(
        "/resourceGroups/my-hybrid-rg/providers/Microsoft.Network/virtualNetworks/my-hybrid-rg-vnet"
    )

    there = run(az, PEER, name="my-hybrid-rg-vnet1-peering", vnet="my-hybrid-rg-vnet", remote=second)
    assert '"peeringState": "Initiated"' in there
    back = run(az, PEER, name="my-hybrid-rg-vnet2-peering", vnet="my-hybrid-rg-vnet-ext01", remote=first)
    assert '"peeringState": "Connected"' in back
    assert run(az, STATE) == '"Connected"'

    subnets = (
        f"{first}/subnets/my-hybrid-rg-vnet-subnet",
        f"{second}/subnets/my-hybrid-rg-vnet-ext01-subnet",
    )
    for number, (region, subnet) in enumerate(zip(REGIONS, subnets, strict=True), start=1):
        made = run(az, CREATE, region=region, subnet=subnet, number=str(number))
        assert '"provisioningState": "Succeeded"' in made
        assert roles_on(lab, f"apigee-{region}", subnet) == ["Network Contributor"]
    assert [
        (c.name, c.location, c.network_plugin, c.service_cidr, c.subnet_prefix) for c in lab.host.created
    ] == [
        ("apigee-eastus", "eastus", "azure", "10.1.0.0/16", "120.38.1.0/26"),
        ("apigee-centralus", "centralus", "azure", "10.2.0.0/16", "192.138.0.0/26"),
    ]

    for region, subnet, here, there in zip(REGIONS, subnets, RANGES, reversed(RANGES), strict=True):
        for command in RULES:
            run(az, command, region=region, subnet=subnet, here=here, there=there)
        assert run(az, RULE, region=region).split() == ["Allow", there, here, "7001"]
        group = lab.arm.store.get(subnet)["properties"]["networkSecurityGroup"]["id"]
        assert group.endswith(f"/cassandra-{region}")
    assert run(az, STATE) == '"Connected"'

    kubeconfig = tmp_path / "kubeconfig"
    for region in REGIONS:
        run(
            az,
            f"aks get-credentials --resource-group my-hybrid-rg --name apigee-{region} --file {kubeconfig}",
        )
        assert f"apigee-{region}" in kubeconfig.read_text()
    assert "clusterUser" in kubeconfig.read_text()


def roles_on(lab: Lab, name: str, scope: str) -> list[str]:
    """The roles that az gave a cluster's identity on its subnet, as it does unasked."""
    clusters = lab.arm.store.of_type("Microsoft.ContainerService/managedClusters")
    cluster = next(d for _, d in clusters if d["name"] == name)
    found = lab.arm.access.granted(scope, cluster["identity"]["principalId"])
    return [role.name for role in found]


def test_node_pools_rules_and_deletion_work_with_az(az: Az, lab: Lab) -> None:
    pool = "aks nodepool {verb} --resource-group my-hybrid-rg --cluster-name apigee-eastus --name apigeedata"
    added = run(az, pool + " --node-count 1 --max-pods 13 --labels kind=data", verb="add")
    assert '"provisioningState": "Succeeded"' in added
    run(az, "network nsg create --resource-group my-hybrid-rg --name guard --location eastus")
    rule = (
        "network nsg rule create --resource-group my-hybrid-rg --nsg-name guard --name cassandra --priority 200 "
        "--source-address-prefixes 192.138.0.0/26 --destination-port-ranges 7001 --access Allow --protocol Tcp"
    )
    assert '"provisioningState": "Succeeded"' in run(az, rule)
    run(az, pool, verb="delete")
    tagged = run(az, "aks update --resource-group my-hybrid-rg --name apigee-eastus --tags owner=somebody")
    assert '"owner": "somebody"' in tagged
    tier = "aks update --resource-group my-hybrid-rg --name apigee-eastus --tier premium"
    assert "The lab does not change sku.tier" in az.run(*shlex.split(tier)).stderr
    run(az, "aks delete --resource-group my-hybrid-rg --name apigee-eastus --yes")
    assert lab.host.deleted
    run(az, "group delete --name my-hybrid-rg --yes")
    assert run(az, "group exists --name my-hybrid-rg") == "false"


def test_az_prints_the_code_of_a_refusal_and_ends_with_its_exit_code(az: Az) -> None:
    run(az, "group create --name refusals --location eastus")
    missing = az.run(*shlex.split("network vnet show --resource-group refusals --name nowhere"))
    assert missing.returncode == 3
    assert "(ResourceNotFound)" in missing.stderr
    wrong = az.run(*shlex.split("network vnet create -g refusals -n v --address-prefixes 10.0.0.1/16"))
    assert wrong.returncode == 1
    assert "(InvalidCIDRNotation)" in wrong.stderr


def test_a_wrong_secret_is_refused_with_the_directory_s_own_words(az: Az, lab: Lab, tmp_path: Path) -> None:
    stranger = Az(az.program, {**az.environment, "AZURE_CONFIG_DIR": str(tmp_path)})
    stranger.text("cloud", "register", "--name", "Lab", "--endpoint-resource-manager", lab.base)
    stranger.text("cloud", "set", "--name", "Lab")
    login = ("login", "--service-principal", "--username", lab.client, "--password", "wrong")
    refused = stranger.run(*login, "--tenant", lab.tenant)
    assert refused.returncode == 1
    assert "AADSTS7000215" in refused.stderr
