"""The SDKs' clients of one subscription, made when first asked for: importing them costs more than most runs of ours."""

from __future__ import annotations

from functools import cached_property
from threading import Lock
from typing import Any, Final

from hybridspan.azure.cloud import AzureCloud
from hybridspan.azure.credentials import SignIn
from hybridspan.azure.pace import Pace
from hybridspan.facts import azure_versions as api_versions

CONNECT_SECONDS: Final = 15
READ_SECONDS: Final = 90
POLL_SECONDS: Final = 5
"""Between two looks at an operation where Azure does not say when to look again."""

NETWORK: Final[dict[str, Any]] = {"params": {"api-version": api_versions.NETWORK}}
"""The network SDK has one api-version a call, not one a client."""


class AzureClients:
    """Clients of one cloud and subscription; safe to use from several threads."""

    def __init__(self, cloud: AzureCloud, subscription: str, sign_in: SignIn) -> None:
        self._cloud = cloud
        self._subscription = subscription
        self._sign_in = sign_in
        self._lock = Lock()
        self._pace = Pace()
        self._open: list[Any] = []

    @cached_property
    def network(self) -> Any:
        """Networks, subnets, peerings, security groups."""
        from azure.mgmt.network import NetworkManagementClient

        return self._kept(NetworkManagementClient(**self._settings()))

    @cached_property
    def clusters(self) -> Any:
        """Managed clusters and agent pools."""
        from azure.mgmt.containerservice import ContainerServiceClient

        return self._kept(
            ContainerServiceClient(**self._settings(), api_version=api_versions.CONTAINER_SERVICE)
        )

    @cached_property
    def resources(self) -> Any:
        """Resource groups, and what has no client of its own here."""
        from azure.mgmt.resource.resources import ResourceManagementClient

        return self._kept(ResourceManagementClient(**self._settings(), api_version=api_versions.RESOURCES))

    @cached_property
    def rest(self) -> Any:
        """For the few lists that no client here has: `get` on a path."""
        from azure.mgmt.core import ARMPipelineClient
        from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

        policies = [self._paced(), ARMChallengeAuthenticationPolicy(self._sign_in, self._cloud.scope)]
        patience = {"connection_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
        return self._kept(
            ARMPipelineClient(base_url=self._cloud.resource_manager, policies=policies, **patience)
        )

    def _paced(self) -> Any:
        """A policy of its own for each client: it knows the one that comes after it."""
        from hybridspan.azure.policies import PacePolicy

        return PacePolicy(self._pace)

    def _settings(self) -> dict[str, Any]:
        # Retries are ours, so that each is told, counted and can be interrupted; the SDK's would sleep in a thread.
        return {
            "credential": self._sign_in,
            "subscription_id": self._subscription,
            "base_url": self._cloud.resource_manager,
            "credential_scopes": [self._cloud.scope],
            "connection_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "retry_total": 0,
            "per_call_policies": [self._paced()],
        }

    def _kept(self, client: Any) -> Any:
        with self._lock:
            self._open.append(client)
        # Opened here, once: two threads at a first request would each open a session, and one would never be closed.
        client.__enter__()
        return client

    def close(self) -> None:
        """Close every client that was made."""
        self._pace.end()
        for client in self._open:
            client.close()
        self._open.clear()


def polling() -> Any:
    """How operations are followed: by Azure's own delays, through short troubles of a single look."""
    from azure.mgmt.core.polling.arm_polling import ARMPolling

    from hybridspan.azure.policies import algorithms

    return ARMPolling(
        POLL_SECONDS,
        lro_algorithms=algorithms(),
        retry_total=10,
        retry_status=8,
        retry_connect=5,
        retry_read=5,
    )
