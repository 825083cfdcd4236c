"""The one right that a cluster needs beside its own: to use its subnet, for internal load balancers.

`az aks create` gives it as well. Who may not give rights gets the cluster all the same, as with az, and is told.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final

from hybridspan.azure.calls import ArmCalls, Document
from hybridspan.azure.clients import AzureClients
from hybridspan.azure.rest import get_all
from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure
from hybridspan.facts import azure_bodies as bodies
from hybridspan.facts import azure_versions as api_versions
from hybridspan.progress import Progress
from hybridspan.topology.model import Region

NO_RIGHT: Final = "HS-AZURE-002"
UNKNOWN_IDENTITY: Final = "HS-AZURE-025"
"""What the directory says of an identity that has not reached all of it."""


class Grants:
    """Gives a cluster's identity its role on its subnet."""

    def __init__(self, clients: Callable[[str], AzureClients], calls: ArmCalls) -> None:
        self._clients = clients
        self._calls = calls

    async def ensure(
        self, region: Region, cluster: Document | None, subnet_id: str, progress: Progress
    ) -> None:
        """Network Contributor on the subnet; no failure where that right cannot be given, or is there."""
        principal = ((cluster or {}).get("identity") or {}).get("principalId")
        if not principal:
            return
        assignment = assignment_id(subnet_id, principal)
        body = bodies.grant(region, principal)

        def begin() -> Any:
            resources = self._clients(region.subscription).resources.resources
            # Written at once. Following it would read it, which is a right of its own.
            return resources.begin_create_or_update_by_id(
                assignment, body, api_version=api_versions.AUTHORIZATION, polling=False
            )

        async def once() -> None:
            await self._calls.write("PUT", assignment, begin, progress)

        try:
            await self._calls.persist(once, progress)
        except HybridspanError as failure:
            if "RoleAssignmentExists" in failure.why:
                return
            if isinstance(failure, TemporaryFailure) and failure.code != UNKNOWN_IDENTITY:
                raise
            progress(
                f"{region.cluster.name} may not use its subnet for internal load balancers until an owner gives its "
                f"identity Network Contributor there: {failure.why}",
                None,
                {"error": failure.to_document()},
            )

    async def is_missing(self, principal: str, subnet_id: str) -> bool:
        """Whether nobody gave that identity any role on the subnet, or above it; False where that may not be asked."""
        path = f"{subnet_id}/providers/Microsoft.Authorization/roleAssignments"
        only = {"$filter": f"principalId eq '{principal}'"}

        def call() -> Any:
            return get_all(
                self._clients(subnet_id.split("/")[2]).rest, path, api_versions.AUTHORIZATION, only
            )

        try:
            document = await self._calls.read(call, path)
        except PermanentFailure as failure:
            if failure.code != NO_RIGHT:
                raise
            return False
        scopes = [str(d["properties"]["scope"]).rstrip("/") for d in (document or {}).get("value") or ()]
        return not any(f"{subnet_id}/".lower().startswith(f"{scope}/".lower()) for scope in scopes)


def assignment_id(scope: str, principal: str) -> str:
    """The same assignment has the same name, however often it is asked for."""
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{scope.lower()}|{principal.lower()}|{bodies.NETWORK_CONTRIBUTOR}")
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
