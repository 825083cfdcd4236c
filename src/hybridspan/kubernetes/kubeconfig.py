"""Kubeconfig documents: which contexts the person has, and one context taken out of them, complete in itself.

A document of one context carries its certificates inside, so that it works from any folder and no other context can be
reached by mistake.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hybridspan.errors import InputError

Document = dict[str, Any]

_EMBEDDED = ("certificate-authority", "client-certificate", "client-key")


def has_context(name: str) -> bool:
    """Whether the person's own kubeconfig (KUBECONFIG or ~/.kube/config) has a context of that name."""
    return any(name == c.get("name") for path in personal_paths() for c in _named(_read(path), "contexts"))


def personal_paths() -> tuple[Path, ...]:
    """The person's kubeconfig files that exist, in the order in which kubectl reads them."""
    declared = os.environ.get("KUBECONFIG", "")
    paths = [Path(p).expanduser() for p in declared.split(os.pathsep) if p] or [Path.home() / ".kube/config"]
    return tuple(p for p in paths if p.is_file())


def one_context(paths: tuple[Path, ...], context: str | None) -> Document:
    """The context (None: the current one) with its cluster and user; InputError where a part is missing."""
    where = ", ".join(str(p) for p in paths) or "no kubeconfig file"
    entries = [(path, _read(path)) for path in paths]
    name = context or next((d["current-context"] for _, d in entries if d.get("current-context")), None)
    if not name:
        raise _unusable(where, "it has no current context")
    body = _find(entries, "contexts", name, where)["context"]
    cluster = _find(entries, "clusters", body["cluster"], where)
    user = _find(entries, "users", body["user"], where) if body.get("user") else None
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": dict(body)}],
        "clusters": [cluster],
        "users": [user] if user else [],
    }


def authority_of(path: Path) -> str:
    """The authority of the current context of that file, as it stands there; empty where it names none."""
    return _authority(one_context((path,), None))


def context_with_authority(names: Sequence[str], authority: str) -> str | None:
    """The first of these contexts of the person's whose cluster has that authority: it is the same cluster."""
    for name in names:
        if authority and has_context(name) and _authority(one_context(personal_paths(), name)) == authority:
            return name
    return None


def _authority(document: Document) -> str:
    return str(document["clusters"][0]["cluster"].get("certificate-authority-data") or "").strip()


def _find(entries: list[tuple[Path, Document]], section: str, name: str, where: str) -> Document:
    """The first entry of that name, as kubectl merges files, with the files it names put inside."""
    singular = section.removesuffix("s")
    for path, document in entries:
        for entry in _named(document, section):
            if entry.get("name") == name:
                return {"name": name, singular: _embed(entry.get(singular) or {}, path.parent, where)}
    raise _unusable(where, f"it has no entry {name!r} under {section}")


def _embed(body: Mapping[str, Any], folder: Path, where: str) -> Document:
    embedded = dict(body)
    for key in _EMBEDDED:
        if reference := embedded.pop(key, None):
            if f"{key}-data" in embedded:
                continue
            try:
                content = (folder / reference).read_bytes()
            except OSError as error:
                raise _unusable(where, f"{key} {reference} cannot be read: {error.strerror}") from error
            embedded[f"{key}-data"] = base64.b64encode(content).decode()
    if token_file := embedded.get("tokenFile"):
        embedded["tokenFile"] = str(folder / token_file)
    return embedded


def _named(document: Document, section: str) -> list[Document]:
    return [entry for entry in document.get(section) or [] if isinstance(entry, dict)]


def _read(path: Path) -> Document:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        document = YAML(typ="safe", pure=True).load(path.read_text())
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise _unusable(str(path), str(error).splitlines()[0]) from error
    return document if isinstance(document, dict) else {}


def _unusable(where: str, why: str) -> InputError:
    hint = "az aks get-credentials --name CLUSTER --resource-group GROUP writes a working one"
    return InputError("HS-KUBE-009", "the kubeconfig cannot be used", where=where, why=why, hint=hint)
