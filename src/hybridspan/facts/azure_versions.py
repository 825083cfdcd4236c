"""The api-versions that we speak, in one table: a new release of an SDK must not change what goes over the wire."""

from __future__ import annotations

from typing import Final

METADATA: Final = "2022-09-01"
RESOURCES: Final = "2024-11-01"
PROVIDERS: Final = "2021-04-01"
NETWORK: Final = "2024-05-01"
CONTAINER_SERVICE: Final = "2025-07-01"
AUTHORIZATION: Final = "2022-04-01"
COMPUTE: Final = "2024-11-01"
COMPUTE_SKUS: Final = "2021-07-01"

BY_TYPE: Final = {
    "microsoft.resources/resourcegroups": RESOURCES,
    "microsoft.network/virtualnetworks": NETWORK,
    "microsoft.network/virtualnetworks/subnets": NETWORK,
    "microsoft.network/virtualnetworks/virtualnetworkpeerings": NETWORK,
    "microsoft.network/networksecuritygroups": NETWORK,
    "microsoft.network/networksecuritygroups/securityrules": NETWORK,
    "microsoft.containerservice/managedclusters": CONTAINER_SERVICE,
    "microsoft.containerservice/managedclusters/agentpools": CONTAINER_SERVICE,
    "microsoft.authorization/roleassignments": AUTHORIZATION,
}
"""What each type that we make is written with, by its name in lower case."""
