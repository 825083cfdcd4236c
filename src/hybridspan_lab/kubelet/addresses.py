"""Addresses of one subnet, handed out as Azure does it."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network


class AddressesExhausted(Exception):
    """The subnet has no free address left."""


class AddressPool:
    """Hands out addresses in turn, so that a new pod does not soon get the address of one that has just gone.

    Azure keeps the first four addresses and the last one of every subnet.
    """

    def __init__(self, subnet: IPv4Network, taken: Iterable[str] = (), first: int = 0) -> None:
        """`taken` are nodes' addresses; handing out begins with the usable address number `first`."""
        self._usable = [subnet[number] for number in range(4, subnet.num_addresses - 1)]
        self._taken = {IPv4Address(address) for address in taken}
        self._next = first

    def take(self) -> str:
        """The next free address; raises AddressesExhausted when there is none."""
        for step in range(len(self._usable)):
            place = (self._next + step) % len(self._usable)
            if self._usable[place] not in self._taken:
                self._next = place + 1
                self._taken.add(self._usable[place])
                return str(self._usable[place])
        raise AddressesExhausted("no address is left in the subnet")

    def hold(self, address: str) -> bool:
        """Takes one certain address, for a pod that had it before the kubelet's restart; False if it is taken."""
        wanted = IPv4Address(address)
        if wanted in self._taken or wanted not in self._usable:
            return False
        self._taken.add(wanted)
        return True

    def give_back(self, address: str) -> None:
        self._taken.discard(IPv4Address(address))
