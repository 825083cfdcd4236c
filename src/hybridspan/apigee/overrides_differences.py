"""How two regions' overrides differ: what must not, what contradicts the topology, and the difference as a person reads or redoes it.

What may differ is a list; whatever else differs between two regions is refused, with the difference.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, Final

from hybridspan.apigee.document import EditableText, Path
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
_SECRET_KEY: Final = re.compile(r"password|secretkey|privatekey|token", re.IGNORECASE)


def disallowed(source: EditableText, own: EditableText, first: FilePath, path: FilePath) -> tuple[str, ...]:
    """What differs between two regions' documents and must not, one sentence each."""
    ours, theirs = _by_path(source, first.parent), _by_path(own, path.parent)
    may_differ = (*_MAY_DIFFER, ACCOUNTS) if audience_of(source) else _MAY_DIFFER
    found = []
    for key in dict.fromkeys([*ours, *theirs]):
        name = ".".join(key)
        if ours.get(key) == theirs.get(key) or any(p.fullmatch(name) for p in may_differ):
            continue
        if _SECRET_KEY.search(name):
            found.append(f"{name} differs from the first region's")
        else:
            found.append(f"{name} is {_shown(theirs, key)}, in the first region {_shown(ours, key)}")
    return tuple(found)


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
    """The unified difference of two regions' files, passwords masked."""
    lines = difflib.unified_diff(
        _masked(source.text), _masked(own.text), first.name, path.name, lineterm="", n=1
    )
    return "\n".join(lines)


def _masked(text: str) -> list[str]:
    return [
        re.sub(r"(?i)((?:password|token|privatekey)[^:]*:\s*).+", r"\1***", line)
        for line in text.splitlines()
    ]


def edit(source: EditableText, own: EditableText, first: FilePath, path: FilePath) -> str:
    """A sed command line that makes one region's file from the first's."""
    old, new = source.text.splitlines(), own.text.splitlines()
    script: list[str] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "delete":
            script.append(f"{i1 + 1},{i2}d")
        elif tag != "equal":
            text = "\\\n".join(line.replace("\\", "\\\\") for line in new[j1:j2])
            script.append(f"{i1}a\\\n{text}" if tag == "insert" else f"{i1 + 1},{i2}c\\\n{text}")
    expressions = " ".join(f"-e {shlex.quote(part)}" for part in script)
    return f"sed {expressions} {shlex.quote(str(first))} > {shlex.quote(str(path))}"
