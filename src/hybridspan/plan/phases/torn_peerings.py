"""What a torn peering had: kept from before it is deleted until its pair is whole again.

Between the two a run may be killed or refused, and nobody can see any more what somebody had chosen for it. There is nothing secret in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from hybridspan.facts.azure import NetworkFacts
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region


@dataclass(frozen=True, slots=True)
class TornSide:
    """One direction as it was."""

    name: str
    body: Mapping[str, Any]
    """The document that makes it again, with its options."""

    def to_document(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return {"name": self.name, "body": dict(self.body)}

    @classmethod
    def read(cls, kept: Mapping[str, Any] | None) -> Self | None:
        """From what the journal keeps under `torn_key`, if it keeps anything."""
        return cls(kept["name"], kept["body"]) if kept else None

    def is_free_in(self, network: NetworkFacts) -> bool:
        """Whether its name can be given again: meanwhile a peering to another network may have got it."""
        return all(p.name.lower() != self.name.lower() for p in network.peerings)


def waits_for_the_other(torn: TornSide | None) -> bool:
    """Whether a direction is made after its counterpart: who uses the other's gateways is refused until that one is there and allows it.

    One that has never been (None) uses nobody's.
    """
    return torn is not None and bool(torn.body["properties"].get("useRemoteGateways"))


def torn_key(network_id: str, remote_id: str) -> str:
    """The journal's key for a direction; by the networks' ids, because a region of the file may come to name another network."""
    return f"torn-peering/{network_id}+{remote_id}".lower()


def torn_key_of(local: Region, remote: Region) -> str:
    """The same for a direction between two regions."""
    return torn_key(azure_ids.network_id(local), azure_ids.network_id(remote))
