"""What each Apigee hybrid release consists of.

The live system is asked first wherever it can be; this table answers before there is a live system, and says which
pairings of installer and release exist at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hybridspan.topology.model import Installer, ReplicationWay, Topology


@dataclass(frozen=True, slots=True)
class Release:
    """Facts of one minor release, such as 1.11."""

    minor: str
    installers: tuple[Installer, ...]
    """The first is the usual one."""
    cassandra: str
    """Cassandra's release line: `3.11` or `4.0`."""
    pod_prefix: str
    """Cassandra's StatefulSet; a pod is this and its ordinal."""
    has_preview_repair: bool
    """Whether `nodetool repair --preview` exists: without it the data can be replicated, not proved."""

    def pod(self, ordinal: int) -> str:
        """Name of a Cassandra pod."""
        return f"{self.pod_prefix}-{ordinal}"


def _release(minor: str, installers: tuple[Installer, ...], cassandra: str) -> Release:
    # The names with `default` came with 1.3; releases before that are not in the table.
    return Release(
        minor=minor,
        installers=installers,
        cassandra=cassandra,
        pod_prefix="apigee-cassandra-default",
        has_preview_repair=cassandra.startswith("4"),
    )


RELEASES: Final[tuple[Release, ...]] = (
    *(_release(f"1.{n}", ("apigeectl",), "3.11") for n in range(3, 10)),
    _release("1.10", ("apigeectl", "helm"), "3.11"),
    _release("1.11", ("apigeectl", "helm"), "3.11"),
    *(_release(f"1.{n}", ("helm",), "4.0") for n in range(12, 18)),
)


def release_of(hybrid_version: str) -> Release | None:
    """The release that a version such as `1.11.2` belongs to, or None where the table does not know it."""
    minor = ".".join(hybrid_version.split("-", maxsplit=1)[0].split(".")[:2])
    return next((release for release in RELEASES if release.minor == minor), None)


def usual_installer(hybrid_version: str) -> Installer:
    """What a version is installed with where nothing else is said; Helm for releases that are not known yet."""
    release = release_of(hybrid_version)
    return release.installers[0] if release else "helm"


FIRST_WITH_HELM_HERE: Final = (1, 12)
"""From here on Helm is the only installer, and hybridspan knows how to add a region with it."""
FIRST_SUPPORTED: Final = (1, 14)
"""The oldest release that Google still supports."""


def minor_of(hybrid_version: str) -> tuple[int, int]:
    """`1.16.0` → (1, 16); the shape of the file lets nothing else pass."""
    major, minor = hybrid_version.split("-", maxsplit=1)[0].split(".")[:2]
    return int(major), int(minor)


@dataclass(frozen=True, slots=True)
class Replicator:
    """Who copies the data into a new region, and why."""

    way: ReplicationWay
    reason: str

    @property
    def is_resource(self) -> bool:
        return self.way == "resource"


def replication_of(topology: Topology) -> Replicator:
    """What the file says, else what fits the installer."""
    if topology.replication is not None:
        return Replicator(topology.replication, f"the topology says replication: {topology.replication}")
    if topology.installer == "helm":
        return Replicator(
            "resource",
            "the operator's own way, which Google's support knows: a CassandraDataReplication; what it reports is proved "
            "afterwards (replication: direct would let hybridspan copy by itself)",
        )
    return Replicator("direct", "apigeectl's procedure has the data copied by nodetool rebuild, node by node")
