"""What the lab's network should be: values without any input or output."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

Direction = Literal["Inbound", "Outbound"]
Protocol = Literal["tcp", "udp", "icmp", "any"]
PortRange = tuple[int, int]

# Pods take their own ends of connections from here (Linux's default), so answers come back to these ports.
EPHEMERAL: Final[PortRange] = (32768, 60999)


@dataclass(frozen=True, slots=True)
class VNet:
    """One virtual network; `id` is the resource id, `prefixes` its address ranges in CIDR form."""

    id: str
    name: str
    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A peering that carries traffic, both of its directions being Connected."""

    a_id: str
    b_id: str
    known: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """By network: its ranges that the other side knows; without an entry all of them."""

    def ranges(self, vnet: VNet) -> tuple[str, ...]:
        """The ranges of one end to which the other end has routes."""
        return next((found for one, found in self.known if one.lower() == vnet.id.lower()), vnet.prefixes)

    @property
    def ends(self) -> tuple[str, str]:
        """Both networks' ids in a fixed order."""
        return (self.a_id, self.b_id) if self.a_id < self.b_id else (self.b_id, self.a_id)


@dataclass(frozen=True, slots=True)
class Denial:
    """One rule of a network security group (an allowing one too, when `allow` is set).

    `vnet_id` is the network of the subnet that the group guards. `source` and `destination` are CIDR ranges; the
    guarded subnet's side is already narrowed to that subnet. `ports` are destination ranges, both ends included,
    empty for all. The lowest `priority` of a direction decides, as on Azure.
    """

    vnet_id: str
    direction: Direction
    source: str
    destination: str
    protocol: Protocol
    ports: tuple[PortRange, ...]
    priority: int
    allow: bool = False
    source_ports: tuple[PortRange, ...] = ()
    """The other side's ports, empty for all; hardly any rule names them."""


@dataclass(frozen=True, slots=True)
class DesiredNetwork:
    """Everything that the routers should carry."""

    vnets: tuple[VNet, ...] = ()
    links: tuple[Link, ...] = ()
    denials: tuple[Denial, ...] = ()


def short(identity: str, length: int = 10) -> str:
    """A name for what has a long identity: Linux allows an interface 15 characters. Case does not matter to Azure."""
    return hashlib.sha256(identity.lower().encode()).hexdigest()[:length]
