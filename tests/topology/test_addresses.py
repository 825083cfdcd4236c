from __future__ import annotations

import pytest

from .conftest import codes


def test_a_sound_topology_has_no_problem(judge):
    assert judge() == ()


def test_networks_of_two_regions_may_not_overlap_and_a_free_range_is_offered(judge):
    (problem,) = judge(("[10.30.0.0/16]", "[10.20.128.0/17]"))
    assert (problem.code, problem.line) == ("HS-TOPOLOGY-010", 17)
    assert "VnetAddressSpacesOverlap" in problem.why
    assert "10.16.0.0/17" in problem.remedy


def test_ranges_of_one_network_may_not_overlap(judge):
    assert codes(judge(("[10.30.0.0/16]", "[10.30.0.0/16, 10.30.4.0/24]"))) == ["018"]


def test_a_subnet_lies_inside_its_network(judge):
    change = ("[10.30.0.0/16]}", "[10.30.0.0/16], subnet: {prefix: 10.31.0.0/24}}")
    assert codes(judge(change)) == ["011"]


def test_two_clusters_may_have_the_same_service_range(judge):
    assert judge() == ()


def test_a_service_range_may_not_cover_its_own_network(judge):
    (problem,) = judge(("serviceCidr: 10.1.0.0/16", "serviceCidr: 10.20.0.0/20"))
    assert problem.code == "HS-TOPOLOGY-012"
    assert "its own network" in problem.message


def test_a_service_range_may_not_cover_a_peered_network(judge):
    (problem,) = judge(("serviceCidr: 10.1.0.0/16", "serviceCidr: 10.30.0.0/20"))
    assert problem.code == "HS-TOPOLOGY-012"
    assert "peered network of centralus" in problem.message
    assert "could not reach" in problem.why


def test_a_service_range_is_no_larger_than_a_12(judge):
    assert "016" in codes(judge(("serviceCidr: 10.1.0.0/16", "serviceCidr: 172.0.0.0/11")))


def test_an_overlays_default_pod_range_may_not_cover_a_network(judge):
    found = judge(
        ("cluster: {serviceCidr", "cluster: {networkPlugin: azure-overlay, serviceCidr"),
        ("[10.30.0.0/16]", "[10.244.0.0/16]"),
    )
    assert codes(found).count("013") == 2  # of both clusters: the second gets the first one's plugin


def test_a_pod_range_is_refused_with_a_plugin_that_has_none(judge):
    change = (
        "serviceCidr: 10.1.0.0/16",
        "serviceCidr: 10.1.0.0/16, networkPlugin: azure, podCidr: 10.99.0.0/16",
    )
    assert "019" in codes(judge(change))


@pytest.mark.parametrize(
    "taken", ["169.254.0.0/24", "172.30.4.0/24", "172.31.0.0/16", "192.0.2.0/24", "224.1.0.0/16"]
)
def test_reserved_ranges_are_refused(judge, taken):
    assert "014" in codes(judge(("10.30.0.0/16", taken)))


def test_a_public_range_is_a_warning_that_says_why(judge):
    (problem,) = judge(("10.30.0.0/16", "120.38.0.0/16"))
    assert (problem.code, problem.severity) == ("HS-TOPOLOGY-015", "warning")
    assert "somebody on the internet" in problem.why


def test_a_pod_range_may_not_cover_its_own_clusters_services(judge):
    own = "networkPlugin: azure-overlay, podCidr: 10.1.0.0/16}"
    (problem,) = [
        p for p in judge(("serviceCidr: 10.1.0.0/16}", f"serviceCidr: 10.1.0.0/16, {own}")) if p.is_error
    ]
    assert problem.code == "HS-TOPOLOGY-013"
    assert "overlaps its service range" in problem.message


def test_a_subnet_has_room_for_more_than_azure_keeps(judge):
    change = ("[10.30.0.0/16]}", "[10.30.0.0/16], subnet: {prefix: 10.30.0.0/30}}")
    found = [p for p in judge(change) if p.code == "HS-TOPOLOGY-011"]
    assert [p.message for p in found] == ["subnet 10.30.0.0/30 is smaller than /29"]
