"""The overrides of a new region: the first region's, with nothing changed but what regions differ in.

What may differ is a list; whatever else differs between two regions is refused, with the difference. Texts are edited in
place, so comments, order and spacing of the person's file stay.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, Final

from hybridspan.apigee.document import EditableText, NotAMapping, Path
from hybridspan.apigee.federation import MAY_DIFFER as ACCOUNTS
from hybridspan.apigee.federation import audience_of, credential_files
from hybridspan.apigee.gcp_regions import NEAREST
from hybridspan.apigee.quantities import quantity
from hybridspan.errors import PermanentFailure
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.topology.model import Region, Topology

SEED: Final[Path] = ("cassandra", "multiRegionSeedHost")

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
_CLEAR_SECRET: Final = re.compile(
    r"password$|(?:private|secret|encryption)key$|hashsalt$|^token$", re.IGNORECASE
)
_REFERENCES: Final = frozenset({"secret", "sslSecret", "serviceAccountRef"})


def says_host_network(topology: Topology) -> bool:
    """Whether the first region's file has Cassandra on its machines' addresses; all others are made from it."""
    return overrides_facts(topology, topology.first).host_network


def overrides_facts(topology: Topology, region: Region) -> OverridesFacts:
    """What a region's file says beside the first region's; a file that cannot be used is a `problem`, not a failure."""
    path, first = region.overrides, topology.first.overrides
    source = _read(first)
    if isinstance(source, str):
        return OverridesFacts(str(path), path.exists(), source)
    if region.name == topology.first.name:
        return _facts_of(path, source, True, "", "", ())
    wanted = derive(source, topology, region)
    if not path.exists():
        return _facts_of(
            path, wanted, False, diff(source, wanted, first, path), edit(source, wanted, first, path), ()
        )
    own = _read(path)
    if isinstance(own, str):
        return OverridesFacts(str(path), True, own)
    wrong = disallowed(source, own, first, path) + against_topology(own, region)
    return _facts_of(path, own, True, diff(source, own, first, path), edit(source, own, first, path), wrong)


def _facts_of(
    path: FilePath,
    document: EditableText,
    exists: bool,
    difference: str,
    command: str,
    wrong: tuple[str, ...],
) -> OverridesFacts:
    storage = document.value("cassandra", "storage") or {}
    return OverridesFacts(
        path=str(path),
        exists=exists,
        seed=document.value(*SEED),
        diff=difference,
        edit=command,
        disallowed=wrong,
        secrets=secrets_named(document),
        storage_class=storage.get("storageClass") or storage.get("storageclass"),
        storage_bytes=quantity(storage.get("capacity")),
        host_network=bool(document.value("cassandra", "hostNetwork")),
        environments=_names(document.value("envs")),
        virtual_hosts=_names(document.value("virtualhosts")),
        federation=audience_of(document),
        credential_files=credential_files(document, path.parent),
        passwords=passwords_in(document),
    )


def _names(entries: Any) -> tuple[str, ...]:
    """Names in a list such as `envs`."""
    found = entries if isinstance(entries, list) else []
    return tuple(str(e["name"]) for e in found if isinstance(e, dict) and e.get("name"))


def passwords_in(document: EditableText) -> tuple[str, ...]:
    """Keys whose values are secrets themselves, in clear; references to Kubernetes secrets are none."""
    return tuple(
        ".".join(s.path)
        for s in document.scalars()
        if _CLEAR_SECRET.search(s.path[-1]) and isinstance(s.value, str) and s.value
    )


def _read(path: FilePath) -> EditableText | str:
    """The document, or why there is none."""
    try:
        return EditableText(path.read_text())
    except FileNotFoundError:
        return f"{path} does not exist"
    except (OSError, UnicodeDecodeError, NotAMapping) as error:
        return f"{path} cannot be read: {error}"


def read(path: FilePath) -> EditableText:
    """The document of a file; PermanentFailure where it cannot be read."""
    found = _read(path)
    if isinstance(found, str):
        hint = "correct the file (or its place in the topology file), then run apply again"
        raise PermanentFailure("HS-APIGEE-010", "an overrides file cannot be used", where=found, hint=hint)
    return found


def document_of(topology: Topology, region: Region) -> EditableText:
    """The region's overrides as they are, or as the run would write them."""
    if region.overrides.exists():
        return read(region.overrides)
    return derive(read(topology.first.overrides), topology, region)


def derive(source: EditableText, topology: Topology, region: Region) -> EditableText:
    """The first region's document with the new region's own values; no seed: that is chosen later."""
    first = topology.first
    values: dict[Path, Any] = {
        ("cassandra", "datacenter"): str(region.datacenter),
        ("cassandra", "rack"): region.rack,
        ("cassandra", "replicaCount"): region.cassandra_nodes,
        ("k8sCluster", "name"): region.cluster.name,
        ("namespace",): region.namespace,
    }
    if instance := source.value("instanceID"):
        values["instanceID",] = _own_instance(str(instance), first, region)
    nearest = NEAREST.get(region.name)
    if nearest and source.value("k8sCluster", "region"):
        values["k8sCluster", "region"] = nearest
    values |= _moved_paths(source, first.overrides, region.overrides)
    result = source.without(*SEED)
    for path, value in values.items():
        if result.value(*path) != value and (path[0] in _top(source) or path[0] == "namespace"):
            result = result.with_value(path, value)
    return result


def _top(document: EditableText) -> frozenset[str]:
    return frozenset(s.path[0] for s in document.scalars())


def _own_instance(instance: str, first: Region, region: Region) -> str:
    for old, new in ((first.cluster.name, region.cluster.name), (str(first.name), str(region.name))):
        if old in instance:
            return instance.replace(old, new)
    return f"{instance}-{region.name}"


def _is_path(path: Path, value: Any) -> bool:
    named = path[-1].endswith("Path") or any(part.endswith("Paths") for part in path)
    return named and isinstance(value, str) and bool(value) and not os.path.isabs(value)


def _moved_paths(source: EditableText, first: FilePath, own: FilePath) -> dict[Path, Any]:
    """Relative paths of certificates and keys as they must read in the new file's folder."""
    if first.parent == own.parent:
        return {}
    return {
        s.path: os.path.relpath(first.parent / s.value, own.parent)
        for s in source.scalars()
        if _is_path(s.path, s.value)
    }


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
        s.path: os.path.normpath(folder / s.value) if _is_path(s.path, s.value) else s.value
        for s in document.scalars()
    }


def _shown(values: Mapping[Path, Any], key: Path) -> str:
    return repr(values[key]) if key in values else "not set"


def against_topology(own: EditableText, region: Region) -> tuple[str, ...]:
    """Where a new region's document contradicts the topology file, one sentence each."""
    expected: dict[Path, Any] = {
        ("cassandra", "datacenter"): str(region.datacenter),
        ("cassandra", "rack"): region.rack,
        ("cassandra", "replicaCount"): region.cassandra_nodes,
        ("namespace",): region.namespace,
        ("k8sCluster", "name"): region.cluster.name,
    }
    found = [
        f"{'.'.join(path)} is {own.value(*path)!r}, the topology says {value!r}"
        for path, value in expected.items()
        if own.value(*path) is not None and own.value(*path) != value
    ]
    if not own.value("cassandra", "datacenter"):
        found.append("cassandra.datacenter is not set")
    return tuple(found)


def secrets_named(document: EditableText) -> frozenset[str]:
    """Names of Kubernetes secrets that the document refers to."""
    return frozenset(
        s.value for s in document.scalars() if isinstance(s.value, str) and s.value and _refers(s.path)
    )


def _refers(path: Path) -> bool:
    held_by = path[-2] if len(path) > 1 else ""
    pulled = path[0] == "imagePullSecrets" and path[-1] == "name"
    return (
        pulled or path[-1] in _REFERENCES or path[-1].endswith("SecretRef") or held_by.endswith("SecretRefs")
    )


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


def with_host_network(document: EditableText) -> EditableText:
    """`cassandra.hostNetwork: true`, the rest as it stands."""
    if document.value("cassandra", "hostNetwork") is True:
        return document
    return document.with_value(("cassandra", "hostNetwork"), True)


def with_seed(document: EditableText, address: str) -> EditableText:
    """The document with that seed."""
    return document.with_value(SEED, address)


def without_seed(document: EditableText) -> EditableText:
    """The document with no seed."""
    return document.without(*SEED)


def write(path: FilePath, document: EditableText, like: FilePath) -> None:
    """Write the document whole or not at all, with the mode of another file: overrides may hold passwords."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.touch(mode=0o600)
    temporary.chmod(0o600)
    temporary.write_text(document.text)
    temporary.chmod(like.stat().st_mode & 0o777)
    temporary.replace(path)
