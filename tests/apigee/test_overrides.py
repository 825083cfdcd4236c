from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from hybridspan.apigee import overrides, overrides_differences, overrides_edits
from hybridspan.apigee.document import EditableText
from hybridspan.topology.loading import load
from hybridspan.topology.model import Topology

EXAMPLES = Path(__file__).parents[2] / "examples" / "two-regions"


@pytest.fixture
def topology(tmp_path: Path) -> Topology:
    for name in ("hybrid.yaml", "overrides_apigee-eastus.yaml"):
        shutil.copy(EXAMPLES / name, tmp_path / name)
    return load(tmp_path / "hybrid.yaml")


def source(topology: Topology) -> EditableText:
    return overrides.read(topology.first.overrides)


def written(topology: Topology, text: str) -> None:
    topology.new_regions[0].overrides.write_text(text)


def test_a_new_regions_file_differs_in_nothing_but_what_regions_may(topology: Topology):
    first, region = source(topology), topology.new_regions[0]
    wanted = overrides_edits.derive(first, topology, region)
    assert overrides_differences.disallowed(first, wanted, topology.first.overrides, region.overrides) == ()
    changed = [
        (a, b) for a, b in zip(first.text.splitlines(), wanted.text.splitlines(), strict=True) if a != b
    ]
    assert [b for _, b in changed] == [
        'instanceID: "prod-aks-centralus"        # unique for each cluster',
        "  name: apigee-centralus",
        "  region: us-central1                   # the closest region of Google Cloud",
        '  datacenter: "dc-2"',
    ]


def test_a_seed_of_the_first_region_is_not_copied(topology: Topology):
    seeded = overrides_edits.with_seed(source(topology), "10.0.0.1")
    assert "multiRegionSeedHost" not in overrides_edits.derive(seeded, topology, topology.new_regions[0]).text


def test_relative_paths_still_point_at_their_files(topology: Topology, tmp_path: Path):
    region = replace(topology.new_regions[0], overrides=tmp_path / "west" / "overrides.yaml")
    first = source(topology)
    wanted = overrides_edits.derive(first, topology, region)
    assert wanted.value("mart", "serviceAccountPath") == "../service-accounts/mart.json"
    assert wanted.scalar("virtualhosts", "0", "sslKeyPath").value == "../certs/test-group.key"  # type: ignore[union-attr]
    assert overrides_differences.disallowed(first, wanted, topology.first.overrides, region.overrides) == ()


def test_an_existing_file_that_agrees_is_left_alone(topology: Topology):
    written(topology, overrides_edits.derive(source(topology), topology, topology.new_regions[0]).text)
    facts = overrides.overrides_facts(topology, topology.new_regions[0])
    assert (facts.exists, facts.disallowed, facts.problem) == (True, (), "")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("clusterName: apigeecluster", "clusterName: another", "cassandra.clusterName is 'another'"),
        ("hostNetwork: false", "hostNetwork: true", "cassandra.hostNetwork is True"),
        ('datacenter: "dc-2"', 'datacenter: "centralus"', "cassandra.datacenter is 'centralus'"),
        ("secret: apigee-cassandra-auth", "secret: mine", "cassandra.auth.secret is 'mine'"),
        ("org: hybrid-test-7", "org: other", "org is 'other'"),
        ("mart.json", "other.json", "serviceAccountPath"),
    ],
)
def test_a_difference_that_regions_must_not_have_is_named(topology: Topology, old: str, new: str, named: str):
    wanted = overrides_edits.derive(source(topology), topology, topology.new_regions[0]).text
    assert old in wanted
    written(topology, wanted.replace(old, new))
    facts = overrides.overrides_facts(topology, topology.new_regions[0])
    assert any(named in sentence for sentence in facts.disallowed), facts.disallowed


def test_storage_replicas_and_selectors_may_differ(topology: Topology):
    wanted = overrides_edits.derive(source(topology), topology, topology.new_regions[0]).text
    own = wanted.replace("capacity: 10Gi", "capacity: 50Gi").replace("value: apigeedata}", "value: other}")
    written(topology, own)
    assert overrides.overrides_facts(topology, topology.new_regions[0]).disallowed == ()


def test_passwords_are_shown_nowhere(topology: Topology):
    path = topology.first.overrides
    text = path.read_text().replace(
        "    secret: apigee-cassandra-auth ", "    admin: {password: hunter2}\n    x: y "
    )
    path.write_text(text)
    wanted = overrides_edits.derive(source(topology), topology, topology.new_regions[0]).text
    written(topology, wanted.replace("hunter2", "hunter3"))
    facts = overrides.overrides_facts(topology, topology.new_regions[0])
    assert "hunter" not in facts.diff + " ".join(facts.disallowed)
    assert "cassandra.auth.admin.password differs from the first region's" in facts.disallowed


def test_a_missing_file_of_the_first_region_is_a_problem_not_a_crash(topology: Topology):
    topology.first.overrides.unlink()
    assert "does not exist" in overrides.overrides_facts(topology, topology.new_regions[0]).problem


def test_the_sed_line_makes_the_same_file(topology: Topology):
    region = topology.new_regions[0]
    wanted = overrides_edits.derive(source(topology), topology, region)
    facts = overrides.overrides_facts(topology, region)
    subprocess.run(["bash", "-c", facts.edit], check=True)
    assert region.overrides.read_text() == wanted.text


def test_secrets_that_the_file_names_are_found(topology: Topology):
    facts = overrides.overrides_facts(topology, topology.first)
    assert facts.secrets == {"apigee-cassandra-auth"}
    assert facts.storage_class == "managed-csi-premium"


def test_a_file_is_written_with_the_mode_of_its_model(topology: Topology):
    topology.first.overrides.chmod(0o640)
    path = topology.new_regions[0].overrides
    overrides.write(path, source(topology), topology.first.overrides)
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("installer", "storage", "size", "key"),
    [
        ("apigeectl", {"capacity": "500Gi"}, 500, "cassandra.storage.capacity in its overrides"),
        ("apigeectl", {}, None, ""),
        ("helm", {"capacity": "500Gi"}, 500, "cassandra.storage.capacity in its overrides"),
        ("helm", {"storageSize": "200Gi"}, 200, "cassandra.storage.storageSize in its overrides"),
        ("helm", {"capacity": "500Gi", "storageSize": "200Gi"}, 500, "cassandra.storage.capacity in"),
        ("helm", {}, 10, "cassandra.storage.storageSize, which its overrides leave at the charts' default"),
    ],
)
def test_the_size_of_a_volume_is_read_by_the_key_that_the_installer_heeds(
    topology: Topology,
    installer: Literal["apigeectl", "helm"],
    storage: dict[str, str],
    size: int | None,
    key: str,
):
    lines = "".join(f"    {name}: {value}\n" for name, value in storage.items())
    path = topology.first.overrides
    bare = re.sub(r"\n    capacity: .*", "", path.read_text())
    path.write_text(bare.replace("  storage:\n", f"  storage:\n{lines}", 1))
    facts = overrides.overrides_facts(replace(topology, installer=installer), topology.first)
    assert facts.storage_bytes == (size and size * 2**30)
    assert facts.storage_place.startswith(key)
