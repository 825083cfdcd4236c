"""Source address translation, in the namespace of the calling thread: of a node, and of a network's router for pods with
addresses of the network, whose nodes show others their own.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.nftables.expressions import genex, ipv4addr, masq
from pyroute2.nftables.main import NFTables

from hybridspan.errors import PermanentFailure

TABLE: Final = "node"
CHAIN: Final = "outwards"
INTERFACE: Final = 7
"""The kernel's number for "name of the outgoing interface" (NFT_META_OIFNAME)."""
NAME_LENGTH: Final = 16


def translate_source(device: str) -> None:
    """Gives what is handed on and leaves by `device` that interface's own address.

    PermanentFailure HS-LAB-035 where the kernel has no nftables or no address translation.
    """
    with _tables(f"interface {device} of a node") as nft:
        _add_chain(nft, CHAIN)
        nft.rule("add", table=TABLE, chain=CHAIN, expressions=(leaves_by(device), masq()))


def show_as(address: str, node: str | None, devices: str) -> None:
    """What a pod with that address begins, and what leaves by an interface whose name begins so, shows its node's address.

    Whoever had the address before is forgotten; without a node it is shown as it is. PermanentFailure HS-LAB-035 as above.
    """
    with _tables(f"pod {address}") as nft:
        nft.table("add", name=TABLE)
        try:
            nft.chain("del", table=TABLE, name=address)
        except NetlinkError as error:
            if error.code != errno.ENOENT:
                raise
        if node is not None:
            _add_chain(nft, address)
            shown = (ipv4addr(src=address), leaves_by(devices, exactly=False), _source(node))
            nft.rule("add", table=TABLE, chain=address, expressions=shown)


@contextmanager
def _tables(where: str) -> Iterator[Any]:
    try:
        with NFTables(nfgen_family=2) as nft:
            yield nft
    except NetlinkError as error:
        raise PermanentFailure(
            "HS-LAB-035",
            "this kernel translates no addresses, and pods leave with their node's",
            where=where,
            why=f"nftables answers: {error}",
            hint="load the modules nf_tables, nft_chain_nat, nft_nat and nft_masq, or rehearse with network plugin azure",
        ) from error


def _add_chain(nft: Any, name: str) -> None:
    nft.table("add", name=TABLE)
    nft.chain("add", table=TABLE, name=name, hook="postrouting", type="nat", policy=1, priority=100)


def leaves_by(device: str, *, exactly: bool = True) -> list[dict[str, object]]:
    """Matches the name of the interface that a packet leaves by, or its beginning."""
    name = device.encode().ljust(NAME_LENGTH if exactly else 0, b"\0")
    return [
        genex("meta", {"key": INTERFACE, "dreg": 1}),
        genex("cmp", {"sreg": 1, "op": 0, "data": {"attrs": [("NFTA_DATA_VALUE", name)]}}),
    ]


def _source(address: str) -> list[dict[str, object]]:
    """Gives a packet that source address."""
    value = {"attrs": [("NFTA_DATA_VALUE", socket.inet_aton(address))]}
    return [
        genex("immediate", {"dreg": 1, "data": value}),
        genex("nat", {"type": 0, "family": 2, "reg_addr_min": 1}),
    ]
