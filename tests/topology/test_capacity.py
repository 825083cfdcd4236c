from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from hybridspan.topology.model import NodePool
from hybridspan.topology.validation import examine
from hybridspan.topology.validation.capacity import demand, fitting_max_pods, usable_addresses

from .conftest import EXAMPLES, codes


def pool(count: int, max_pods: int | None) -> NodePool:
    return NodePool("data", count, "Standard_D8s_v5", "System", max_pods, (), ())


@pytest.mark.parametrize(
    ("prefix", "usable"), [("120.38.1.0/26", 59), ("10.0.0.0/24", 251), ("10.0.0.0/29", 3)]
)
def test_azure_keeps_five_addresses_of_a_subnet(prefix, usable):
    assert usable_addresses(IPv4Network(prefix)) == usable


def test_with_azure_cni_every_pod_that_a_node_may_hold_takes_an_address():
    needed = demand((pool(1, 13), pool(3, 13)), "azure")
    assert (needed.nodes, needed.at_rest, needed.with_upgrade) == (4, 56, 70)


def test_with_an_overlay_only_nodes_take_addresses():
    assert demand((pool(3, None),), "azure-overlay").with_upgrade == 4


def test_the_max_pods_that_fits_leaves_room_for_the_node_of_an_upgrade():
    fits = fitting_max_pods(IPv4Network("120.38.1.0/26"), nodes=4)
    assert fits == 10
    assert (
        demand((pool(4, fits),), "azure").with_upgrade
        <= 59
        < demand((pool(4, fits + 1),), "azure").with_upgrade
    )


def test_the_documentations_own_subnet_is_a_warning_with_the_max_pods_that_fits():
    found = [p for p in examine(EXAMPLES / "two-regions" / "hybrid.yaml").problems if p.code.endswith("017")]
    assert [(p.line, p.severity) for p in found] == [(26, "warning"), (41, "warning")]
    assert all("59 usable" in p.message and "maxPods to 10" in p.remedy and "/25" in p.remedy for p in found)


def test_a_subnet_in_which_not_even_ten_pods_a_node_fit_is_an_error(judge):
    (problem,) = judge(("[10.30.0.0/16]}", "[10.30.0.0/16], subnet: {prefix: 10.30.0.0/26}}"))
    assert (problem.code, problem.severity) == ("HS-TOPOLOGY-017", "error")


@pytest.mark.parametrize("count", [9, 251])
def test_max_pods_has_akss_limits(judge, count):
    pools = f"cluster: {{nodePools: [{{name: all, count: 3, maxPods: {count}}}], serviceCidr"
    assert "061" in codes(judge(("cluster: {serviceCidr", pools)))


def test_a_cluster_needs_a_system_pool_and_distinct_names(judge):
    pools = "cluster: {nodePools: [{name: a, mode: User}, {name: a, mode: User}], serviceCidr"
    assert codes(judge(("cluster: {serviceCidr", pools))) == ["062", "062"]


def test_fewer_machines_than_cassandra_nodes_is_a_warning(judge):
    pools = "cluster: {nodePools: [{name: a, count: 2}], serviceCidr"
    assert codes(judge(("cluster: {serviceCidr", pools))) == ["036"]


def test_another_plugin_than_the_first_regions_is_refused(judge):
    found = judge(
        ("cluster: {serviceCidr", "cluster: {networkPlugin: azure, serviceCidr"),
        (
            "10.30.0.0/16]}\n      cluster: {",
            "10.30.0.0/16]}\n      cluster: {networkPlugin: azure-overlay, ",
        ),
    )
    assert "060" in codes(found)


def test_an_overlay_has_a_24_for_every_node_and_one_more(judge):
    own = "networkPlugin: azure-overlay, podCidr: 10.99.0.0/23}"
    found = judge(("serviceCidr: 10.1.0.0/16}", f"serviceCidr: 10.1.0.0/16, {own}"))
    (problem,) = [p for p in found if p.is_error]
    assert (problem.code, problem.remedy) == ("HS-TOPOLOGY-019", "take a /16")
    assert "has room for 2 nodes" in problem.message


def test_a_subnet_too_small_for_the_nodes_of_an_overlay_is_an_error(judge):
    own = "networkPlugin: azure-overlay, podCidr: 10.99.0.0/16}"
    narrow = ("[10.20.0.0/16]}", "[10.20.0.0/16], subnet: {prefix: 10.20.0.0/29}}")
    found = judge(narrow, ("serviceCidr: 10.1.0.0/16}", f"serviceCidr: 10.1.0.0/16, {own}"))
    (problem,) = [p for p in found if p.code == "HS-TOPOLOGY-017"]
    assert (problem.severity, problem.why) == ("error", "")
