"""Where a lab keeps what: one home folder a lab, 0700, gone with `lab down`."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LONGEST_SOCKET: Final = 60
"""Bytes of the sockets' folder that leave room for their names below the kernel's limit of 107."""


def default_home() -> Path:
    """HYBRIDSPAN_LAB_HOME, or ~/.hybridspan/lab."""
    return Path(os.environ.get("HYBRIDSPAN_LAB_HOME") or Path.home() / ".hybridspan" / "lab").absolute()


@dataclass(frozen=True, slots=True)
class Places:
    """The folders and files of one lab."""

    home: Path

    @property
    def record(self) -> Path:
        """What the running lab says of itself: pid, ports, topology."""
        return self.home / "lab.json"

    @property
    def marker(self) -> Path:
        """A file that says: this folder is a lab's, and may be removed with it."""
        return self.home / "hybridspan-lab"

    @property
    def log(self) -> Path:
        return self.home / "world.log"

    @property
    def example(self) -> Path:
        """The working copy of the packaged example, for a lab that was given no topology."""
        return self.home / "example"

    @property
    def arm(self) -> Path:
        return self.home / "arm"

    @property
    def authority(self) -> Path:
        """Certificate of the CA of the lab's servers on this machine: Resource Manager and registry."""
        return self.arm / "ca.pem"

    @property
    def network_names(self) -> Path:
        """Mount point of the file system that only the lab sees: names of network namespaces."""
        return self.home / "ns"

    @property
    def clusters(self) -> Path:
        return self.home / "clusters"

    @property
    def disk_limits(self) -> Path:
        """Claims whose volumes are to be too small: `cluster/claim` → bytes."""
        return self.home / "disk-limits.json"

    @property
    def first_seeds(self) -> Path:
        """Whom the nodes of a further region of the estate call first: cluster → address."""
        return self.home / "first-seeds.json"

    @property
    def contexts(self) -> Path:
        """Folder of kubeconfigs with one context each."""
        return self.home / "contexts"

    @property
    def wishes(self) -> Path:
        """What the lab asks of the Apigee controllers of all clusters."""
        return self.home / "wishes.json"

    @property
    def kubeconfig(self) -> Path:
        """The person's kubeconfig: every cluster, contexts named as the clusters."""
        return self.home / "kubeconfig"

    @property
    def bundle(self) -> Path:
        """The authorities that this machine trusts, and the lab's own."""
        return self.home / "ca-bundle.pem"

    @property
    def client_secret(self) -> Path:
        return self.home / "client-secret"

    @property
    def bin(self) -> Path:
        """Programs for the person's PATH."""
        return self.home / "bin"

    @property
    def charts(self) -> Path:
        """The Helm charts, each unpacked; only where the topology's installer is helm."""
        return self.home / "charts"

    @property
    def helm(self) -> Path:
        """What helm keeps for itself: caches, settings, plugins."""
        return self.home / "helm"

    @property
    def azure_config(self) -> Path:
        return self.home / "azure-cli"

    @property
    def sockets(self) -> Path:
        """Folder of the unix sockets, with a path that is short enough whatever the home's is."""
        inside = self.home / "run"
        if len(os.fsencode(inside)) <= LONGEST_SOCKET:
            return inside
        name = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:10]
        return Path(tempfile.gettempdir()) / f"hybridspan-lab-{name}"

    @property
    def control(self) -> Path:
        return self.sockets / "control.sock"
