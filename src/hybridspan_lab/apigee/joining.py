"""What an installation of a further region waits for and asks of those that run already; the world knows how."""

from __future__ import annotations

from typing import Protocol

from hybridspan_lab.kubeapi import KubeApi


class Joining(Protocol):
    """What a further region gets from those that run already."""

    async def give(self, api: KubeApi) -> None:
        """Copies what all regions share, the authority among it, into the new cluster."""

    async def open(self) -> None:
        """Returns when the new nodes have somebody to call."""

    async def widen(self, api: KubeApi) -> None:
        """Makes the keyspaces live in the new data center too; all its nodes are in the ring."""
