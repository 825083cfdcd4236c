import json
import shutil

from cryptography import x509

from hybridspan.topology.loading import load
from hybridspan_lab.controlplane import kubeconfig
from hybridspan_lab.examples import example_directory
from hybridspan_lab.world import papers

OVERRIDES = """
envs:
  - name: test
    serviceAccountPaths: {udca: service-accounts/udca.json}
mart: {serviceAccountPath: service-accounts/mart.json}
virtualhosts:
  - {name: group, sslCertPath: certs/group.crt, sslKeyPath: certs/group.key}
"""


def test_what_an_overrides_file_points_at_is_made(tmp_path):
    (tmp_path / "overrides.yaml").write_text(OVERRIDES)
    made = papers.complete(tmp_path / "overrides.yaml")
    names = sorted(str(file.relative_to(tmp_path)) for file in made)
    assert names == ["certs/group.crt", "service-accounts/mart.json", "service-accounts/udca.json"]
    assert json.loads((tmp_path / "service-accounts/mart.json").read_text())["type"] == "service_account"
    x509.load_pem_x509_certificate((tmp_path / "certs/group.crt").read_bytes())
    assert (tmp_path / "certs/group.key").stat().st_mode & 0o077 == 0


def test_a_file_that_is_there_is_left_alone(tmp_path):
    (tmp_path / "overrides.yaml").write_text(OVERRIDES)
    papers.complete(tmp_path / "overrides.yaml")
    assert papers.complete(tmp_path / "overrides.yaml") == []


def test_a_further_regions_overrides_are_the_first_ones_with_its_own_names(tmp_path):
    shutil.copytree(example_directory("two-regions"), tmp_path / "example")
    topology = load(tmp_path / "example" / "hybrid.yaml")
    first, region = topology.regions
    papers.derive(first, region)
    before, after = first.overrides.read_text().splitlines(), region.overrides.read_text().splitlines()
    changed = [new.split("#")[0].strip() for old, new in zip(before, after, strict=True) if old != new]
    assert changed == ['instanceID: "prod-aks-centralus"', "name: apigee-centralus", 'datacenter: "dc-2"']
    region.overrides.write_text("kept: true\n")
    papers.derive(first, region)
    assert region.overrides.read_text() == "kept: true\n"


def test_the_secret_of_the_credentials_is_the_one_that_the_overrides_name(tmp_path):
    file = tmp_path / "overrides.yaml"
    file.write_text("cassandra: {auth: {secret: apigee-cassandra-auth}}\n")
    assert papers.credentials(file) == "apigee-cassandra-auth"
    file.write_text("org: hybrid-test-7\n")
    assert papers.credentials(file) == ""


def test_a_kubeconfig_of_one_context_has_no_other(tmp_path):
    (tmp_path / "ca").write_bytes(b"ca")
    pair = tmp_path / "ca", tmp_path / "ca"
    entries = [
        kubeconfig.client_entry(n, f"user-{n}", "https://127.0.0.1:1", tmp_path / "ca", pair) for n in "ab"
    ]
    merged = {key: [e[key][0] for e in entries] for key in ("clusters", "users", "contexts")}
    kubeconfig.write(
        tmp_path / "all", {"apiVersion": "v1", "kind": "Config", **merged, "current-context": "a"}
    )
    only = kubeconfig.write_context(tmp_path / "all", "b", tmp_path / "contexts" / "b")
    text = only.read_text()
    assert "current-context: b" in text
    assert "user-b" in text
    assert "user-a" not in text
    assert only.stat().st_mode & 0o077 == 0
