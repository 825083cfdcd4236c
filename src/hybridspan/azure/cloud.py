"""Which Azure it is: public Azure, known without asking anyone, or another Resource Manager that says of itself where its parts are.

Another Resource Manager is a sovereign cloud, Azure Stack, or the rehearsal lab. TLS is always verified, against the bundle that
`REQUESTS_CA_BUNDLE` names where it is set, as az and the SDKs do.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from hybridspan.errors import PermanentFailure
from hybridspan.facts import azure_versions as api_versions
from hybridspan.topology.locations import PUBLIC_ENDPOINT

ENDPOINT_VARIABLE: Final = "HYBRIDSPAN_ARM_ENDPOINT"
PATIENCE_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class AzureCloud:
    """One Azure: its Resource Manager, who signs in, and for whom tokens are asked."""

    resource_manager: str
    """URL without a slash at its end."""
    authority: str
    """URL of the login endpoint without the tenant."""
    audience: str
    is_public: bool

    @property
    def scope(self) -> str:
        """What a token is asked for; an audience that ends in a slash gives two, and the login wants it so."""
        return f"{self.audience}/.default"

    @classmethod
    def discover(cls, endpoint: str | None) -> AzureCloud:
        """The cloud behind that Resource Manager; the environment's choice comes first, public Azure is the default.

        Blocks for one request where it is not public Azure; each endpoint is asked once a process.
        """
        chosen = os.environ.get(ENDPOINT_VARIABLE) or endpoint
        if chosen is None or chosen.rstrip("/").lower() == PUBLIC.resource_manager:
            return PUBLIC
        return _asked(chosen.rstrip("/"))


PUBLIC: Final = AzureCloud(
    resource_manager=PUBLIC_ENDPOINT,
    authority="https://login.microsoftonline.com",
    audience=PUBLIC_ENDPOINT,
    is_public=True,
)


@lru_cache(maxsize=8)
def _asked(endpoint: str) -> AzureCloud:
    return from_metadata(endpoint, _metadata(endpoint))


def from_metadata(endpoint: str, document: Any) -> AzureCloud:
    """The cloud that a metadata document describes; PermanentFailure where it describes none."""
    if isinstance(document, list) and document:  # older api-versions answer with a list
        document = document[0]
    try:
        authentication = document["authentication"]
        return AzureCloud(
            resource_manager=str(document.get("resourceManager") or endpoint).rstrip("/"),
            authority=str(authentication["loginEndpoint"]).rstrip("/"),
            audience=str(authentication["audiences"][0]),
            is_public=False,
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise _unusable(endpoint, f"its metadata lack {error}") from error


def _metadata(endpoint: str) -> Any:
    import requests

    url = f"{endpoint}/metadata/endpoints?api-version={api_versions.METADATA}"
    try:
        response = requests.get(url, timeout=PATIENCE_SECONDS)
        response.raise_for_status()
        return response.json()
    except (requests.RequestException, ValueError) as error:
        raise _unusable(endpoint, str(error)) from error


def _unusable(endpoint: str, why: str) -> PermanentFailure:
    return PermanentFailure(
        "HS-AZURE-016",
        "the Resource Manager does not say where its parts are",
        where=endpoint,
        why=why,
        hint=f"check spec.azure.endpoint or {ENDPOINT_VARIABLE}, and REQUESTS_CA_BUNDLE if it has its own CA",
    )
