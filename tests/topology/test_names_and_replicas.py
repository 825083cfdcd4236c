from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.topology.loading import load
from hybridspan.topology.releases import release_of, replication_of, usual_installer

from .conftest import EXAMPLES, OVERRIDES, codes


def test_an_unknown_location_is_refused_with_the_nearest_one(judge):
    (problem,) = judge(("name: centralus", "name: centralsu"), ("datacenter: dc-2", "datacenter: dc-2"))
    assert problem.code == "HS-TOPOLOGY-021"
    assert 'did you mean "centralus"?' in problem.message


def test_a_display_name_is_refused_with_the_name_that_azure_uses(judge):
    found = judge(("name: centralus", "name: Central US"), ("cluster: {serviceCidr", "cluster: {serviceCidr"))
    assert any('did you mean "centralus"?' in p.message for p in found)


GOVERNMENT = "https://management.usgovcloudapi.net"


@pytest.mark.parametrize("endpoint", [GOVERNMENT, f"{GOVERNMENT}/"])
def test_a_location_of_another_cloud_is_a_warning(judge, endpoint):
    (problem,) = judge(
        ("name: centralus", "name: usgovvirginia"), ("  azure:", f"  azure:\n    endpoint: {endpoint}")
    )
    assert (problem.code, problem.severity) == ("HS-TOPOLOGY-021", "warning")
    assert "`usgovvirginia` is no public Azure location" in problem.message
    assert f"the cloud at {GOVERNMENT} has locations of its own" in problem.why
    assert "az account list-locations" in problem.remedy


def test_public_azures_own_endpoint_knows_no_other_clouds_locations(judge):
    endpoint = "https://Management.Azure.com/"
    (problem,) = judge(
        ("name: centralus", "name: usgovvirginia"), ("  azure:", f"  azure:\n    endpoint: {endpoint}")
    )
    assert (problem.code, problem.severity) == ("HS-TOPOLOGY-021", "error")


def test_a_region_stands_in_the_file_once(judge):
    assert "022" in codes(judge(("name: centralus", "name: eastus")))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("resourceGroup: my-hybrid-rg", "resourceGroup: my-hybrid-rg."),
        ("subscription: 5a7e0000-0000-4000-8000-000000000001", "subscription: production"),
        ("cluster: {serviceCidr", "cluster: {name: -apigee, serviceCidr"),
        ("network: {", "network: {name: v, "),
        ("cluster: {serviceCidr", "cluster: {nodePools: [{name: apigee-data}], serviceCidr"),
        ("cluster: {serviceCidr", "cluster: {nodePools: [{name: averylongname}], serviceCidr"),
        ("organization: hybrid-test-7", "organization: Hybrid"),
        ("organization: hybrid-test-7", "organization: hybrid-test-7\n  namespace: Apigee"),
    ],
)
def test_names_that_azure_or_kubernetes_refuse_are_refused(judge, old, new):
    assert "020" in codes(judge((old, new), overrides={"overrides_apigee-eastus.yaml": "{}"}))


def test_a_bad_inherited_name_is_told_once_and_where_it_is_written(judge):
    found = [
        p
        for p in judge(("resourceGroup: my-hybrid-rg", "resourceGroup: 'a b'"))
        if "resource group" in p.message
    ]
    assert [(p.path, p.line) for p in found] == [("spec.azure.resourceGroup", 9)]


def test_two_regions_may_not_mean_the_same_cluster(judge):
    found = judge(
        ("cluster: {serviceCidr", "cluster: {name: one, context: c, serviceCidr"),
        ("10.30.0.0/16]}\n      cluster: {", "10.30.0.0/16]}\n      cluster: {name: ONE, context: c, "),
        overrides={"overrides_one.yaml": "{}"},
    )
    assert {"023", "025"} <= set(codes(found))


TWINS = (
    ("cluster: {serviceCidr", "cluster: {name: apigee, serviceCidr"),
    ("datacenter: dc-2", "datacenter: dc-2\n      resourceGroup: rg-centralus\n      overrides: two.yaml"),
)


FIRSTS = {"overrides_apigee.yaml": OVERRIDES.replace("apigee-eastus", "apigee")}


def test_clusters_of_one_name_in_two_groups_need_a_context(judge):
    second = ("10.30.0.0/16]}\n      cluster: {", "10.30.0.0/16]}\n      cluster: {name: apigee, ")
    (problem,) = judge(*TWINS, second, overrides=FIRSTS)
    assert (problem.code, problem.path) == ("HS-TOPOLOGY-025", "spec.regions[1].cluster.name")
    assert "eastus and centralus have the same kube context `apigee`" in problem.message
    assert "cluster.context: apigee-centralus" in problem.remedy


def test_clusters_of_one_name_with_contexts_of_their_own_are_fine(judge):
    second = (
        "10.30.0.0/16]}\n      cluster: {",
        "10.30.0.0/16]}\n      cluster: {name: apigee, context: two, ",
    )
    assert judge(*TWINS, second, overrides=FIRSTS) == ()


def test_a_context_called_like_another_regions_cluster_is_refused(judge):
    named = ("10.30.0.0/16]}\n      cluster: {", "10.30.0.0/16]}\n      cluster: {context: apigee-eastus, ")
    (problem,) = judge(named)
    assert (problem.code, problem.path) == ("HS-TOPOLOGY-025", "spec.regions[1].cluster.context")


def test_equal_data_centers_are_refused(judge):
    assert codes(judge(("datacenter: dc-2", "datacenter: dc-1"))) == ["030"]


def test_data_centers_that_differ_only_in_case_are_refused(judge):
    (problem,) = judge(("datacenter: dc-2", "datacenter: DC-1"))
    assert "differs only in case" in problem.message


def test_a_data_center_name_that_would_need_quoting_is_refused(judge):
    assert codes(judge(("datacenter: dc-2", 'datacenter: "dc\'2"'))) == ["037"]


@pytest.mark.parametrize(
    ("source", "words"), [("dc-2", "itself"), ("dc-3", "no region has"), ("DC-1", 'did you mean "dc-1"')]
)
def test_a_region_copies_only_from_where_the_data_is(judge, source, words):
    (problem,) = judge(("datacenter: dc-2", f"datacenter: dc-2\n      copyFrom: {source}"))
    assert problem.code == "HS-TOPOLOGY-031"
    assert words in problem.message


def test_the_first_region_copies_from_nowhere(judge):
    assert codes(judge(("datacenter: dc-1", "datacenter: dc-1\n      copyFrom: dc-2"))) == ["031"]


def test_fewer_than_three_replicas_are_a_warning(judge):
    found = judge(
        ("  hybridVersion", "  cassandra: {replicationFactor: 1}\n  hybridVersion"),
        overrides={"overrides_apigee-eastus.yaml": "{k8sCluster: {name: apigee-eastus}}"},
    )
    assert codes(found) == ["032", "032", "032"]
    assert not any(p.is_error for p in found)


def test_a_factor_above_the_nodes_is_refused(judge):
    found = judge(("datacenter: dc-2", "datacenter: dc-2\n      cassandraNodes: 2"))
    assert codes(found) == ["033"]


def test_a_number_of_nodes_that_is_no_multiple_of_three_is_a_warning(judge):
    assert codes(judge(("datacenter: dc-2", "datacenter: dc-2\n      cassandraNodes: 4"))) == ["034"]


def test_ports_differ(judge):
    assert codes(judge(("  hybridVersion", "  cassandra: {plainPort: 7001}\n  hybridVersion"))) == ["035"]


def test_opening_the_plain_port_is_a_warning(judge):
    found = judge(("  hybridVersion", "  cassandra: {openPlainPort: true}\n  hybridVersion"))
    assert codes(found) == ["038"]


def test_a_passive_region_in_active_active_mode_is_refused(judge):
    assert codes(judge(("datacenter: dc-2", "datacenter: dc-2\n      role: passive"))) == ["026"]


@pytest.mark.parametrize(
    ("version", "installer", "cassandra"),
    [
        ("1.8.3", "apigeectl", "3.11"),
        ("1.11.2", "apigeectl", "3.11"),
        ("1.12.0", "helm", "4.0"),
        ("1.14.2-hotfix.1", "helm", "4.0"),
    ],
)
def test_the_release_decides_installer_and_cassandra(version, installer, cassandra):
    release = release_of(version)
    assert release is not None
    assert (usual_installer(version), release.cassandra) == (installer, cassandra)
    assert release.pod(0) == "apigee-cassandra-default-0"


def test_apigeectl_with_a_release_that_has_only_helm_is_refused(judge):
    (problem,) = judge(("  hybridVersion", "  installer: apigeectl\n  hybridVersion"))
    assert problem.code == "HS-TOPOLOGY-041"
    assert problem.remedy.startswith(
        "set installer: helm; an installation that was made with apigeectl is moved to Helm first"
    )


@pytest.mark.parametrize(
    ("version", "code"), [("1.11.2", "043"), ("1.13.4", "044"), ("1.14.2-hotfix.1", None)]
)
def test_a_region_is_added_with_helm_where_helm_is_all_there_is(judge, version: str, code: str | None):
    found = judge(("  hybridVersion", "  installer: helm\n  hybridVersion"), ("1.16.0", version))
    assert [p.code[-3:] for p in found if p.code in ("HS-TOPOLOGY-043", "HS-TOPOLOGY-044")] == (
        [code] if code else []
    )


def test_what_belongs_to_helm_is_refused_with_apigeectl(judge):
    found = judge(
        ("  hybridVersion: 1.16.0", "  replication: resource\n  charts: charts\n  hybridVersion: '1.11.2'")
    )
    assert {"HS-TOPOLOGY-045", "HS-TOPOLOGY-046"} <= {p.code for p in found}


def test_who_copies_the_data_is_chosen_with_a_reason():
    topology = load(EXAMPLES / "two-regions" / "hybrid.yaml")
    assert replication_of(topology).way == "direct"
    assert replication_of(replace(topology, installer="helm")).way == "resource"
    chosen = replication_of(replace(topology, installer="helm", replication="direct"))
    assert (chosen.way, chosen.reason) == ("direct", "the topology says replication: direct")


def test_an_unknown_release_is_a_warning(judge):
    assert codes(judge(("1.16.0", "1.99.0"))) == ["040"]


def test_a_release_whose_data_cannot_be_proved_says_so(judge):
    assert codes(judge(("1.16.0", "1.9.1"))) == ["042"]
