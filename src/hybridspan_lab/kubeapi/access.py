"""Where an API server is and how to show who one is, from a kubeconfig or from inside a pod."""

from __future__ import annotations

import base64
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hybridspan_lab.kubeapi.answers import ApiError, Document
from hybridspan_lab.podroot import in_pod

SERVICE_ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"


@dataclass(frozen=True, slots=True)
class Access:
    """Where an API server is and how to show who one is."""

    server: str
    tls: ssl.SSLContext
    token: str = ""
    token_file: Path | None = None

    def headers(self) -> dict[str, str]:
        # A projected token is renewed on disk, so it is read for every request.
        token = self.token_file.read_text().strip() if self.token_file else self.token
        return {"Authorization": f"Bearer {token}"} if token else {}


def read_service_account() -> Access:
    """The cluster that this pod runs in, as its service account."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    account = in_pod(SERVICE_ACCOUNT)
    tls = ssl.create_default_context(cafile=str(account / "ca.crt"))
    return Access(f"https://{host}:{port}", tls, token_file=account / "token")


def read_kubeconfig(path: Path, context: str | None = None) -> Access:
    """Server, CA and client certificate or token of one context."""
    from ruamel.yaml import YAML

    document = YAML(typ="safe", pure=True).load(path.read_text())
    chosen = named(document["contexts"], context or document["current-context"])["context"]
    cluster = named(document["clusters"], chosen["cluster"])["cluster"]
    user = named(document["users"], chosen["user"])["user"]
    tls = ssl.create_default_context(
        cadata=(material(cluster, "certificate-authority") or b"").decode() or None
    )
    certificate, key = material(user, "client-certificate"), material(user, "client-key")
    if certificate and key:
        load_certificate(tls, certificate, key)
    return Access(str(cluster["server"]).rstrip("/"), tls, token=str(user.get("token", "")))


def named(entries: list[Document], name: str) -> Document:
    """The entry of that name; ApiError where the kubeconfig has none."""
    for entry in entries:
        if entry["name"] == name:
            return entry
    raise ApiError(0, "Kubeconfig", f"the kubeconfig has no entry named {name}")


def material(entry: Document, name: str) -> bytes | None:
    """PEM bytes of a kubeconfig field that is given inline or as a file."""
    if inline := entry.get(f"{name}-data"):
        return base64.b64decode(inline)
    if file := entry.get(name):
        return Path(file).read_bytes()
    return None


def load_certificate(tls: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Loads a client certificate that exists only in memory; ssl takes file names, so a memory file lends one."""
    fd = os.memfd_create("client")
    try:
        os.write(fd, certificate + b"\n" + key)
        tls.load_cert_chain(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)
