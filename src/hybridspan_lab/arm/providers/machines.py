"""Virtual machine sizes and their quota, as AKS checks them before it makes nodes."""

from __future__ import annotations

import re
from typing import Final

from hybridspan_lab.arm.documents import Document, Documents
from hybridspan_lab.arm.errors import bad_request

SIZE: Final = re.compile(r"Standard_([BDEFL])(\d+)([a-z]*)_v([2-6])", re.IGNORECASE)
OLD_SIZE: Final = re.compile(r"Standard_DS?([1-5])_v2", re.IGNORECASE)
CORES: Final = (2, 4, 8, 16, 20, 32, 48, 64, 96)
LISTED: Final = tuple(f"Standard_{family}{cores}s_v5" for family in "DE" for cores in (2, 4, 8, 16, 32))


def cores(size: str) -> int | None:
    """Virtual CPUs of a size; None for a size that does not exist."""
    if old := OLD_SIZE.fullmatch(size):
        return int(2 ** (int(old[1]) - 1))
    found = SIZE.fullmatch(size)
    number = int(found[2]) if found else 0
    return number if number in CORES else None


def check_size(size: str, location: str) -> None:
    """ArmError 400 for a size that the location has not."""
    if cores(size) is None:
        message = (
            f"The VM size of {size} is not allowed in your subscription in location '{location}'. The available VM "
            f"sizes are '{','.join(LISTED)}'. For more details, please visit https://aka.ms/cpu-quota."
        )
        raise bad_request("BadRequest", message, target="agentPoolProfile.vmSize")


def used(documents: Documents, subscription: str, location: str, but: str = "") -> int:
    """Virtual CPUs of all agent pools of a subscription in a location, but those below the key `but`."""
    total = 0
    for key, document in documents.items():
        if not key.startswith(f"/subscriptions/{subscription.lower()}/") or "/agentpools/" not in key:
            continue
        cluster = documents.get(key.rsplit("/", 2)[0])
        if cluster is not None and cluster["location"] == location and (not but or not key.startswith(but)):
            total += wanted(document)
    return total


def wanted(pool: Document) -> int:
    """Virtual CPUs of a pool."""
    return int(pool["properties"]["count"]) * (cores(pool["properties"]["vmSize"]) or 0)


def check_quota(left: int, requested: int, location: str) -> None:
    """ArmError 400 when the pools need more than is left."""
    if requested > left:
        message = (
            f"Insufficient regional vcpu quota left for location {location}. left regional vcpu quota {left}, "
            f"requested quota {requested}. If you want to increase the quota, please follow this instruction: "
            "https://learn.microsoft.com/en-us/azure/quotas/view-quotas."
        )
        raise bad_request("ErrCode_InsufficientVCPUQuota", message)


def usage_document(taken: int, limit: int) -> Document:
    """The regional quota as Compute's `usages` lists it."""
    return {
        "limit": limit,
        "unit": "Count",
        "currentValue": taken,
        "name": {"value": "cores", "localizedValue": "Total Regional vCPUs"},
    }


def sku_document(size: str, location: str, zones: tuple[str, ...]) -> Document:
    """A size as Compute's `skus` lists it."""
    number = cores(size) or 0
    memory = number * (8 if "_E" in size else 4)
    return {
        "resourceType": "virtualMachines",
        "name": size,
        "tier": "Standard",
        "size": size.removeprefix("Standard_"),
        "family": f"standard{size[9]}Sv5Family",
        "locations": [location],
        "locationInfo": [{"location": location, "zones": list(zones), "zoneDetails": []}],
        "capabilities": [
            {"name": "vCPUs", "value": str(number)},
            {"name": "MemoryGB", "value": str(memory)},
            {"name": "PremiumIO", "value": "True"},
        ],
        "restrictions": [],
    }
