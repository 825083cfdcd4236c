"""Overrides with anchors, aliases and merge keys: ordinary in Helm's values, read as YAML reads them and edited in place."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hybridspan.apigee import overrides
from hybridspan.apigee.document import CannotEdit, EditableText, NotAMapping
from hybridspan.apigee.overrides import document_of, overrides_facts
from hybridspan.apigee.overrides_edits import with_seed
from hybridspan.errors import PermanentFailure
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.topology.loading import load
from hybridspan.topology.model import Topology

EXAMPLES = Path(__file__).parents[2] / "examples" / "two-regions"
PLAIN = """instanceID: prod-eastus
namespace: apigee
k8sCluster: {name: apigee-eastus, region: us-east1}
gcp: {region: us-east1}
cassandra: {datacenter: dc-1, rack: ra-1, replicaCount: 3}
envs: [{name: test}]
"""


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    shutil.copy(EXAMPLES / "hybrid.yaml", tmp_path / "hybrid.yaml")
    return load(tmp_path / "hybrid.yaml")


def seen(topology: Topology, *changes: tuple[str, str]) -> OverridesFacts:
    """The new region's facts where the first one's file has those changes."""
    text = PLAIN
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    topology.first.overrides.write_text(text)
    assert overrides_facts(topology, topology.first).problem == ""
    return overrides_facts(topology, topology.new_regions[0])


def written(topology: Topology, facts: OverridesFacts) -> EditableText:
    """The new file as the command of the plan makes it, which is what a run writes."""
    assert facts.problem == ""
    path = topology.new_regions[0].overrides
    wanted = document_of(topology, topology.new_regions[0]).text
    subprocess.run(["bash", "-c", facts.edit], check=True)
    assert path.read_text() == wanted
    assert overrides_facts(topology, topology.new_regions[0]).disallowed == ()
    return overrides.read(path)


MERGED = "envs: [&env {name: test, sa: {runtime: r.json}}, {<<: *env, name: prod}]"


def test_an_environment_that_is_merged_from_another_is_one_with_its_own_name(topology: Topology):
    facts = seen(topology, ("envs: [{name: test}]", MERGED))
    assert facts.environments == ("test", "prod")
    document = written(topology, facts)
    assert document.value("envs", "1") == {"name": "prod", "sa": {"runtime": "r.json"}}
    found = {s.path: s.value for s in document.scalars() if s.path[0] == "envs"}
    assert found["envs", "1", "name"] == "prod"
    assert found["envs", "1", "sa", "runtime"] == "r.json"


def test_a_difference_behind_a_merge_key_is_named_by_its_own_path(topology: Topology):
    written(topology, seen(topology, ("envs: [{name: test}]", MERGED)))
    path = topology.new_regions[0].overrides
    path.write_text(path.read_text().replace("{<<: *env, name: prod}", "{<<: *env, name: other}"))
    facts = overrides_facts(topology, topology.new_regions[0])
    assert facts.disallowed == ("envs.1.name is 'other', in the first region 'prod'",)


def test_a_value_that_is_edited_keeps_its_anchor(topology: Topology):
    facts = seen(
        topology, ("region: us-east1}\ngcp: {region: us-east1}", "region: &r us-east1}\ngcp: {region: *r}")
    )
    document = written(topology, facts)
    assert "region: &r us-central1}\ngcp: {region: *r}" in document.text
    assert (document.value("k8sCluster", "region"), document.value("gcp", "region")) == ("us-central1",) * 2


def test_an_alias_of_the_regions_own_becomes_a_value_of_its_own(topology: Topology):
    facts = seen(topology, ("datacenter: dc-1, rack: ra-1", "datacenter: &d ra-1, rack: *d"))
    document = written(topology, facts)
    assert document.value("cassandra") == {"datacenter": "dc-2", "rack": "ra-1", "replicaCount": 3}
    assert "datacenter: &d dc-2, rack: ra-1" in document.text


def test_what_a_merge_key_brings_is_overridden_where_it_must_differ(topology: Topology):
    base = "base: &base {datacenter: dc-1, rack: ra-1, replicaCount: 3, seeds: 1}\ncassandra:\n  <<: *base\n  clusterName: c\n"
    facts = seen(topology, ("cassandra: {datacenter: dc-1, rack: ra-1, replicaCount: 3}\n", base))
    document = written(topology, facts)
    assert document.value("cassandra", "datacenter") == "dc-2"
    assert document.value("cassandra", "seeds") == 1
    assert document.value("base", "datacenter") == "dc-1"
    assert with_seed(document, "10.0.0.1").value("cassandra", "multiRegionSeedHost") == "10.0.0.1"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "cassandra: {datacenter: dc-1, rack: ra-1, replicaCount: 3}",
            "base: &b {datacenter: dc-1, rack: ra-1, replicaCount: 3}\ncassandra: *b",
            ":6: cassandra is an alias, and datacenter in it differs by region: write it out",
        ),
        (
            "k8sCluster: {name: apigee-eastus, region: us-east1}",
            "base: &b {k8sCluster: {name: apigee-eastus}}\n<<: *b",
            ":1: k8sCluster comes from a merge key (<<), and name in it differs by region: write it out",
        ),
        (
            "instanceID: prod-eastus\n",
            "instanceID: &i prod-eastus\norg: *i\n",
            ":2: org is an alias of what each region has of its own, and must be the same everywhere",
        ),
        (
            "cassandra: {datacenter: dc-1, rack: ra-1, replicaCount: 3}",
            "cassandra:",
            ":5: cassandra is no mapping",
        ),
    ],
)
def test_what_cannot_be_edited_alone_is_a_problem_with_its_line(
    topology: Topology, old: str, new: str, words: str
):
    facts = seen(topology, (old, new))
    assert facts.problem.startswith(f"{topology.first.overrides}{words}")
    with pytest.raises(PermanentFailure, match="HS-APIGEE-010"):
        document_of(topology, topology.new_regions[0])


def test_a_file_written_by_hand_that_can_take_no_seed_is_known_by_its_line(topology: Topology):
    path = topology.new_regions[0].overrides
    document = written(topology, seen(topology))
    assert overrides_facts(topology, topology.new_regions[0]).seed_problem == ""
    own = next(line for line in document.text.splitlines() if line.startswith("cassandra:"))
    base = own.replace("cassandra: ", "base: &b ") + "\ncassandra: *b"
    path.write_text(document.text.replace(own, base))
    facts = overrides_facts(topology, topology.new_regions[0])
    assert facts.seed_problem.startswith(f"{path}:6: cassandra is an alias")


def test_a_seed_that_a_merge_key_brings_is_told_not_left_in():
    document = EditableText("base: &b {multiRegionSeedHost: 1.2.3.4}\ncassandra: {<<: *b, rack: r}\n")
    with pytest.raises(CannotEdit, match="merge key"):
        document.without("cassandra", "multiRegionSeedHost")


def test_a_persons_file_that_cannot_take_the_seed_is_named(topology: Topology):
    path = topology.new_regions[0].overrides
    path.write_text("b: &b {rack: r}\ncassandra: *b\n")
    with pytest.raises(PermanentFailure, match=rf"{path.name}:2: cassandra is an alias"):
        overrides.edited(path, lambda document: with_seed(document, "10.0.0.1"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\n", {"p": 1, "q": 3}),
        ("a: [&x {p: 1}, &y {p: 2, q: 4}]\nb: {<<: [*x, *y]}\n", {"p": 1, "q": 4}),
        ("a: &x {p: &z 1}\nb: &y {<<: *x, r: *z}\n", {"p": 1, "r": 1}),
    ],
)
def test_scalars_are_what_yaml_loads(text: str, expected: dict[str, int]):
    document = EditableText(text)
    assert document.value("b") == expected
    assert {s.path[1]: s.value for s in document.scalars() if s.path[0] == "b"} == expected


@pytest.mark.parametrize("text", ["a: &a {b: *a}\n", "a: 2024-13-45\n"])
def test_what_no_value_is_made_of_is_refused(text: str):
    with pytest.raises(NotAMapping):
        EditableText(text)


def test_a_new_key_goes_before_the_first_where_none_is_plain():
    text = "a:\n  b:\n    c: 1\n  d:\n    e: 2\n"
    assert (
        EditableText(text).with_value(("a", "x"), "z").text
        == f"a:\n  x: z\n{text.removeprefix('a:' + chr(10))}"
    )


def test_a_namespace_that_is_not_named_yet_goes_before_the_first_block(topology: Topology):
    cassandra = "cassandra: {datacenter: dc-1, rack: ra-1, replicaCount: 3}\n"
    topology.first.overrides.write_text(cassandra)
    facts = overrides_facts(topology, topology.new_regions[0])
    assert written(topology, facts).text.startswith("namespace: apigee\ncassandra: ")
