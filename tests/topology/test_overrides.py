from __future__ import annotations

import pytest

from hybridspan.topology.validation import examine

from .conftest import EXAMPLES, OVERRIDES, codes

FIRST = "overrides_apigee-eastus.yaml"
SECOND = "overrides_apigee-centralus.yaml"
SECOND_TEXT = OVERRIDES.replace("eastus", "centralus").replace("dc-1", "dc-2").replace("one", "two")


def test_a_new_regions_overrides_may_be_missing_the_first_regions_may_not(judge):
    assert codes(judge(overrides={})) == ["050"]


def test_overrides_that_agree_have_no_problem(judge):
    assert judge(overrides={FIRST: OVERRIDES, SECOND: SECOND_TEXT}) == ()


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("org: hybrid-test-7", "org: other", "org"),
        ("namespace: apigee", "namespace: other", "namespace"),
        ("name: apigee-eastus", "name: other", "k8sCluster.name"),
        ("datacenter: dc-1", "datacenter: eastus", "cassandra.datacenter"),
        ("replicaCount: 3", "replicaCount: 6", "cassandra.replicaCount"),
        ("replicaCount: 3", "replicaCount: 3\n  rack: ra-2", "cassandra.rack"),
        ("replicaCount: 3", "replicaCount: 3\n  clusterName: other", "cassandra.clusterName"),
    ],
)
def test_overrides_that_disagree_with_the_topology_are_refused_at_their_line(judge, old, new, key):
    (problem,) = judge(overrides={FIRST: OVERRIDES.replace(old, new)})
    assert (problem.code, problem.path, problem.file.name) == ("HS-TOPOLOGY-052", key, FIRST)
    assert problem.line > 0


def test_apigees_default_counts_where_a_key_is_missing(judge):
    (problem,) = judge(overrides={FIRST: OVERRIDES.replace("  replicaCount: 3\n", "")})
    assert "`1` (Apigee's default)" in problem.message


@pytest.mark.parametrize("line", ["hostNetwork: true", "auth: {secret: another}", "port: 9043"])
def test_what_must_be_equal_in_every_region_is_compared(judge, line):
    second = SECOND_TEXT.replace("cassandra:\n", f"cassandra:\n  {line}\n")
    assert codes(judge(overrides={FIRST: OVERRIDES, SECOND: second})) == ["053"]


def test_an_instance_id_of_two_clusters_is_refused(judge):
    second = SECOND_TEXT.replace("two", "one")
    assert codes(judge(overrides={FIRST: OVERRIDES, SECOND: second})) == ["058"]


def test_an_overlay_needs_the_hosts_network(judge):
    change = ("cluster: {serviceCidr", "cluster: {networkPlugin: azure-overlay, serviceCidr")
    assert codes(judge(change)) == ["056"]


def test_files_that_overrides_name_and_that_are_missing_are_warnings(judge, tmp_path):
    (tmp_path / "there.crt").write_text("x")
    named = OVERRIDES + "virtualhosts: [{sslCertPath: there.crt, sslKeyPath: missing.key}]\n"
    (problem,) = judge(overrides={FIRST: named})
    assert (problem.code, problem.severity) == ("HS-TOPOLOGY-054", "warning")
    assert "missing.key" in problem.message


def test_a_seed_left_in_the_first_regions_overrides_is_a_warning(judge):
    left = OVERRIDES + "  multiRegionSeedHost: 10.20.0.9\n"
    assert codes(judge(overrides={FIRST: left})) == ["055"]


def test_a_password_in_the_file_is_a_warning_that_does_not_repeat_it(judge):
    (problem,) = judge(overrides={FIRST: OVERRIDES + "  auth: {jmx: {password: 'hunter2'}}\n"})
    assert problem.code == "HS-TOPOLOGY-057"
    assert "hunter2" not in str(problem)


def test_users_that_only_a_secret_store_knows_are_refused(judge):
    (problem,) = judge(overrides={FIRST: OVERRIDES + "  auth: {secretProviderClass: cassandra-auth-spc}\n"})
    assert (problem.code, problem.severity) == ("HS-TOPOLOGY-059", "error")
    assert "cassandra.auth.secret," in problem.remedy


@pytest.mark.parametrize("text", ["a: [", "- 1", "\x00"])
def test_broken_overrides_are_a_problem_of_their_own_file(judge, text):
    (problem,) = judge(overrides={FIRST: text})
    assert (problem.code, problem.file.name) == ("HS-TOPOLOGY-002", FIRST)


@pytest.mark.parametrize("example", ["two-regions", "three-regions"])
def test_the_examples_have_no_errors(example):
    assert examine(EXAMPLES / example / "hybrid.yaml").errors == ()
