"""What a person's own topology takes for given: the lab has it, whatever the file names."""

from __future__ import annotations

from pathlib import Path

from hybridspan_lab.arm.context import Settings
from hybridspan_lab.world.given import Given
from tests.lab_world.topologies import changed

USUAL = "5a7e0000-0000-4000-8000-000000000001"
OWN, HUB = "6b1f6471-1bf0-4dda-aec3-cb9272f09590", "7c1f6471-1bf0-4dda-aec3-cb9272f09590"
NETWORK = f"/subscriptions/{HUB}/resourceGroups/hub-rg/providers/Microsoft.Network/virtualNetworks/spoke"


def test_the_subscriptions_are_the_file_s_and_those_of_what_lies_elsewhere(tmp_path: Path) -> None:
    topology = changed(
        tmp_path, (USUAL, OWN), ("        name: my-hybrid-rg-vnet-ext01\n", f"        id: {NETWORK}\n")
    )
    assert Given.of(topology).subscriptions == (OWN, HUB)


def test_the_quota_is_the_usual_one_or_what_the_largest_region_asks_for(tmp_path: Path) -> None:
    assert Given.of(changed(tmp_path / "small")).settings.quotas == Settings().quotas
    large = changed(tmp_path / "large", ("Standard_D8s_v5", "Standard_D64s_v3"))
    assert Given.of(large).settings.quotas == (196, 196)


def test_sizes_of_the_file_are_offered_unless_they_are_unknown(tmp_path: Path) -> None:
    topology = changed(tmp_path, ("Standard_D8s_v5", "Standard_D8as_v4"), ("Standard_D4s_v5", "Standard_Z4"))
    assert Given.of(topology).settings.further_sizes == ("Standard_D8as_v4",)


def test_contexts_of_the_file_belong_to_their_clusters(tmp_path: Path) -> None:
    name = "        name: apigee-eastus\n"
    topology = changed(tmp_path, (name, f"{name}        context: prod-east\n"))
    group = f"/subscriptions/{USUAL}/resourcegroups/my-hybrid-rg"
    cluster = f"{group}/providers/microsoft.containerservice/managedclusters/apigee-eastus"
    assert Given.of(topology).contexts == ((cluster, "prod-east"),)
