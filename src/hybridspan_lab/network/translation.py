"""Source address translation of a node, in the namespace of the calling thread."""

from __future__ import annotations

from typing import Final

from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.nftables.expressions import genex, masq
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
    try:
        with NFTables(nfgen_family=2) as nft:
            nft.table("add", name=TABLE)
            nft.chain("add", table=TABLE, name=CHAIN, hook="postrouting", type="nat", policy=1, priority=100)
            nft.rule("add", table=TABLE, chain=CHAIN, expressions=(leaves_by(device), masq()))
    except NetlinkError as error:
        raise PermanentFailure(
            "HS-LAB-035",
            "this kernel translates no addresses, and pods of overlay and kubenet leave with their node's",
            where=f"interface {device} of a node",
            why=f"nftables answers: {error}",
            hint="load the modules nf_tables, nft_chain_nat and nft_masq, or rehearse with network plugin azure",
        ) from error


def leaves_by(device: str) -> list[dict[str, object]]:
    """Matches the name of the interface that a packet leaves by."""
    name = device.encode().ljust(NAME_LENGTH, b"\0")
    return [
        genex("meta", {"key": INTERFACE, "dreg": 1}),
        genex("cmp", {"sreg": 1, "op": 0, "data": {"attrs": [("NFTA_DATA_VALUE", name)]}}),
    ]
