"""What `lab up` is asked for, and what of it cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hybridspan.errors import InputError
from hybridspan.topology.model import Topology
from hybridspan_lab.network.mode import Wish
from hybridspan_lab.parts.cassandra import USUAL
from hybridspan_lab.world.places import default_home

SystemKeyspaces = Literal["installed", "simple"]


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What `up` is to make."""

    topology: Path | None = None
    """Topology file whose first regions exist already; None for the packaged two-regions example."""
    home: Path = field(default_factory=default_home)
    system_keyspaces: SystemKeyspaces = "installed"
    """How system_auth and the other two start: as an installation has them, or as Cassandra's own defaults."""
    network: Wish | None = None
    """Real networks in namespaces, the fall-back on loopback, or what the kernel gives; None for the environment's wish."""
    regions: int = 1
    """How many of the topology's regions exist, joined to one ring."""
    cassandra: str = USUAL
    """The line of Cassandra's releases that its nodes run: 4.0, or 3.11 as apigeectl ships it."""
    bare: bool = False
    """Only the Azure stand-in, without an existing estate."""

    def check(self, topology: Topology) -> None:
        """Raises InputError HS-LAB-036 for an estate that cannot be."""
        if topology.installer == "helm" and self.cassandra != USUAL:
            raise InputError(
                "HS-LAB-036",
                f"Cassandra {self.cassandra} comes with apigeectl alone, and the topology says installer: helm",
                where=str(topology.path),
                hint="leave out --cassandra, or take a topology with installer: apigeectl",
            )
        names = [region.cluster.name.lower() for region in topology.regions]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InputError(
                "HS-LAB-036",
                f"two clusters of the topology are called {twice}",
                where=str(topology.path),
                why="the lab writes one kubeconfig, in which contexts are named as the clusters",
                hint="rehearse on a copy of the file in which each has a name of its own, in its overrides as well",
            )
        if not 1 <= self.regions <= len(topology.regions):
            raise InputError(
                "HS-LAB-036",
                f"{self.regions} regions are to exist, and the topology has {len(topology.regions)}",
                where=str(topology.path),
                hint="name a number of its regions with --regions",
            )
        if self.regions > 1 and self.system_keyspaces == "simple":
            raise InputError(
                "HS-LAB-036",
                "several regions cannot exist with Cassandra's own defaults",
                why="system_auth on SimpleStrategy has one replica, in whatever data center: logins fail in the others",
                hint="leave out --system-keyspaces simple, or start with one region",
            )
