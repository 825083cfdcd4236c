"""What Cassandra's room needs of the cluster that its pods run in: four verbs, no Kubernetes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

from hybridspan.errors import HybridspanError
from hybridspan.facts.kubernetes import PodFacts
from hybridspan.secrets import Secret

Recorder = Callable[[str, Mapping[str, Any]], None]

CONTAINER: Final = "apigee-cassandra"
CQL_PORT: Final = 9042
FIRST_CODE_OF_ENDED: Final = 126
"""From this exit code on a shell did not do what it was told: it could not begin (126, 127), or a signal ended it (128 and more)."""
DATA_DIRECTORY: Final = "/opt/apigee/data/apigee-cassandra"
POD_LABELS: Final = "app=apigee-cassandra"
CREDENTIALS_SECRET: Final = "apigee-datastore-default-creds"  # noqa: S105  # a name
TLS_SECRET: Final = "apigee-cassandra-default-tls"  # noqa: S105  # a name


class Ended(Protocol):
    """How a command inside a pod ended."""

    @property
    def code(self) -> int: ...
    @property
    def stdout(self) -> str: ...
    @property
    def stderr(self) -> str: ...


class Forwarded(Protocol):
    """A port of this machine's loopback that leads to a pod's."""

    @property
    def number(self) -> int: ...

    @property
    def refusal(self) -> HybridspanError | None:
        """Why the last connection did not reach the pod, or None."""
        ...


class PodAccess(Protocol):
    """The way into the pods of one cluster."""

    name: str
    """The cluster's, for messages."""

    @property
    def kubectl(self) -> str:
        """What a person's command about the cluster begins with, for messages."""
        ...

    async def exec(
        self,
        namespace: str,
        pod: str,
        argv: Sequence[str],
        *,
        container: str | None = None,
        stdin: bytes | None = None,
        timeout: float = 60.0,
    ) -> Ended:
        """Run a command to its end; TemporaryFailure where its stream is lost or it takes too long."""
        ...

    def forward(self, namespace: str, pod: str, port: int) -> AbstractAsyncContextManager[Forwarded]:
        """A way to the pod's port as long as the context lasts."""
        ...

    async def secret(self, namespace: str, name: str) -> Mapping[str, Secret | bytes]: ...

    async def pods(self, namespace: str, labels: str = "") -> tuple[PodFacts, ...]:
        """Pods in the order of their ordinals."""
        ...
