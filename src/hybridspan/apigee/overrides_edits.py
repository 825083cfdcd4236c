"""What a new region's overrides have of their own, as edits of the first region's text: values, the seed, the host network."""

from __future__ import annotations

import os
from pathlib import Path as FilePath
from typing import Any, Final

from hybridspan.apigee.document import EditableText
from hybridspan.apigee.document_nodes import Path
from hybridspan.apigee.gcp_regions import NEAREST
from hybridspan.topology.model import Region, Topology

SEED: Final[Path] = ("cassandra", "multiRegionSeedHost")


def declared(region: Region) -> dict[Path, Any]:
    """What the topology says of a region that its overrides say too."""
    return {
        ("cassandra", "datacenter"): str(region.datacenter),
        ("cassandra", "rack"): region.rack,
        ("cassandra", "replicaCount"): region.cassandra_nodes,
        ("k8sCluster", "name"): region.cluster.name,
        ("namespace",): region.namespace,
    }


def derive(source: EditableText, topology: Topology, region: Region) -> EditableText:
    """The first region's document with the new region's own values; no seed: that is chosen later.

    CannotEdit where a value of the region's own cannot be written in its place.
    """
    first = topology.first
    values = declared(region)
    if instance := source.value("instanceID"):
        values["instanceID",] = _own_instance(str(instance), first, region)
    nearest = NEAREST.get(region.name)
    if nearest and source.value("k8sCluster", "region"):
        values["k8sCluster", "region"] = nearest
    values |= _moved_paths(source, first.overrides, region.overrides)
    result = source.without(*SEED)
    # Twice, because an alias that was right follows its anchor when that one is edited.
    for path, value in (*values.items(), *values.items()):
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


def is_relative_path(path: Path, value: Any) -> bool:
    """Whether a key names a file relative to the overrides file: a certificate or a key."""
    named = path[-1].endswith("Path") or any(part.endswith("Paths") for part in path)
    return named and isinstance(value, str) and bool(value) and not os.path.isabs(value)


def files_for_charts(document: EditableText, folder: FilePath) -> tuple[str, ...]:
    """Files that are named by relative paths and are there, each once; what lies outside of the folder no chart can hold."""
    names = (s.value for s in document.scalars() if is_relative_path(s.path, s.value))
    inside = (name for name in dict.fromkeys(names) if not os.path.normpath(name).startswith(".."))
    return tuple(name for name in inside if (folder / name).is_file())


def _moved_paths(source: EditableText, first: FilePath, own: FilePath) -> dict[Path, Any]:
    """Relative paths of certificates and keys as they must read in the new file's folder."""
    if first.parent == own.parent:
        return {}
    return {
        s.path: os.path.relpath(first.parent / s.value, own.parent)
        for s in source.scalars()
        if is_relative_path(s.path, s.value)
    }


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
