"""Builds the existing estate's part in Azure: regions as their owner made them by hand, some time ago.

It goes through the lab's own Resource Manager over HTTPS, as the portal or `az` would.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any, Final, Self

import aiohttp

from hybridspan.errors import PermanentFailure
from hybridspan.secrets import Secret
from hybridspan.topology import azure_ids
from hybridspan.topology.model import Region
from hybridspan_lab.arm.credentials import CLIENT, TENANT
from hybridspan_lab.world.existing_documents import cluster_document, network_document, peering_document

GROUP_VERSION: Final = "2021-04-01"
NETWORK_VERSION: Final = "2024-05-01"
CLUSTER_VERSION: Final = "2024-09-01"
OPERATION_SECONDS: Final = 600.0
_POLL_SECONDS: Final = 0.2
PASSING: Final = ("ReferencedResourceNotProvisioned", "AnotherOperationInProgress")
"""Refusals that go away: a network that is still being written cannot be peered yet."""


class ByHand:
    """A person at the Resource Manager. Use it as an asynchronous context manager."""

    def __init__(self, endpoint: str, authority: Path, secret: Secret) -> None:
        self._endpoint = endpoint
        self._authority = authority
        self._secret = secret
        self._session: aiohttp.ClientSession | None = None
        self._token = ""

    async def __aenter__(self) -> Self:
        tls = ssl.create_default_context(cafile=str(self._authority))
        # trust_env stays off: what a proxy variable says does not concern loopback.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls))
        form = {
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "client_secret": self._secret.reveal(),
            "scope": f"{self._endpoint}/.default",
        }
        url = f"{self._endpoint}/{TENANT}/oauth2/v2.0/token"
        async with self._session.post(url, data=form) as answer:
            self._token = (await _checked(answer, "token"))["access_token"]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def create(self, regions: Sequence[Region]) -> None:
        """Resource groups, virtual networks with their subnets, peerings among all of them, and the AKS clusters."""
        await self.networks(regions)
        await self.peer(list(permutations(regions, 2)))
        await self.clusters(regions)

    async def networks(self, regions: Sequence[Region]) -> None:
        """The virtual networks, and the resource groups of these and of the clusters."""
        groups: dict[str, str] = {}
        for region in regions:
            for group in _groups(region):
                groups.setdefault(group.lower(), region.name)
        for group, location in groups.items():
            await self._put(group, GROUP_VERSION, {"location": location})
        await asyncio.gather(*(self._network(region) for region in regions))

    async def peer(self, pairs: Iterable[tuple[Region, Region]]) -> None:
        """From each pair's first network to its second; traffic needs the other way round as well."""
        for region, other in pairs:
            path = f"{azure_ids.network_id(region)}/virtualNetworkPeerings/{region.name}-to-{other.name}"
            await self._put(path, NETWORK_VERSION, peering_document(other))

    async def clusters(self, regions: Sequence[Region]) -> None:
        """The AKS clusters, whose networks must be there."""
        # The requests in the regions' order: the first cluster is a person's current context.
        for region in regions:
            path = azure_ids.cluster_id(region)
            await self._request("PUT", path, CLUSTER_VERSION, cluster_document(region))
        made = [self._until_made(azure_ids.cluster_id(region), CLUSTER_VERSION) for region in regions]
        await asyncio.gather(*made)

    async def _network(self, region: Region) -> None:
        await self._put(azure_ids.network_id(region), NETWORK_VERSION, network_document(region))

    async def _put(self, path: str, version: str, document: Mapping[str, Any]) -> None:
        async with asyncio.timeout(OPERATION_SECONDS):
            while not await self._accepted(path, version, document):  # noqa: ASYNC110  # Azure sends no events
                await asyncio.sleep(_POLL_SECONDS)
        await self._until_made(path, version)

    async def _accepted(self, path: str, version: str, document: Mapping[str, Any]) -> bool:
        """Whether the write was taken; False for a refusal that goes away."""
        try:
            await self._request("PUT", path, version, document)
        except PermanentFailure as refusal:
            if not any(code in (refusal.why or "") for code in PASSING):
                raise
            return False
        return True

    async def _until_made(self, path: str, version: str) -> None:
        async with asyncio.timeout(OPERATION_SECONDS):
            while (state := await self._state(path, version)) != "Succeeded":
                if state in ("Failed", "Canceled"):
                    raise _refused(path, f"its provisioning state is {state}")
                await asyncio.sleep(_POLL_SECONDS)

    async def _state(self, path: str, version: str) -> str:
        document = await self._request("GET", path, version)
        return str(document.get("properties", {}).get("provisioningState"))

    async def _request(
        self, method: str, path: str, version: str, document: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        if self._session is None:
            raise RuntimeError("used outside its context")
        headers = {"Authorization": f"Bearer {self._token}"}
        url = f"{self._endpoint}{path}"
        async with self._session.request(
            method, url, params={"api-version": version}, json=document, headers=headers
        ) as answer:
            return await _checked(answer, path)


def _groups(region: Region) -> list[str]:
    """Ids of the groups that the network and the cluster lie in."""
    places = azure_ids.network_place(region), azure_ids.cluster_place(region)
    return [f"/subscriptions/{place.subscription}/resourceGroups/{place.resource_group}" for place in places]


async def _checked(answer: aiohttp.ClientResponse, path: str) -> dict[str, Any]:
    if answer.status >= 400:
        raise _refused(path, f"{answer.status}: {(await answer.text())[:1000]}")
    document: dict[str, Any] = await answer.json() if await answer.read() else {}
    return document


def _refused(path: str, why: str) -> PermanentFailure:
    return PermanentFailure(
        "HS-LAB-022",
        "the lab's Azure did not make a part of the existing estate",
        where=path,
        why=why,
        hint="look at that region in the topology; docs/rehearsal-lab.md has what real Azure takes and the lab does not",
    )
