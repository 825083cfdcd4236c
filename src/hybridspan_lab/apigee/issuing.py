"""Certificates as cert-manager issues them, reduced to what Apigee's installation asks for."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
DEFAULT_HOURS: Final = 2160
"""cert-manager's default duration, 90 days."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes

    @classmethod
    def from_secret(cls, secret: Mapping[str, Any] | None) -> Pair | None:
        """The pair in a TLS secret, or None where it has none that can be read."""
        data = (secret or {}).get("data") or {}
        try:
            pair = cls(base64.b64decode(data["tls.crt"]), base64.b64decode(data["tls.key"]))
            pair.certificate_object(), pair.key_object()
        except (KeyError, ValueError, TypeError):
            return None
        return pair

    def certificate_object(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate)

    def key_object(self) -> Key:
        key = load_pem_private_key(self.key, password=None)
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise TypeError("only RSA and EC keys sign here")
        return key

    @property
    def expires(self) -> dt.datetime:
        return self.certificate_object().not_valid_after_utc


def issue(spec: Mapping[str, Any], authority: Pair | None, now: dt.datetime) -> Pair:
    """Issues what a Certificate's spec asks for; without an authority it signs itself."""
    key = _new_key(spec.get("privateKey") or {})
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _common_name(spec))])
    issuer, signer = (
        (authority.certificate_object().subject, authority.key_object()) if authority else (subject, key)
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(hours=hours(spec.get("duration"))))
    )
    certificate = _with_extensions(builder, spec).sign(signer, hashes.SHA256())
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Pair(certificate.public_bytes(Encoding.PEM), key_pem)


def hours(duration: str | None) -> float:
    """`87600h` or `90h30m` → hours; raises ValueError for another form."""
    if not duration:
        return DEFAULT_HOURS
    amount, total = "", 0.0
    for letter in duration:
        if letter.isdigit():
            amount += letter
        elif letter in "hms" and amount:
            total += int(amount) / {"h": 1, "m": 60, "s": 3600}[letter]
            amount = ""
        else:
            raise ValueError(f"not a duration: {duration!r}")
    return total


def _common_name(spec: Mapping[str, Any]) -> str:
    names: list[str] = [spec.get("commonName") or "", *(spec.get("dnsNames") or [])]
    return next((name for name in names if name), "hybridspan-lab")[:64]


def _new_key(wanted: Mapping[str, Any]) -> Key:
    if wanted.get("algorithm", "RSA") == "ECDSA":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, int(wanted.get("size") or 2048))


def _with_extensions(builder: x509.CertificateBuilder, spec: Mapping[str, Any]) -> x509.CertificateBuilder:
    is_ca = bool(spec.get("isCA"))
    builder = builder.add_extension(x509.BasicConstraints(is_ca, None), critical=True)
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in spec.get("dnsNames") or []]
    names += [x509.IPAddress(ipaddress.ip_address(a)) for a in spec.get("ipAddresses") or []]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if not is_ca:
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return builder.add_extension(_key_usage(is_ca=is_ca), critical=True)


def _key_usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not is_ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )
