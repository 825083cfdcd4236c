"""CQL from inside a pod: mutual TLS with the pod's certificate, as one of Apigee's users."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONNECT_SECONDS = 15.0
REQUEST_SECONDS = 20.0
AGREEMENT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password; the password is not shown."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.user})"


@dataclass(frozen=True, slots=True)
class PodSurroundings:
    """What a program in a pod knows of the ring."""

    host: str
    """A name or address with the ring's nodes behind it."""
    datacenter: str
    organization: str
    replicas: int
    tls: Path
    credentials: Path

    @classmethod
    def from_environment(cls) -> PodSurroundings:
        """In a Cassandra pod the node itself is the host; elsewhere the service."""
        env = os.environ
        return cls(
            host=env.get("CASSANDRA_HOST") or env["POD_IP"],
            datacenter=env.get("CASSANDRA_DC", "dc-1"),
            organization=env.get("APIGEE_ORG", ""),
            replicas=int(env.get("CASSANDRA_REPLICAS", "3")),
            tls=Path(env.get("CASSANDRA_TLS", "/opt/apigee/ssl")),
            credentials=Path(env.get("CASSANDRA_CREDENTIALS", "/opt/apigee/credentials")),
        )

    def login(self, part: str) -> Login:
        """The user `admin`, `ddl` or `dml` of the credentials' secret; `default` is Cassandra's own user."""
        user = "cassandra" if part == "default" else self._read(f"{part}.user")
        return Login(user, self._read(f"{part}.password"))

    def _read(self, key: str) -> str:
        return (self.credentials / key).read_text().strip()


@contextmanager
def connect(surroundings: PodSurroundings, login: Login, *, one_node: bool = False) -> Iterator[Any]:
    """A session of the driver, local to the data center; raises the driver's own errors.

    With `one_node` all statements go through one coordinator and the ring's agreement on the schema is not waited for after
    each: for a series of schema changes, closed by `agreed`.
    """
    from cassandra.auth import PlainTextAuthProvider
    from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
    from cassandra.policies import DCAwareRoundRobinPolicy, TokenAwarePolicy, WhiteListRoundRobinPolicy

    host = addresses(surroundings.host)[0] if one_node else surroundings.host
    around: Any = TokenAwarePolicy(DCAwareRoundRobinPolicy(local_dc=surroundings.datacenter))
    policy = WhiteListRoundRobinPolicy([host]) if one_node else around
    profile = ExecutionProfile(load_balancing_policy=policy, request_timeout=REQUEST_SECONDS)
    cluster = Cluster(
        [host],
        auth_provider=PlainTextAuthProvider(login.user, login.password),
        ssl_context=tls_context(surroundings.tls),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        connect_timeout=CONNECT_SECONDS,
        control_connection_timeout=CONNECT_SECONDS,
        max_schema_agreement_wait=0 if one_node else AGREEMENT_SECONDS,
        protocol_version=4,
        schema_metadata_enabled=False,
    )
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


def addresses(host: str) -> list[str]:
    """The addresses behind a service's name: its nodes that are ready."""
    found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def agreed(session: Any) -> bool:
    """Waits until all live nodes have one schema; False when they do not in time."""
    return bool(session.cluster.control_connection.wait_for_schema_agreement(wait_time=AGREEMENT_SECONDS))


def tls_context(folder: Path) -> ssl.SSLContext:
    """Trusts apigee-ca and shows the pod's own certificate; a node's certificate names no address, so names are not checked."""
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    context.check_hostname = False
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context


def says_wrong_password(error: Exception) -> bool:
    """Whether every node that was asked refused the login itself."""
    from cassandra import AuthenticationFailed
    from cassandra.cluster import NoHostAvailable

    if isinstance(error, AuthenticationFailed):
        return "incorrect" in str(error)
    if isinstance(error, NoHostAvailable):
        causes = list(error.errors.values())
        return bool(causes) and all(isinstance(c, Exception) and says_wrong_password(c) for c in causes)
    return False
