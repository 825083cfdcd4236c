"""The files of an installation: what its overrides point at (service-account keys, ingress certificates), and the overrides
of a further region.

In a rehearsal nothing checks them against Google or a browser, but they must exist: apigeectl refuses to go on without them,
and the new region needs the same ones. A file that is there is never touched.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from hybridspan.topology.model import Region
from hybridspan_lab.controlplane.authority import self_signed

LONGEST_LINE: Final = 4096
"""Lines of a person's file are not broken anew."""


def complete(overrides: Path) -> list[Path]:
    """Makes the missing files beside the overrides file; returns those that it made."""
    document = YAML(typ="safe").load(overrides.read_text())
    made = [file for file in _accounts(document) if _write_account(overrides.parent / file)]
    made += [pair[0] for pair in _certificates(document) if _write_pair(overrides.parent, *pair)]
    return [overrides.parent / file for file in made]


def credentials(overrides: Path) -> str:
    """Name of the secret that holds the passwords of Cassandra's users; empty where none is named."""
    cassandra = YAML(typ="safe").load(overrides.read_text()).get("cassandra") or {}
    return str((cassandra.get("auth") or {}).get("secret") or "")


def derive(first: Region, region: Region) -> Path:
    """Writes a further region's overrides from the first one's, where there are none; returns their path."""
    if region.overrides.exists():
        return region.overrides
    editor = YAML()
    editor.preserve_quotes = True
    editor.width = LONGEST_LINE
    editor.indent(mapping=2, sequence=4, offset=2)
    document = editor.load(first.overrides.read_text())
    if instance := document.get("instanceID"):
        _set(document, "instanceID", f"{str(instance).removesuffix(first.name)}{region.name}")
    if "namespace" in document:
        _set(document, "namespace", region.namespace)
    _set(document["k8sCluster"], "name", region.cluster.name)
    _set(document["cassandra"], "datacenter", region.datacenter)
    _set(document["cassandra"], "rack", region.rack)
    document["cassandra"]["replicaCount"] = region.cassandra_nodes
    with region.overrides.open("w") as stream:
        editor.dump(document, stream)
    return region.overrides


def _set(mapping: dict[str, Any], key: str, value: str) -> None:
    """In the quotes that the old value has, if it is there."""
    old = mapping.get(key)
    mapping[key] = type(old)(value) if isinstance(old, str) else value


def _accounts(value: Any, key: str = "") -> Iterator[Path]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _accounts(inner, "serviceAccountPath" if key == "serviceAccountPaths" else str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _accounts(inner)
    elif key == "serviceAccountPath" and value:
        yield Path(str(value))


def _certificates(document: dict[str, Any]) -> Iterator[tuple[Path, Path]]:
    for host in document.get("virtualhosts") or []:
        if host.get("sslCertPath") and host.get("sslKeyPath"):
            yield Path(host["sslCertPath"]), Path(host["sslKeyPath"])


def _write_account(file: Path) -> bool:
    if file.exists():
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    account = {
        "type": "service_account",
        "project_id": "rehearsal",
        "client_email": f"{file.stem}@rehearsal.invalid",
    }
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
        json.dump(account, stream, indent=2)
    return True


def _write_pair(folder: Path, certificate: Path, key: Path) -> bool:
    if (folder / certificate).exists():
        return False
    for file in (certificate, key):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
    self_signed(folder / certificate, folder / key, f"{certificate.stem}.rehearsal.invalid")
    return True
