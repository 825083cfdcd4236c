"""CQL statements on exactly one node, through a forwarded port.

The driver likes to discover peers and to dial them; a pod's address means nothing on this machine, or worse, is someone
else's on the Internet. So every endpoint that the driver can think of resolves to the one forwarded port, and its policy
knows one host.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.connection import DefaultEndPoint, EndPoint, EndPointFactory
from cassandra.policies import (
    ConstantReconnectionPolicy,
    FallthroughRetryPolicy,
    HostDistance,
    LoadBalancingPolicy,
)
from cassandra.query import SimpleStatement, dict_factory

from hybridspan.cassandra.credentials import Login
from hybridspan.cassandra.dialect import OLDEST, in_dialect, line_of
from hybridspan.cassandra.ports import Recorder
from hybridspan.cassandra.refusals import FAILURES, not_answered, not_opened
from hybridspan.errors import PermanentFailure

CONNECT_SECONDS: Final = 10.0
REQUEST_SECONDS: Final = 30.0

_RELEASE: Final = "SELECT release_version FROM system.local"

Row = Mapping[str, Any]


class _Elsewhere(EndPoint):  # type: ignore[misc]
    """A peer that the driver hears of: told apart by its address, dialled (if ever) at the forwarded port."""

    def __init__(self, address: str, port: int) -> None:
        self._address, self._port = address, port

    @property
    def address(self) -> str:
        return self._address

    @property
    def port(self) -> int:
        return self._port

    def resolve(self) -> tuple[str, int]:
        return "127.0.0.1", self._port

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Elsewhere) and self._address == other._address

    def __hash__(self) -> int:
        return hash(self._address)

    def __lt__(self, other: EndPoint) -> bool:
        return str(self) < str(other)

    def __str__(self) -> str:
        return f"peer {self._address}"


class _OneEndPoint(EndPointFactory):  # type: ignore[misc]
    def __init__(self, port: int) -> None:
        self._port = port

    def create(self, row: Row) -> EndPoint:
        return _Elsewhere(str(row.get("peer") or row.get("rpc_address") or "unknown"), self._port)


class _OneHost(LoadBalancingPolicy):  # type: ignore[misc]
    """Everything goes to the forwarded port; other members of the ring are ignored."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._here = DefaultEndPoint("127.0.0.1", port)
        self._host: Any = None

    def populate(self, cluster: Any, hosts: Sequence[Any]) -> None:
        for host in hosts:
            self.on_up(host)

    def distance(self, host: Any) -> Any:
        return HostDistance.LOCAL if host.endpoint == self._here else HostDistance.IGNORED

    def make_query_plan(self, working_keyspace: Any = None, query: Any = None) -> Iterator[Any]:
        return iter([self._host] if self._host is not None else [])

    def on_up(self, host: Any) -> None:
        if host.endpoint == self._here:
            self._host = host

    def on_add(self, host: Any) -> None:
        self.on_up(host)

    def on_down(self, host: Any) -> None:
        """The one host stays in the plan: whether it answers is found by asking."""

    def on_remove(self, host: Any) -> None:
        """As for `on_down`."""


class CqlSession:
    """An open session; every statement is recorded. Use `open_session`, and `close` at the end."""

    def __init__(
        self, cluster: Cluster, session: Any, release: str, login: Login, where: str, record: Recorder
    ) -> None:
        self._cluster = cluster
        self._session = session
        self._line = line_of(release)
        self._login = login
        self._where = where
        self._record = record

    async def query(
        self, statement: str, parameters: Sequence[Any] = (), *, quorum: bool = False
    ) -> list[Row]:
        """The rows of one statement; `quorum` asks a majority of the data center's replicas instead of one.

        Tables are named as 4.0 does, whatever the node's release. What Cassandra refuses is permanent, what it cannot do now
        is temporary.
        """
        statement = in_dialect(statement, self._line)
        self._record("cql", {"node": self._where, "user": self._login.user, "statement": statement})
        try:
            return await asyncio.to_thread(self._run, statement, parameters, quorum)
        except FAILURES as error:
            raise not_answered(error, statement, self._login, self._where) from error

    def _run(self, statement: str, parameters: Sequence[Any], quorum: bool) -> list[Row]:
        level = ConsistencyLevel.LOCAL_QUORUM if quorum else ConsistencyLevel.LOCAL_ONE
        asked = SimpleStatement(statement, consistency_level=level)
        result = self._session.execute(asked, tuple(parameters) or None, timeout=REQUEST_SECONDS)
        return list(result)

    async def close(self) -> None:
        await asyncio.to_thread(self._cluster.shutdown)


async def open_session(
    port: int, context: ssl.SSLContext, login: Login, *, where: str, secret: str, record: Recorder
) -> CqlSession:
    """A session with the node behind that port of loopback.

    A wrong password is a PermanentFailure that names user, secret and node; a node that does not answer, or cannot find out whether
    the password is right, is a TemporaryFailure.
    """
    cluster = _cluster(port, context, login)
    try:
        session, release = await asyncio.to_thread(_connected, cluster)
    except Exception as error:
        await asyncio.to_thread(cluster.shutdown)
        if isinstance(error, FAILURES):
            raise not_opened(error, _RELEASE, login, where, secret) from error
        raise
    if line_of(release) < OLDEST:
        await asyncio.to_thread(cluster.shutdown)
        raise _too_old(where, release)
    return CqlSession(cluster, session, release, login, where, record)


def _connected(cluster: Cluster) -> tuple[Any, str]:
    """The session, and the node's release."""
    session = cluster.connect()
    row = session.execute(_RELEASE, timeout=REQUEST_SECONDS).one()
    return session, str(row["release_version"])


def _cluster(port: int, context: ssl.SSLContext, login: Login) -> Cluster:
    profile = ExecutionProfile(
        load_balancing_policy=_OneHost(port),
        retry_policy=FallthroughRetryPolicy(),
        consistency_level=ConsistencyLevel.LOCAL_ONE,
        row_factory=dict_factory,
        request_timeout=REQUEST_SECONDS,
    )
    return Cluster(
        contact_points=[DefaultEndPoint("127.0.0.1", port)],
        endpoint_factory=_OneEndPoint(port),
        auth_provider=PlainTextAuthProvider(login.user, login.password.reveal()),
        ssl_context=context,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        reconnection_policy=ConstantReconnectionPolicy(1.0, max_attempts=3),
        protocol_version=4,
        connect_timeout=CONNECT_SECONDS,
        control_connection_timeout=CONNECT_SECONDS,
        idle_heartbeat_interval=0,
        schema_metadata_enabled=False,
        token_metadata_enabled=False,
        executor_threads=2,
        monitor_reporting_enabled=False,
    )


def _too_old(where: str, release: str) -> PermanentFailure:
    return PermanentFailure(
        "HS-CASS-027",
        f"Cassandra {release} is older than 3.11, the oldest release that a region can be added to here",
        where=where,
        why="before it nodetool rebuild copies no single keyspace, and nothing was tried with it",
        hint="upgrade the installation first, in every region, by Google's guide",
    )
