"""An overrides file as it lies beside the topology: its values with their lines, and the files that it names.

Read only, to compare it with the topology and with the other regions'; editing one is the work of `hybridspan.apigee`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybridspan.topology.model import Region
from hybridspan.topology.problems import Problem, TopologyError
from hybridspan.topology.source import KeyPath, SourceMap, read_source

DEFAULTS: dict[KeyPath, Any] = {
    ("namespace",): "apigee",
    ("cassandra", "clusterName"): "apigeecluster",
    ("cassandra", "datacenter"): "dc-1",
    ("cassandra", "rack"): "ra-1",
    ("cassandra", "replicaCount"): 1,
    ("cassandra", "hostNetwork"): False,
    ("cassandra", "port"): 9042,
}
"""What Apigee takes for a key that is not there."""


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that the overrides name, such as a certificate."""

    path: KeyPath
    name: str
    exists: bool


@dataclass(frozen=True, slots=True)
class DeclaredOverrides:
    """One region's overrides file; `value` is None where there is none, or none that can be read."""

    file: Path
    value: dict[str, Any] | None
    where: SourceMap
    named_files: tuple[NamedFile, ...] = ()
    broken: tuple[Problem, ...] = ()

    @property
    def is_absent(self) -> bool:
        return self.value is None and not self.broken

    def declared(self, path: KeyPath) -> Any:
        """The value at a path, Apigee's default where the key is missing, None where there is neither."""
        node: Any = self.value
        for part in path:
            node = node.get(part) if isinstance(node, dict) else None
        return DEFAULTS.get(path) if node is None else node


def read_overrides(region: Region) -> DeclaredOverrides:
    """The region's overrides file; what is wrong with it is in the value, nothing is raised."""
    file = region.overrides
    # os.path, unlike Path, answers False to names that no file can have.
    nowhere = SourceMap(file)
    if not os.path.exists(file):
        return DeclaredOverrides(file, None, nowhere)
    try:
        source = read_source(file)
    except TopologyError as failure:
        return DeclaredOverrides(file, None, nowhere, broken=failure.problems)
    if not isinstance(source.value, dict):
        message = "the overrides hold no mapping"
        problem = Problem("HS-TOPOLOGY-002", "error", file, 1, "", message, remedy="restore the file")
        return DeclaredOverrides(file, None, source.where, broken=(problem,))
    named = tuple(_named_files(source.value, (), file.parent))
    return DeclaredOverrides(file, source.value, source.where, named)


def _named_files(node: Any, path: KeyPath, folder: Path) -> Iterator[NamedFile]:
    """Values of keys such as `sslCertPath`, and those inside `serviceAccountPaths`."""
    if isinstance(node, dict):
        for key, child in node.items():
            yield from _named_files(child, (*path, key), folder)
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _named_files(child, (*path, index), folder)
    elif isinstance(node, str) and node and _names_a_file(path):
        yield NamedFile(path, node, os.path.exists(folder / node))


def _names_a_file(path: KeyPath) -> bool:
    return any(isinstance(part, str) and part.endswith(("Path", "Paths")) for part in path[-2:])
