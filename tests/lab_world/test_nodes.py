from dataclasses import replace

import pytest

from hybridspan_lab.arm.ports import ClusterDocument, NodePool
from hybridspan_lab.world.nodes import SubnetTooSmall, place

POOL = NodePool("apigeedata", 3, "User", "Standard_D8s_v5", 13, (("tier", "data"),), (), (), None)
CLUSTER = ClusterDocument(
    id="/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks",
    name="aks",
    location="eastus",
    subscription="s",
    resource_group="rg",
    kubernetes_version="1.33.5",
    network_plugin="azure",
    network_plugin_mode=None,
    service_cidr="10.1.0.0/16",
    dns_service_ip="10.1.0.10",
    pod_cidr=None,
    vnet_id="vnet",
    subnet_id="subnet",
    subnet_prefix="120.38.1.0/26",
    pools=(POOL,),
)


def test_addresses_begin_after_those_that_azure_keeps():
    assert [node.address for node in place(CLUSTER, [POOL])] == ["120.38.1.4", "120.38.1.5", "120.38.1.6"]


def test_names_are_those_of_a_scale_set():
    names = [node.name for node in place(CLUSTER, [POOL])]
    assert names[0].startswith("aks-apigeedata-")
    assert names[0].endswith("-vmss000000")
    assert len(set(names)) == 3


def test_a_node_carries_its_pool_and_its_own_labels():
    labels = dict(place(CLUSTER, [POOL])[0].labels)
    assert labels["agentpool"] == "apigeedata"
    assert labels["tier"] == "data"
    assert labels["kubernetes.azure.com/mode"] == "user"


def test_zones_are_used_in_turn():
    zoned = replace(POOL, zones=("1", "2"))
    assert [node.zone for node in place(CLUSTER, [zoned])] == ["eastus-1", "eastus-2", "eastus-1"]


def test_a_node_that_stays_keeps_its_address():
    before = place(CLUSTER, [replace(POOL, name="other", count=1), POOL])
    after = place(CLUSTER, [POOL], before)
    assert {n.name: n.address for n in after}.items() <= {n.name: n.address for n in before}.items()


def test_a_node_that_comes_gets_an_address_that_is_free():
    before = place(CLUSTER, [replace(POOL, count=1)])
    assert len({node.address for node in place(CLUSTER, [POOL], before)}) == 3


def test_a_subnet_without_room_is_said():
    with pytest.raises(SubnetTooSmall):
        place(replace(CLUSTER, subnet_prefix="120.38.1.0/29"), [replace(POOL, count=4)])


OVERLAY = replace(CLUSTER, network_plugin_mode="overlay", pod_cidr="10.244.0.0/16")


def test_nodes_of_an_overlay_have_a_part_of_the_pods_range_each_and_keep_it():
    before = place(OVERLAY, [POOL])
    assert [node.pods for node in before] == ["10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"]
    after = place(OVERLAY, [replace(POOL, name="other", count=1), POOL], before)
    assert {n.name: n.pods for n in before}.items() <= {n.name: n.pods for n in after}.items()
    assert len({node.pods for node in after}) == 4


def test_a_pods_range_without_room_is_said():
    with pytest.raises(SubnetTooSmall, match=r"10\.244\.0\.0/23"):
        place(replace(OVERLAY, pod_cidr="10.244.0.0/23"), [POOL])


def test_pods_with_a_subnet_of_their_own_have_addresses_of_that():
    assert {n.pods for n in place(CLUSTER, [replace(POOL, pod_subnet_prefix="120.38.1.64/26")])} == {
        "120.38.1.64/26"
    }
