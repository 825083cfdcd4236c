"""What exists under other names and elsewhere: ids, pod subnets, connections that are not ours."""

from __future__ import annotations

from pathlib import Path

from hybridspan.topology import azure_ids
from hybridspan.topology.loading import load
from tests.topology.conftest import TOPOLOGY, Judge

SPOKE = (
    "/subscriptions/5a7e0000-0000-4000-8000-000000000002/resourceGroups/hub-rg/providers/"
    "Microsoft.Network/virtualNetworks/spoke-1"
)
CLUSTER = (
    "/subscriptions/5a7e0000-0000-4000-8000-000000000002/resourceGroups/hub-rg/providers/"
    "Microsoft.ContainerService/managedClusters/prod-7"
)
NETWORK_LINE = "network: {addressPrefixes: [10.20.0.0/16]}"
CLUSTER_LINE = "cluster: {serviceCidr: 10.1.0.0/16}"


def codes(judge: Judge, *changes: tuple[str, str]) -> set[str]:
    return {problem.code for problem in judge(*changes, overrides={}) if problem.is_error}


def network(extra: str) -> tuple[str, str]:
    return NETWORK_LINE, f"network: {{addressPrefixes: [10.20.0.0/16], {extra}}}"


def test_an_id_says_name_group_and_subscription(tmp_path: Path) -> None:
    text = TOPOLOGY.replace(*network(f"id: {SPOKE}")).replace(
        CLUSTER_LINE, f"cluster: {{serviceCidr: 10.1.0.0/16, id: {CLUSTER}}}", 1
    )
    (tmp_path / "hybrid.yaml").write_text(text)
    first = load(tmp_path / "hybrid.yaml").first
    assert (first.network.name, first.cluster.name) == ("spoke-1", "prod-7")
    assert azure_ids.network_id(first) == SPOKE
    assert azure_ids.subnet_id(first) == f"{SPOKE}/subnets/spoke-1-subnet"
    assert azure_ids.cluster_place(first).resource_group == "hub-rg"


def test_an_id_of_another_kind_is_refused(judge: Judge) -> None:
    assert "HS-TOPOLOGY-027" in codes(judge, network(f"id: {CLUSTER}"))


def test_a_name_beside_another_ones_id_is_refused(judge: Judge) -> None:
    assert "HS-TOPOLOGY-027" in codes(judge, network(f"id: {SPOKE}, name: other"))


def test_two_regions_may_not_name_one_network(judge: Judge) -> None:
    second = "network: {addressPrefixes: [10.30.0.0/16]}"
    changes = (
        network(f"id: {SPOKE}"),
        (second, f"network: {{addressPrefixes: [10.30.0.0/16], id: {SPOKE}}}"),
    )
    assert "HS-TOPOLOGY-023" in codes(judge, *changes)


def test_a_pod_subnet_lies_inside_and_apart(judge: Judge) -> None:
    plugin = (CLUSTER_LINE, "cluster: {serviceCidr: 10.1.0.0/16, networkPlugin: azure-pod-subnet}")
    inside = network("subnet: {prefix: 10.20.0.0/24}, podSubnet: {prefix: 10.20.1.0/24}")
    other = (
        "network: {addressPrefixes: [10.30.0.0/16]}",
        "network: {addressPrefixes: [10.30.0.0/16], subnet: {prefix: 10.30.0.0/24}, podSubnet: {prefix: 10.30.1.0/24}}",
    )
    assert not codes(judge, plugin, inside, other) & {"HS-TOPOLOGY-011", "HS-TOPOLOGY-063"}
    across = network("subnet: {prefix: 10.20.0.0/24}, podSubnet: {prefix: 10.20.0.128/25}")
    assert "HS-TOPOLOGY-011" in codes(judge, plugin, across, other)


def test_pod_subnet_and_plugin_belong_together(judge: Judge) -> None:
    plugin = (CLUSTER_LINE, "cluster: {serviceCidr: 10.1.0.0/16, networkPlugin: azure-pod-subnet}")
    assert "HS-TOPOLOGY-063" in codes(judge, plugin)
    overlay = (CLUSTER_LINE, "cluster: {serviceCidr: 10.1.0.0/16, networkPlugin: azure-overlay}")
    pods = network("subnet: {prefix: 10.20.0.0/24}, podSubnet: {prefix: 10.20.1.0/24}")
    assert "HS-TOPOLOGY-063" in codes(judge, overlay, pods)
