"""A container's environment variables, from the pod's specification and the objects that it names."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from hybridspan_lab.kubeapi import Document

Lookup = Callable[[str, str], Document | None]
"""Kind (`secret` or `configmap`) and name → the object of the pod's namespace."""


class ReferenceMissing(Exception):
    """The pod names a secret, a config map or a key that is not there (yet)."""


def variables(pod: Document, container: Document, lookup: Lookup, node_address: str) -> dict[str, str]:
    """The variables that the specification asks for, references resolved, `$(NAME)` expanded.

    Raises ReferenceMissing when something named without `optional` does not exist.
    """
    found: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        found.update(whole_source(source, lookup))
    for entry in container.get("env") or []:
        if "valueFrom" in entry:
            value = referenced(pod, container, entry["valueFrom"], lookup, node_address)
            if value is not None:
                found[entry["name"]] = value
        else:
            found[entry["name"]] = expand(entry.get("value") or "", found)
    return found


def expand(text: str, known: Mapping[str, str]) -> str:
    """`$(NAME)` becomes the variable's value, `$$(NAME)` stays as `$(NAME)`; unknown names stay as they are."""

    def replace(match: re.Match[str]) -> str:
        if match.group(0).startswith("$$"):
            return match.group(0)[1:]
        return known.get(match.group(1), match.group(0))

    return re.sub(r"\$?\$\(([\w.\-]+)\)", replace, text)


def whole_source(source: Mapping[str, Any], lookup: Lookup) -> dict[str, str]:
    kind = "secret" if "secretRef" in source else "configmap"
    reference = source.get("secretRef") or source.get("configMapRef") or {}
    data = values(kind, lookup(kind, reference["name"]))
    if data is None:
        if reference.get("optional"):
            return {}
        raise ReferenceMissing(f'{kind} "{reference["name"]}" not found')
    return {source.get("prefix", "") + key: value.decode(errors="replace") for key, value in data.items()}


def referenced(
    pod: Document, container: Document, source: Mapping[str, Any], lookup: Lookup, node_address: str
) -> str | None:
    if "fieldRef" in source:
        return pod_field(pod, source["fieldRef"]["fieldPath"], node_address)
    if "resourceFieldRef" in source:
        return resource_field(container, source["resourceFieldRef"]["resource"])
    kind = "secret" if "secretKeyRef" in source else "configmap"
    reference = source.get("secretKeyRef") or source.get("configMapKeyRef") or {}
    data = values(kind, lookup(kind, reference["name"]))
    if data is None or reference["key"] not in data:
        if reference.get("optional"):
            return None
        missing = f'"{reference["name"]}" not found' if data is None else f"has no key {reference['key']}"
        raise ReferenceMissing(f"{kind} {missing}")
    return data[reference["key"]].decode(errors="replace")


def values(kind: str, document: Document | None) -> dict[str, bytes] | None:
    """Keys and contents of a secret or a config map."""
    if document is None:
        return None
    if kind == "secret":
        return {key: base64.b64decode(value) for key, value in (document.get("data") or {}).items()}
    plain = {key: value.encode() for key, value in (document.get("data") or {}).items()}
    return plain | {key: base64.b64decode(value) for key, value in (document.get("binaryData") or {}).items()}


def pod_field(pod: Document, path: str, node_address: str) -> str:
    """A field that the downward API offers; labels and annotations whole or by key."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    if match := re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path):
        return str((metadata.get(match.group(1)) or {}).get(match.group(2), ""))
    if path in {"metadata.labels", "metadata.annotations"}:
        pairs = metadata.get(path.partition(".")[2]) or {}
        return "\n".join(f'{key}="{value}"' for key, value in sorted(pairs.items()))
    known = {
        "status.hostIP": node_address,
        "status.hostIPs": node_address,
        "status.podIP": status.get("podIP", ""),
        "status.podIPs": status.get("podIP", ""),
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", "default"),
        "spec.nodeName": pod["spec"].get("nodeName", ""),
    }
    return str(known.get(path) or metadata.get(path.removeprefix("metadata."), ""))


def resource_field(container: Document, name: str) -> str:
    """A limit or request in whole units, as the downward API gives it with divisor 1."""
    group, _, resource = name.partition(".")
    quantity = str(((container.get("resources") or {}).get(group) or {}).get(resource, "0"))
    factors = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 1000, "M": 10**6, "G": 10**9, "m": 0.001}
    for suffix, factor in factors.items():
        if quantity.endswith(suffix):
            return str(max(1, int(float(quantity.removesuffix(suffix)) * factor)))
    return quantity
