"""The secrets that an overrides file names: somebody has made them before the charts are installed.

In a rehearsal nothing checks service accounts against Google or certificates in a browser, but they must exist, and a new
region needs the same ones.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hybridspan_lab.apigee.installation import new_credentials, secret
from hybridspan_lab.controlplane.authority import self_signed

Document = dict[str, Any]


def named_in(values: Mapping[str, Any], namespace: str) -> list[Document]:
    """One secret for each name."""
    found = {document["metadata"]["name"]: document for document in _all(values, namespace)}
    return list(found.values())


def _all(values: Mapping[str, Any], namespace: str) -> Iterator[Document]:
    if name := ((values.get("cassandra") or {}).get("auth") or {}).get("secret"):
        yield secret(name, namespace, new_credentials())
    for name in sorted(set(account_names(values))):
        yield secret(name, namespace, {"client_secret.json": _account(name)})
    for host in values.get("virtualhosts") or []:
        if name := host.get("sslSecret"):
            yield secret(name, namespace, _pair(str(host["name"])), "kubernetes.io/tls")


def account_names(value: Any, key: str = "") -> Iterator[str]:
    """Names below `serviceAccountRef` and `serviceAccountSecretRefs`, wherever they are."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            below = key == "serviceAccountSecretRefs"
            yield from account_names(inner, "serviceAccountRef" if below else str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from account_names(inner)
    elif key == "serviceAccountRef" and value:
        yield str(value)


def _account(name: str) -> str:
    account = {
        "type": "service_account",
        "project_id": "rehearsal",
        "client_email": f"{name}@rehearsal.invalid",
    }
    return json.dumps(account, indent=2)


def _pair(host: str) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = Path(folder) / "tls.crt", Path(folder) / "tls.key"
        self_signed(certificate, key, f"{host}.rehearsal.invalid")
        return {"tls.crt": certificate.read_text(), "tls.key": key.read_text()}
