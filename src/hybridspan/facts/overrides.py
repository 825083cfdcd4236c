"""A region's overrides file as last read, beside the first region's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OverridesFacts:
    """The file that the installer reads; for a new region without one, what it will be."""

    path: str
    exists: bool
    problem: str = ""
    """Why it (or the first region's) cannot be used as it is, or empty."""
    seed: str | None = None
    """`cassandra.multiRegionSeedHost` in the file."""
    seed_problem: str = ""
    """Why a region's own file, as it is, can take no seed, with its line; or empty."""
    diff: str = ""
    """Unified diff against the first region's file, passwords masked; empty for the first region."""
    edit: str = ""
    """The same differences as a sed command line that makes the file from the first region's; empty where the file is there."""
    disallowed: tuple[str, ...] = ()
    """Differences that no two regions may have, one sentence each."""
    secrets: frozenset[str] = frozenset()
    """Names of Kubernetes secrets that it refers to."""
    storage_class: str | None = None
    storage_bytes: int | None = None
    """Size of each Cassandra node's volume, where the file says, or the charts do."""
    storage_place: str = ""
    """The key that says so and where it stands, in words."""
    host_network: bool = False
    environments: tuple[str, ...] = ()
    virtual_hosts: tuple[str, ...] = ()
    """Names of environment groups."""
    federation: str = ""
    """The audience of workload identity federation where it is used, or empty."""
    credential_files: tuple[tuple[str, str], ...] = ()
    """Credential configurations that it names by path, each with the identity provider that it is for."""
    files: tuple[str, ...] = ()
    """Files that it names by relative paths, which Helm looks for in the folder of a chart."""
    passwords: tuple[str, ...] = ()
    """Keys that hold a password in clear."""
