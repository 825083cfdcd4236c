from __future__ import annotations

import json

import pytest

from hybridspan_lab.apigee.overrides import Overrides, OverridesError

GOOD = """
instanceID: prod-aks-eastus
namespace: apigee
gcp: {projectID: hybrid-test-7, region: us-east1}
k8sCluster: {name: apigee-eastus, region: us-east1}
org: hybrid-test-7
envs:
  - name: test
    serviceAccountPaths: {synchronizer: sa.json}
cassandra: {replicaCount: 3, datacenter: dc-1, multiRegionSeedHost: 120.38.1.9, auth: {secret: creds}}
virtualhosts:
  - {name: group, sslCertPath: tls.crt, sslKeyPath: tls.key}
mart: {serviceAccountPath: sa.json}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sa.json").write_text(json.dumps({"client_email": "a@b"}))
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).write_text("-----BEGIN THING-----")
    (tmp_path / "overrides.yaml").write_text(GOOD)
    return tmp_path


def problems(folder, text: str) -> list[str]:
    path = folder / "overrides.yaml"
    path.write_text(text)
    with pytest.raises(OverridesError) as caught:
        Overrides.read(path)
    return caught.value.problems


def test_a_good_file_is_read(folder):
    overrides = Overrides.read(folder / "overrides.yaml")
    assert overrides.organization == "hybrid-test-7"
    assert overrides.at("cassandra.replicaCount") == 3
    assert overrides.at("cassandra.storage.capacity", "10Gi") == "10Gi"


def test_paths_are_relative_to_the_file(folder, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert Overrides.read(folder / "overrides.yaml").file("sa.json") == folder / "sa.json"


def test_every_missing_key_is_named_at_once(folder):
    found = problems(
        folder, GOOD.replace("org: hybrid-test-7", "").replace("instanceID: prod-aks-eastus", "")
    )
    assert found == ["missing required property: org", "missing required property: instanceID"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("replicaCount: 3", "replicaCount: three", "cassandra.replicaCount: wanted a number"),
        ("replicaCount: 3", "replicaCount: 0", "cassandra.replicaCount"),
        ("120.38.1.9", "seed.example", "is not an IP address"),
        ("namespace: apigee", "namespace: Apigee_1", "invalid value for namespace"),
        ("name: test", "title: test", "envs[0].name"),
    ],
)
def test_malformed_values_are_named(folder, old, new, said):
    assert any(said in problem for problem in problems(folder, GOOD.replace(old, new)))


def test_files_that_cannot_be_read_are_named(folder):
    (folder / "tls.key").unlink()
    (folder / "sa.json").write_text("no json")
    found = problems(folder, GOOD)
    assert any("virtualhosts[0].sslKeyPath: open" in problem for problem in found)
    assert any(p.startswith("mart.serviceAccountPath") and "JSON key file" in p for p in found)


def test_a_file_that_is_not_there_or_no_yaml_is_refused(folder):
    with pytest.raises(OverridesError, match="no such file"):
        Overrides.read(folder / "other.yaml")
    assert "error converting YAML" in problems(folder, "a: [")[0]
