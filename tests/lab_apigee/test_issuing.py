from __future__ import annotations

import datetime as dt

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hybridspan_lab.apigee import cert_manager, cert_manager_manifests, issuing

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
ROOT = {
    "isCA": True,
    "commonName": "apigee-hybrid",
    "duration": "87600h",
    "secretName": "apigee-ca",
    "privateKey": {"algorithm": "ECDSA", "size": 256},
}


@pytest.fixture(scope="module")
def root() -> issuing.Pair:
    return issuing.issue(ROOT, None, NOW)


def test_a_root_signs_itself_for_ten_years(root):
    certificate = root.certificate_object()
    certificate.verify_directly_issued_by(certificate)
    assert certificate.not_valid_after_utc == NOW + dt.timedelta(hours=87600)
    assert isinstance(root.key_object(), ec.EllipticCurvePrivateKey)


def test_a_leaf_is_signed_by_the_authority(root):
    leaf = issuing.issue({"commonName": "x", "dnsNames": ["a.b"], "ipAddresses": ["127.0.0.1"]}, root, NOW)
    leaf.certificate_object().verify_directly_issued_by(root.certificate_object())
    assert isinstance(leaf.key_object(), rsa.RSAPrivateKey)


def test_another_root_of_the_same_name_does_not_vouch_for_it(root):
    other = issuing.issue(ROOT, None, NOW)
    leaf = issuing.issue({"commonName": "x"}, root, NOW)
    with pytest.raises(InvalidSignature):
        leaf.certificate_object().verify_directly_issued_by(other.certificate_object())


def test_a_secret_says_which_certificate_it_is_of(root):
    certificate = {
        "metadata": {"name": "apigee-cassandra-default", "namespace": "apigee"},
        "spec": {"secretName": "apigee-cassandra-default-tls", "issuerRef": {"name": "apigee-ca-issuer"}},
    }
    document = cert_manager.secret_document(certificate, root, root)
    assert (
        document["metadata"]["annotations"]["cert-manager.io/certificate-name"] == "apigee-cassandra-default"
    )
    assert issuing.Pair.from_secret(document) == root
    assert set(document["data"]) == {"tls.crt", "tls.key", "ca.crt"}


@pytest.mark.parametrize("secret", [None, {}, {"data": {"tls.crt": "AAAA", "tls.key": "AAAA"}}])
def test_what_is_no_pair_is_issued_anew(secret):
    assert issuing.Pair.from_secret(secret) is None


def test_a_certificate_is_due_after_two_thirds_of_its_time(root):
    assert not cert_manager.is_due(root, NOW + dt.timedelta(hours=40000))
    assert cert_manager.is_due(root, NOW + dt.timedelta(hours=60000))


@pytest.mark.parametrize(("text", "expected"), [("2160h", 2160), ("90h30m", 90.5), (None, 2160)])
def test_durations(text, expected):
    assert issuing.hours(text) == expected


def test_cert_manager_can_be_found_by_its_release_labels():
    for document in cert_manager_manifests.manifests():
        labels = document["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "cert-manager"
        assert labels["app.kubernetes.io/version"].startswith("v1.")
