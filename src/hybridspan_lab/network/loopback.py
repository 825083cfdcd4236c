"""The fall-back without namespaces: every subnet becomes a range of 127.0.0.0/8, and nothing lies between the pods.

Linux takes the whole of 127.0.0.0/8 as its own, so a program may listen on any of these addresses without a right or an
interface. Two labs with the fall-back on one machine would use the same ones.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Final

from hybridspan_lab.network.model import DesiredNetwork

SECOND_OCTETS: Final = range(1, 255)
LONGEST: Final = 16


class LoopbackPlane:
    """Takes the place of the networks' plane: there is nothing to lay, and nothing that could be closed."""

    def apply(self, desired: DesiredNetwork) -> None:
        """Does nothing: peerings and rules have no effect here."""


class LoopbackRanges:
    """Hands each subnet a range: 120.38.1.0/24 becomes 127.120.1.0/24, or the next free second octet."""

    def __init__(self) -> None:
        self._octets: dict[str, int] = {}

    def of(self, owner: str, prefix: str) -> str:
        """The range for a subnet of `owner` (a network's id); the same each time it is asked for."""
        subnet = IPv4Network(prefix)
        octets = subnet.network_address.packed
        second = self._octets.setdefault(f"{owner.lower()} {prefix}", self._free(octets[0]))
        length = max(subnet.prefixlen, LONGEST)
        return str(IPv4Network((bytes((127, second, *octets[2:])), length), strict=False))

    def _free(self, wanted: int) -> int:
        taken = set(self._octets.values())
        candidates: tuple[int, ...] = (wanted, *SECOND_OCTETS)
        return next(n for n in candidates if n in SECOND_OCTETS and n not in taken)
