"""How two regions' overrides differ: what must not, what contradicts the topology, and the difference as a person reads it.

What may differ is a list; whatever else differs between two regions is refused, with the difference.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any, Final

from hybridspan.apigee.clear_secrets import masked, secrets_in
from hybridspan.apigee.document import EditableText
from hybridspan.apigee.document_nodes import Path
from hybridspan.apigee.federation import MAY_DIFFER as ACCOUNTS
from hybridspan.apigee.federation import audience_of
from hybridspan.apigee.overrides_edits import declared, is_relative_path
from hybridspan.topology.model import Region

_MAY_DIFFER: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"instanceID",
        r"namespace",
        r"k8sCluster\.(name|region)",
        r"gcp\.region",
        # Each cluster is an identity provider of its own.
        r"gcp\.federatedWorkloadIdentity\.audience",
        r"cassandra\.(multiRegionSeedHost|datacenter|rack|replicaCount)",
        r"cassandra\.storage\..*",
        r"(.*\.)?nodeSelector\..*",
        r"(.*\.)?(replicaCount|replicaCountMin|replicaCountMax)",
    )
)


def disallowed(source: EditableText, own: EditableText, first: FilePath, path: FilePath) -> tuple[str, ...]:
    """What differs between two regions' documents and must not, one sentence each."""
    ours, theirs = _by_path(source, first.parent), _by_path(own, path.parent)
    secret = {s.path for document in (source, own) for s in secrets_in(document)}
    found = []
    for key in _unlike(ours, theirs, source):
        name = ".".join(key)
        if key in secret:
            found.append(f"{name} differs from the first region's")
        else:
            found.append(f"{name} is {_shown(theirs, key)}, in the first region {_shown(ours, key)}")
    return tuple(found)


def unlike(source: EditableText, own: EditableText, first: FilePath, path: FilePath) -> Iterator[Path]:
    """Keys in which two regions' documents differ and must not."""
    return _unlike(_by_path(source, first.parent), _by_path(own, path.parent), source)


def _unlike(ours: Mapping[Path, Any], theirs: Mapping[Path, Any], source: EditableText) -> Iterator[Path]:
    may_differ = (*_MAY_DIFFER, ACCOUNTS) if audience_of(source) else _MAY_DIFFER
    for key in dict.fromkeys([*ours, *theirs]):
        if ours.get(key) != theirs.get(key) and not any(p.fullmatch(".".join(key)) for p in may_differ):
            yield key


def _by_path(document: EditableText, folder: FilePath) -> dict[Path, Any]:
    return {
        s.path: os.path.normpath(folder / s.value) if is_relative_path(s.path, s.value) else s.value
        for s in document.scalars()
    }


def _shown(values: Mapping[Path, Any], key: Path) -> str:
    return repr(values[key]) if key in values else "not set"


def against_topology(own: EditableText, region: Region) -> tuple[str, ...]:
    """Where a new region's document contradicts the topology file, one sentence each."""
    found = [
        f"{'.'.join(path)} is {own.value(*path)!r}, the topology says {value!r}"
        for path, value in declared(region).items()
        if own.value(*path) is not None and own.value(*path) != value
    ]
    if not own.value("cassandra", "datacenter"):
        found.append("cassandra.datacenter is not set")
    return tuple(found)


def diff(source: EditableText, own: EditableText, first: FilePath, path: FilePath) -> str:
    """The unified difference of two regions' files, secrets masked."""
    old, new = masked(source).splitlines(), masked(own).splitlines()
    return "\n".join(difflib.unified_diff(old, new, first.name, path.name, lineterm="", n=1))
