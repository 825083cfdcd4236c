"""Peerings' documents: what they may say, and what they know of the other side."""

from __future__ import annotations

from typing import Final

from hybridspan_lab.arm.documents import Document
from hybridspan_lab.arm.errors import wrong_value
from hybridspan_lab.arm.paths import same

FLAGS: Final = {
    "allowVirtualNetworkAccess": True,
    "allowForwardedTraffic": False,
    "allowGatewayTransit": False,
    "useRemoteGateways": False,
    "doNotVerifyRemoteGateways": False,
    "peerCompleteVnets": True,
}


def check_flags(given: Document) -> None:
    """ArmError 400 for an option that is neither true nor false."""
    for name in FLAGS:
        if not isinstance(given.get(name, False), bool):
            raise wrong_value(f"properties.{name}", given[name], "Boolean")


def remote_id(peering: Document) -> str:
    """The id of the network on the other side."""
    return str(peering["properties"]["remoteVirtualNetwork"]["id"])


def synced(peering: Document) -> list[str]:
    """The other side's address space as it was when last synced."""
    return list(peering["properties"]["remoteAddressSpace"]["addressPrefixes"])


def sync_level(*, own_known: bool, remote_known: bool) -> str:
    """The level of a side, from whether each network's present ranges are known on the other side."""
    return {
        (True, True): "FullyInSync",
        (True, False): "RemoteNotInSync",
        (False, True): "LocalNotInSync",
        (False, False): "LocalAndRemoteNotInSync",
    }[own_known, remote_known]


def changes_peering(given: Document, kept: Document) -> bool:
    """Whether a peering's properties, given within its network's, say anything but what it has."""
    remote = (given.get("remoteVirtualNetwork") or {}).get("id")
    space = (given.get("remoteAddressSpace") or {}).get("addressPrefixes")
    return (
        (remote is not None and not same(remote, kept["remoteVirtualNetwork"]["id"]))
        or (space is not None and set(space) != set(kept["remoteAddressSpace"]["addressPrefixes"]))
        or any(name in given and bool(given[name]) != kept[name] for name in FLAGS)
    )
