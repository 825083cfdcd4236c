import ssl
import stat

from cryptography import x509

from hybridspan_lab.controlplane.authority import Authority


def test_a_key_is_its_owners_alone(tmp_path):
    Authority.create(tmp_path / "pki", "CA")
    assert stat.S_IMODE((tmp_path / "pki" / "ca.key").stat().st_mode) == 0o600


def test_a_certificate_names_its_hosts(tmp_path):
    authority = Authority.create(tmp_path, "CA")
    certificate, _ = authority.issue("server", "server", hosts=["localhost", "10.1.0.1"])
    names = x509.load_pem_x509_certificate(certificate.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(a) for a in names.value.get_values_for_type(x509.IPAddress)] == ["10.1.0.1"]


def test_an_authority_that_was_opened_again_issues_for_the_same_ca(tmp_path):
    made = Authority.create(tmp_path, "CA")
    made.issue("one", "one")
    Authority.open(tmp_path).issue("two", "two")
    issuers = {
        x509.load_pem_x509_certificate((tmp_path / f"{name}.crt").read_bytes())
        .extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        .value.key_identifier
        for name in ("one", "two")
    }
    assert len(issuers) == 1


def test_a_pair_loads_into_tls(tmp_path):
    certificate, key = Authority.create(tmp_path, "CA").issue(
        "client", "someone", organization="system:masters"
    )
    ssl.create_default_context().load_cert_chain(certificate, key)
