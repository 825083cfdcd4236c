"""What the lab asks of the controller: a config map that only the lab writes."""

from __future__ import annotations

from hybridspan_lab.apigee import names
from hybridspan_lab.apigee.watching import Cluster


async def read(cluster: Cluster) -> dict[str, str]:
    """Its entries, none where it is not there."""
    found = await cluster.api.find("/api/v1", "configmaps", names.LAB_OPTIONS, names.LAB_NAMESPACE)
    return dict((found or {}).get("data") or {})
