"""Kubeconfig files, written whole: certificates inside, readable by their owner alone."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def client_entry(
    cluster: str, user: str, server: str, authority: Path, pair: tuple[Path, Path]
) -> dict[str, Any]:
    """A kubeconfig with one context, named as the cluster."""
    certificate, key = pair
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": cluster,
                "cluster": {"server": server, "certificate-authority-data": _encoded(authority)},
            }
        ],
        "users": [
            {
                "name": user,
                "user": {"client-certificate-data": _encoded(certificate), "client-key-data": _encoded(key)},
            }
        ],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": user}}],
        "current-context": cluster,
    }


def write(path: Path, document: dict[str, Any]) -> Path:
    """Replaces the file at once (0600), so that no reader sees half of it."""
    text = io.StringIO()
    YAML(typ="safe", pure=True).dump(document, text)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text.getvalue())
    partial.replace(path)
    return path


def write_context(source: Path, context: str, target: Path) -> Path:
    """Writes a kubeconfig with nothing but that context of another one; raises KeyError where it has none of that name."""
    document = YAML(typ="safe", pure=True).load(source.read_text())
    chosen = _named(document["contexts"], context)
    parts = {
        "contexts": [chosen],
        "clusters": [_named(document["clusters"], chosen["context"]["cluster"])],
        "users": [_named(document["users"], chosen["context"]["user"])],
    }
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return write(target, {"apiVersion": "v1", "kind": "Config", **parts, "current-context": context})


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for entry in entries:
        if entry["name"] == name:
            return entry
    raise KeyError(name)


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
