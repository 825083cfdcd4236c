"""Virtual machine sizes and their quota, as AKS checks them before it makes nodes."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from hybridspan_lab.arm.documents import Document, Documents
from hybridspan_lab.arm.errors import bad_request

SIZE: Final = re.compile(r"Standard_([BDEFL])(\d+)([a-z]*)_v([2-7])", re.IGNORECASE)
OLD_SIZE: Final = re.compile(r"Standard_DS?(1?[1-5])_v2", re.IGNORECASE)
BURSTABLE: Final = re.compile(r"Standard_B(2|4|8|12|16|20)m?s", re.IGNORECASE)
"""Of the first generation, whose names have no version."""
CORES: Final = (2, 4, 8, 16, 20, 32, 48, 64, 80, 96)
OLD_CORES: Final = {1: 1, 2: 2, 3: 4, 4: 8, 5: 16, 11: 2, 12: 4, 13: 8, 14: 16, 15: 20}
LISTED: Final = tuple(f"Standard_{family}{cores}s_v5" for family in "DE" for cores in (2, 4, 8, 16, 32))


Restricted = tuple[tuple[str, str], ...]
"""Sizes and locations, in lower case."""


def cores(size: str) -> int | None:
    """Virtual CPUs of a size; None for a size that does not exist."""
    if old := OLD_SIZE.fullmatch(size):
        return OLD_CORES[int(old[1])]
    if burstable := BURSTABLE.fullmatch(size):
        return int(burstable[1])
    found = SIZE.fullmatch(size)
    number = int(found[2]) if found else 0
    return number if number in CORES else None


def check_size(size: str, location: str, restricted: Restricted = ()) -> None:
    """ArmError 400 for a size that the location has not, or that the subscription may not have there."""
    if cores(size) is None or (size.lower(), location) in restricted:
        message = (
            f"The VM size of {size} is not allowed in your subscription in location '{location}'. The available VM "
            f"sizes are '{','.join(LISTED)}'. For more details, please visit https://aka.ms/cpu-quota."
        )
        raise bad_request("BadRequest", message, target="agentPoolProfile.vmSize")


def used(documents: Documents, subscription: str, location: str, but: str = "") -> Counter[str]:
    """Virtual CPUs by family of all agent pools of a subscription in a location, but those below the key `but`."""
    total: Counter[str] = Counter()
    for key, document in documents.items():
        if not key.startswith(f"/subscriptions/{subscription.lower()}/") or "/agentpools/" not in key:
            continue
        cluster = documents.get(key.rsplit("/", 2)[0])
        if cluster is not None and cluster["location"] == location and (not but or not key.startswith(but)):
            total[family(document["properties"]["vmSize"])] += wanted(document)
    return total


def family(size: str) -> str:
    """The family of a size, as quotas and lists of sizes name it: `standardDSv5Family`."""
    if OLD_SIZE.fullmatch(size):
        return f"standardD{'S' if 'ds' in size.lower() else ''}v2Family"
    if BURSTABLE.fullmatch(size):
        return "standardBSFamily"
    found = SIZE.fullmatch(size)
    return f"standard{(found[1] + found[3]).upper()}v{found[4]}Family" if found else ""


def wanted(pool: Document) -> int:
    """Virtual CPUs of a pool."""
    return int(pool["properties"]["count"]) * (cores(pool["properties"]["vmSize"]) or 0)


def check_quota(pools: list[Document], taken: Counter[str], limits: tuple[int, int], location: str) -> None:
    """ArmError 400 when the pools need more than is left of the region's quota, or of a family's (`limits`)."""
    requested: Counter[str] = Counter()
    for pool in pools:
        requested[family(pool["properties"]["vmSize"])] += wanted(pool)
    _check_left("regional vcpu quota", limits[0] - taken.total(), requested.total(), location)
    for name, number in requested.items():
        _check_left(f"vcpu quota for family {name}", limits[1] - taken[name], number, location)


def _check_left(what: str, left: int, requested: int, location: str) -> None:
    if requested > left:
        message = (
            f"Insufficient {what} left for location {location}. left {what} {left}, requested quota {requested}. If "
            "you want to increase the quota, please follow this instruction: "
            "https://learn.microsoft.com/en-us/azure/quotas/view-quotas."
        )
        raise bad_request("ErrCode_InsufficientVCPUQuota", message)


def usage_documents(taken: Counter[str], limits: tuple[int, int]) -> list[Document]:
    """The quotas as Compute's `usages` lists them: the region's, then each family's."""
    families = sorted({family(size) for size in LISTED} | set(taken))
    rows = [("cores", "Total Regional vCPUs", taken.total(), limits[0])]
    rows += [(name, f"{name} vCPUs", taken[name], limits[1]) for name in families]
    return [
        {
            "limit": limit,
            "unit": "Count",
            "currentValue": current,
            "name": {"value": name, "localizedValue": words},
        }
        for name, words, current, limit in rows
    ]


def sku_document(size: str, location: str, zones: tuple[str, ...], restricted: Restricted = ()) -> Document:
    """A size as Compute's `skus` lists it."""
    number = cores(size) or 0
    memory = number * (8 if "_E" in size else 4)
    return {
        "resourceType": "virtualMachines",
        "name": size,
        "tier": "Standard",
        "size": size.removeprefix("Standard_"),
        "family": family(size),
        "locations": [location],
        "locationInfo": [{"location": location, "zones": list(zones), "zoneDetails": []}],
        "capabilities": [
            {"name": "vCPUs", "value": str(number)},
            {"name": "MemoryGB", "value": str(memory)},
            {"name": "PremiumIO", "value": "True"},
        ],
        "restrictions": [_restriction(location)] if (size.lower(), location) in restricted else [],
    }


def _restriction(location: str) -> Document:
    return {
        "type": "Location",
        "values": [location],
        "restrictionInfo": {"locations": [location]},
        "reasonCode": "NotAvailableForSubscription",
    }
