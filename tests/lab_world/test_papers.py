import json

from cryptography import x509

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
