"""Token ranges: who owns which, which nodes together own all, and what a progress record covers.

Only Murmur3, the partitioner that every installation since Cassandra 1.2 has by default. Placement follows
NetworkTopologyStrategy: around the ring, one replica a rack before a second one in any.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

LOWEST: Final = -(2**63)
HIGHEST: Final = 2**63 - 1


class TokenRange(NamedTuple):
    """`(left, right]`; where right is not above left it wraps around the ring's end."""

    left: int
    right: int

    def spans(self) -> list[tuple[int, int]]:
        """The same as one or two ranges that do not wrap."""
        if self.left < self.right:
            return [(self.left, self.right)]
        return [span for span in ((self.left, HIGHEST), (LOWEST, self.right)) if span[0] < span[1]]

    def text(self) -> str:
        return f"({self.left},{self.right}]"


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """A ring member with its tokens."""

    address: str
    datacenter: str
    rack: str
    tokens: tuple[int, ...]


def replicas(
    owners: Sequence[TokenOwner], datacenter: str, factor: int
) -> Mapping[TokenRange, tuple[str, ...]]:
    """For every range of the ring the addresses of that data center that hold it."""
    ring = sorted((token, owner) for owner in owners for token in owner.tokens) if owners else []
    members = [owner for owner in owners if owner.datacenter == datacenter and owner.tokens]
    racks = len({owner.rack for owner in members})
    placed: dict[TokenRange, tuple[str, ...]] = {}
    for position, (token, _) in enumerate(ring):
        around = [owner for _, owner in ring[position:] + ring[:position] if owner.datacenter == datacenter]
        chosen = _walk(around, min(factor, len(members)), factor - racks)
        placed[TokenRange(ring[position - 1][0], token)] = chosen
    return placed


def primaries(owners: Sequence[TokenOwner], datacenters: Collection[str]) -> Mapping[TokenRange, str]:
    """For every range of the ring the node whose primary it is: the first around the ring of a data center that holds it.

    Empty where none of these data centers has a node.
    """
    ring = sorted((token, owner.address, owner.datacenter) for owner in owners for token in owner.tokens)
    found: dict[TokenRange, str] = {}
    for position, (token, _, _) in enumerate(ring):
        around = ring[position:] + ring[:position]
        first = next((address for _, address, datacenter in around if datacenter in datacenters), "")
        found[TokenRange(ring[position - 1][0], token)] = first
    return found


def _walk(around: Iterable[TokenOwner], wanted: int, spare: int) -> tuple[str, ...]:
    """The first owners of distinct racks; `spare` of them may repeat a rack that is already taken."""
    chosen: list[str] = []
    racks: set[str] = set()
    for owner in around:
        if len(chosen) >= wanted:
            break
        if owner.address in chosen:
            continue
        if owner.rack in racks:
            if spare <= 0:
                continue
            spare -= 1
        racks.add(owner.rack)
        chosen.append(owner.address)
    return tuple(chosen)


def owned(placed: Mapping[TokenRange, tuple[str, ...]], address: str) -> tuple[TokenRange, ...]:
    """The ranges that the address holds."""
    return tuple(r for r, addresses in placed.items() if address in addresses)


def covering(placed: Mapping[TokenRange, tuple[str, ...]]) -> tuple[str, ...]:
    """Few addresses that together hold every range: the one with most of the missing ranges first."""
    missing = {r for r, addresses in placed.items() if addresses}
    candidates = sorted({address for addresses in placed.values() for address in addresses})
    chosen: list[str] = []
    while missing:
        best = max(candidates, key=lambda a: sum(1 for r in missing if a in placed[r]))
        chosen.append(best)
        missing = {r for r in missing if best not in placed[r]}
    return tuple(chosen)


def uncovered(wanted: Collection[TokenRange], having: Iterable[TokenRange]) -> tuple[TokenRange, ...]:
    """The wanted ranges that the others together do not contain whole."""
    merged = _merged(span for r in having for span in r.spans())
    return tuple(
        r for r in wanted if not all(any(lo <= s[0] and s[1] <= hi for lo, hi in merged) for s in r.spans())
    )


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


_RANGE = struct.Struct(">iiqiq")


def decode_range(content: bytes) -> TokenRange:
    """A range as `system.available_ranges_v2` keeps it: kind, then both tokens with their lengths.

    ValueError for anything else, such as another partitioner's tokens.
    """
    if len(content) != _RANGE.size:
        raise ValueError(f"a Murmur3 range has {_RANGE.size} bytes, this one {len(content)}")
    _, left_size, left, right_size, right = _RANGE.unpack(content)
    if (left_size, right_size) != (8, 8):
        raise ValueError("not a range of Murmur3 tokens")
    return TokenRange(left, right)


def parse_range(text: str) -> TokenRange:
    """`(left,right]` as Cassandra's messages and repair tables write it."""
    left, right = text.strip().strip("(]").split(",")
    return TokenRange(int(left), int(right))
