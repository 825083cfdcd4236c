"""Overrides files: what a region's says beside the first region's, read and written whole.

A new region's are the first region's, with nothing changed but what regions differ in. Texts are edited in place, so comments,
order and spacing of the person's file stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any, Final

from hybridspan.apigee.clear_secrets import passwords_in
from hybridspan.apigee.document import CannotEdit, EditableText, NotAMapping
from hybridspan.apigee.document_nodes import Path
from hybridspan.apigee.federation import audience_of, credential_files
from hybridspan.apigee.overrides_command import edit
from hybridspan.apigee.overrides_differences import against_topology, diff, disallowed, unlike
from hybridspan.apigee.overrides_edits import SEED, derive, files_for_charts, with_seed
from hybridspan.apigee.quantities import quantity
from hybridspan.errors import PermanentFailure
from hybridspan.facts.overrides import OverridesFacts
from hybridspan.topology.model import Installer, Region, Topology

_REFERENCES: Final = frozenset({"secret", "sslSecret", "serviceAccountRef"})
_SIZES: Final = ("capacity", "storageSize")
"""Keys of `cassandra.storage` for a volume's size: apigeectl's, which the charts still heed first, and the charts' own."""
_CHARTS_SIZE: Final = "10Gi"
"""What Apigee's charts ask for where the overrides name no size."""


def says_host_network(topology: Topology) -> bool:
    """Whether the first region's file has Cassandra on its machines' addresses; all others are made from it."""
    return overrides_facts(topology, topology.first).host_network


def overrides_facts(topology: Topology, region: Region) -> OverridesFacts:
    """What a region's file says beside the first region's; a file that cannot be used is a `problem`, not a failure."""
    path, first, installer = region.overrides, topology.first.overrides, topology.installer
    source = _read(first)
    if isinstance(source, str):
        return OverridesFacts(str(path), path.exists(), source)
    if region.name == topology.first.name:
        return _facts_of(path, source, True, "", "", (), installer)
    if not path.exists():
        wanted = _derived(source, topology, region)
        if isinstance(wanted, str):
            return OverridesFacts(str(path), False, wanted)
        return _facts_of(
            path,
            wanted,
            False,
            diff(source, wanted, first, path),
            edit(source, wanted, first, path),
            (),
            installer,
        )
    own = _read(path)
    if isinstance(own, str):
        return OverridesFacts(str(path), True, own)
    wrong = disallowed(source, own, first, path) + against_topology(own, region)
    found = _facts_of(path, own, True, diff(source, own, first, path), "", wrong, installer)
    return replace(found, seed_problem=_seed_problem(path, own))


def _seed_problem(path: FilePath, document: EditableText) -> str:
    try:
        with_seed(document, "192.0.2.1")
    except CannotEdit as error:
        return f"{path}:{error.line}: {error}"
    return ""


def _facts_of(
    path: FilePath,
    document: EditableText,
    exists: bool,
    difference: str,
    command: str,
    wrong: tuple[str, ...],
    installer: Installer,
) -> OverridesFacts:
    storage = document.value("cassandra", "storage") or {}
    size, place = volume_size(storage, installer)
    return OverridesFacts(
        path=str(path),
        exists=exists,
        seed=document.value(*SEED),
        diff=difference,
        edit=command,
        disallowed=wrong,
        secrets=secrets_named(document),
        storage_class=storage.get("storageClass") or storage.get("storageclass"),
        storage_bytes=size,
        storage_place=place,
        host_network=bool(document.value("cassandra", "hostNetwork")),
        environments=_names(document.value("envs")),
        virtual_hosts=_names(document.value("virtualhosts")),
        federation=audience_of(document),
        credential_files=credential_files(document, path.parent),
        files=files_for_charts(document, path.parent),
        passwords=passwords_in(document),
    )


def volume_size(storage: Mapping[str, Any], installer: Installer) -> tuple[int | None, str]:
    """Bytes of each Cassandra node's volume, None where nothing says, and what says so; of apigeectl no default is known."""
    for key in _SIZES if installer == "helm" else _SIZES[:1]:
        if storage.get(key):
            return quantity(storage[key]), f"cassandra.storage.{key} in its overrides"
    if installer == "helm":
        return quantity(
            _CHARTS_SIZE
        ), "cassandra.storage.storageSize, which its overrides leave at the charts' default"
    return None, ""


def _names(entries: Any) -> tuple[str, ...]:
    """Names in a list such as `envs`."""
    found = entries if isinstance(entries, list) else []
    return tuple(str(e["name"]) for e in found if isinstance(e, dict) and e.get("name"))


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
        raise _unusable(found)
    return found


def _unusable(where: str) -> PermanentFailure:
    hint = "correct the file (or its place in the topology file), then run apply again"
    return PermanentFailure("HS-APIGEE-010", "an overrides file cannot be used", where=where, hint=hint)


def edited(path: FilePath, change: Callable[[EditableText], EditableText]) -> EditableText:
    """A file's document with that change; PermanentFailure where it cannot be read, or not be changed in its place."""
    try:
        return change(read(path))
    except CannotEdit as error:
        raise _unusable(f"{path}:{error.line}: {error}") from error


def derived(topology: Topology, region: Region) -> EditableText:
    """A new region's document, made from the first one's; PermanentFailure where it cannot be."""
    found = _derived(read(topology.first.overrides), topology, region)
    if isinstance(found, str):
        raise _unusable(found)
    return found


def _derived(source: EditableText, topology: Topology, region: Region) -> EditableText | str:
    """The new region's document, or why it cannot be made from the first one's."""
    first = topology.first.overrides
    try:
        wanted = derive(source, topology, region)
        with_seed(wanted, "192.0.2.1")
    except CannotEdit as error:
        return f"{first}:{error.line}: {error}"
    for key in unlike(source, wanted, first, region.overrides):
        why = "is an alias of what each region has of its own, and must be the same everywhere: write its value out"
        return f"{first}:{source.line(*key)}: {'.'.join(key)} {why}"
    return wanted


def document_of(
    topology: Topology, region: Region, change: Callable[[EditableText], EditableText] = lambda found: found
) -> EditableText:
    """The region's overrides as they are, or as the run would write them, with a change of their seed."""
    if region.overrides.exists():
        return edited(region.overrides, change)
    return change(derived(topology, region))


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


def write(path: FilePath, document: EditableText, like: FilePath) -> None:
    """Write the document whole or not at all, with the mode of another file: overrides may hold passwords."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.touch(mode=0o600)
    temporary.chmod(0o600)
    temporary.write_text(document.text)
    temporary.chmod(like.stat().st_mode & 0o777)
    temporary.replace(path)
