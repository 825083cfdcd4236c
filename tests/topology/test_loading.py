from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from hybridspan.errors import EXIT_INPUT
from hybridspan.topology.loading import digest, load
from hybridspan.topology.problems import TopologyError

from .conftest import EXAMPLES, TOPOLOGY


def written(folder: Path, text: str) -> Path:
    file = folder / "hybrid.yaml"
    file.write_text(text)
    return file


def refused(folder: Path, text: str) -> TopologyError:
    with pytest.raises(TopologyError) as failure:
        load(written(folder, text))
    return failure.value


def test_the_documentations_example_is_read_with_its_own_values():
    topology = load(EXAMPLES / "two-regions" / "hybrid.yaml")
    assert [r.datacenter for r in topology.regions] == ["dc-1", "dc-2"]
    assert topology.first.network.subnet.prefix == IPv4Network("120.38.1.0/26")
    assert topology.new_regions[0].copy_from == "dc-1"
    assert topology.first.overrides == EXAMPLES / "two-regions" / "overrides_apigee-eastus.yaml"


def test_a_third_region_has_a_resource_group_of_its_own_and_inherits_the_rest():
    third = load(EXAMPLES / "three-regions" / "hybrid.yaml").regions[2]
    assert third.resource_group == "my-hybrid-rg-emea"
    assert third.namespace == "apigee"
    assert third.subscription == "5a7e0000-0000-4000-8000-000000000001"


def test_what_is_left_out_gets_the_defaults_of_azure_aks_and_apigee(tmp_path):
    topology = load(written(tmp_path, TOPOLOGY))
    region = topology.regions[1]
    assert (topology.installer, topology.mode, topology.source_repair) == ("helm", "active-active", "ask")
    assert (region.rack, region.namespace, region.role) == ("ra-1", "apigee", "active")
    assert (region.network.name, region.network.subnet.name) == (
        "my-hybrid-rg-vnet-centralus",
        "my-hybrid-rg-vnet-centralus-subnet",
    )
    assert region.network.subnet.prefix == IPv4Network("10.30.0.0/16")
    assert region.cluster.name == "apigee-centralus"
    assert region.overrides == tmp_path / "overrides_apigee-centralus.yaml"
    assert region.cassandra_nodes == topology.cassandra.replication_factor == 3
    assert [(p.name, p.mode, p.max_pods) for p in region.cluster.node_pools] == [
        ("apigeerun", "System", None),
        ("apigeedata", "User", None),
    ]


def test_regions_after_the_first_are_passive_in_active_passive_mode(tmp_path):
    text = TOPOLOGY.replace("  hybridVersion", "  mode: active-passive\n  hybridVersion")
    topology = load(written(tmp_path, text))
    assert [r.role for r in topology.regions] == ["active", "passive"]


def test_every_region_remembers_its_line(tmp_path):
    assert [r.line for r in load(written(tmp_path, TOPOLOGY)).regions] == [11, 15]


def test_an_unknown_key_is_refused_with_the_key_that_was_meant(tmp_path):
    failure = refused(tmp_path, TOPOLOGY.replace("datacenter: dc-2", "dataCentre: dc-2"))
    (problem,) = failure.problems
    assert problem.line == 16
    assert 'did you mean "datacenter"?' in problem.message


def test_all_problems_of_the_shape_are_told_at_once(tmp_path):
    text = TOPOLOGY.replace("10.20.0.0/16", "10.20.0.1/16").replace(
        "organization: hybrid-test-7", "mode: both"
    )
    failure = refused(tmp_path, text)
    assert [p.line for p in failure.problems] == [5, 5, 13] or [p.line for p in failure.problems] == [
        4,
        5,
        13,
    ]
    assert "the range is 10.20.0.0/16" in failure.why
    assert failure.exit_code == EXIT_INPUT


def test_a_version_that_yaml_reads_as_a_number_must_be_quoted(tmp_path):
    failure = refused(tmp_path, TOPOLOGY.replace("hybridVersion: 1.16.0", "hybridVersion: 1.12"))
    assert "must be in quotes" in failure.problems[0].message


def test_a_region_without_any_resource_group_is_refused(tmp_path):
    failure = refused(tmp_path, TOPOLOGY.replace("    resourceGroup: my-hybrid-rg\n", ""))
    assert [p.line for p in failure.problems] == [10, 14]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "hello",
        "a: [1",
        "a: b: c",
        "\tx: 1",
        "a: 1\na: 2",
        "&a [*a]",
        "x: &x {y: *x}",
        "date: 2026-99-99",
        "!!python/object:os.system {}",
        "a: *nowhere",
        "%YAML 9.9\n---\na: 1",
        "a: 1\n---\nb: 2",
        "{" * 400,
        "\x00",
        "spec: null",
        "spec: {regions: {}}",
        "spec: {regions: [null, 3, []]}",
        "? [a, b]\n: c",
    ],
)
def test_whatever_the_file_holds_it_ends_in_words(tmp_path, text):
    assert refused(tmp_path, text).problems


def test_broken_yaml_is_told_with_line_and_column(tmp_path):
    (problem,) = refused(tmp_path, "spec:\n  a: [1, 2\n  b: 3\n").problems
    assert problem.line == 3
    assert "column" in problem.message


def test_a_file_that_is_not_there_or_is_no_text_is_told(tmp_path):
    with pytest.raises(TopologyError, match="cannot be used"):
        load(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TopologyError):
        load(tmp_path / "binary.yaml")
    with pytest.raises(TopologyError):
        load(tmp_path)


def test_the_digest_ignores_comments_order_and_spelt_out_defaults(tmp_path):
    (tmp_path / "other").mkdir()
    spelt_out = TOPOLOGY.replace("metadata:", "# a comment\nmetadata:").replace(
        "      datacenter: dc-2\n", "      rack: ra-1\n      datacenter: dc-2\n"
    )
    assert digest(load(written(tmp_path, TOPOLOGY))) == digest(load(written(tmp_path / "other", spelt_out)))


def test_the_digest_changes_with_a_declared_value(tmp_path):
    before = digest(load(written(tmp_path, TOPOLOGY)))
    assert before != digest(load(written(tmp_path, TOPOLOGY.replace("dc-2", "dc-9"))))


def test_the_shortest_file_in_the_documentation_is_a_topology(tmp_path):
    text = (EXAMPLES.parent / "docs" / "topology.md").read_text().split("```yaml\n")[1].split("```")[0]
    topology = load(written(tmp_path, text))
    assert [r.datacenter for r in topology.regions] == ["dc-1", "dc-2"]


def test_of_a_key_that_stands_twice_no_value_is_told(tmp_path):
    failure = refused(tmp_path, "password: hunter2\npassword: hunter3\n")
    assert 'duplicate key "password"' in str(failure)
    assert "hunter" not in str(failure)
