"""cert-manager's PEM files → the PKCS#12 stores that Java reads; written 0600, with a password made for this start."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    KeySerializationEncryption,
    load_pem_private_key,
    pkcs12,
)


@dataclass(frozen=True, slots=True)
class Stores:
    """Two files and the password of both."""

    keys: Path
    trust: Path
    password: str


def write_stores(tls: Path, folder: Path) -> Stores:
    """Reads tls.crt, tls.key and ca.crt from `tls`; raises OSError or ValueError where one is missing or no PEM."""
    password = secrets.token_urlsafe(24)
    lock = BestAvailableEncryption(password.encode())
    chain = x509.load_pem_x509_certificates((tls / "tls.crt").read_bytes())
    authorities = x509.load_pem_x509_certificates((tls / "ca.crt").read_bytes())
    stores = Stores(folder / "keystore.p12", folder / "truststore.p12", password)
    write_private(stores.keys, _key_store(tls, chain, authorities, lock))
    write_private(stores.trust, _trust_store(authorities, lock))
    return stores


def write_private(path: Path, content: bytes) -> None:
    """Replaces a file by one that only its owner can read."""
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)


def _key_store(
    tls: Path,
    chain: list[x509.Certificate],
    authorities: list[x509.Certificate],
    lock: KeySerializationEncryption,
) -> bytes:
    key = load_pem_private_key((tls / "tls.key").read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError(f"{tls / 'tls.key'}: only RSA and EC keys are used here")  # noqa: TRY004 - a file's content
    above = [*chain[1:], *(ca for ca in authorities if ca not in chain)]
    return pkcs12.serialize_key_and_certificates(b"node", key, chain[0], above, lock)


def _trust_store(authorities: list[x509.Certificate], lock: KeySerializationEncryption) -> bytes:
    entries = [pkcs12.PKCS12Certificate(ca, f"ca-{number}".encode()) for number, ca in enumerate(authorities)]
    return pkcs12.serialize_java_truststore(entries, lock)
