"""Mutual TLS towards Cassandra's client port, with keys that never touch a disk.

The certificate is checked against the installation's own CA. The host name is not: we come through a forwarded port on
loopback, and the certificate names the pod's service.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from hybridspan.cassandra.ports import TLS_SECRET
from hybridspan.errors import PermanentFailure
from hybridspan.secrets import Secret


def client_context(secret: Mapping[str, Secret | bytes], where: str, kubectl: str) -> ssl.SSLContext:
    """A context with the client certificate of the cluster's TLS secret; PermanentFailure where a part is missing.

    `kubectl` is what a command about its namespace begins with, for messages.
    """
    missing = [key for key in ("tls.crt", "tls.key", "ca.crt") if key not in secret]
    if missing:
        raise PermanentFailure(
            "HS-CASS-002",
            f"the secret {TLS_SECRET} has no {', '.join(missing)}",
            where=where,
            hint=f"cert-manager fills it: {kubectl} describe certificate apigee-cassandra-default says what keeps it",
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_verify_locations(cadata=_content(secret["ca.crt"]).decode())
        with (
            _anonymous(_content(secret["tls.crt"])) as certificate,
            _anonymous(_content(secret["tls.key"])) as key,
        ):
            context.load_cert_chain(certificate, key)
    except (ssl.SSLError, ValueError) as error:
        raise PermanentFailure(
            "HS-CASS-002",
            f"the secret {TLS_SECRET} holds no usable certificate",
            where=where,
            why=str(error),
            hint=f"delete the secret, and cert-manager issues it anew; {kubectl} describe certificate"
            " apigee-cassandra-default says what keeps it",
        ) from error
    return context


def _content(value: Secret | bytes) -> bytes:
    return value.reveal().encode() if isinstance(value, Secret) else value


@contextmanager
def _anonymous(content: bytes) -> Iterator[str]:
    """A path to memory of this process that holds the content: OpenSSL reads certificates from paths only."""
    descriptor = os.memfd_create("tls", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
