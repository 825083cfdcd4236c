"""The Cassandra pods of one region: what they tell, and the few things that may be asked of them.

Everything goes through the cluster's API server: nodetool by exec, CQL by a forwarded port. Pods need not be up when it
is opened; the credentials are read when they are first needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from hybridspan.cassandra import probing, repairs, ring
from hybridspan.cassandra.credentials import DatabaseCredentials, Role, read_credentials
from hybridspan.cassandra.detached import DetachedTask
from hybridspan.cassandra.nodetool import Nodetool
from hybridspan.cassandra.ports import (
    CONTAINER,
    CQL_PORT,
    CREDENTIALS_SECRET,
    POD_LABELS,
    TLS_SECRET,
    PodAccess,
    Recorder,
)
from hybridspan.cassandra.ranges import TokenOwner, TokenRange, decode_range, replicas
from hybridspan.cassandra.session import CqlSession, Row, open_session
from hybridspan.cassandra.texts import parse_status
from hybridspan.cassandra.tls import client_context
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.facts.cassandra import AvailableRanges, NodeFacts, RingFacts, RingNode
from hybridspan.facts.kubernetes import PodFacts
from hybridspan.topology.model import Region

DATA_DIRECTORY: Final = "/opt/apigee/data/apigee-cassandra"
AVAILABLE: Final = "SELECT keyspace_name, full_ranges, transient_ranges FROM system.available_ranges_v2"

Result = TypeVar("Result")
SecretName = Callable[[], Awaitable[str]]


async def _usual_secret() -> str:
    return CREDENTIALS_SECRET


@dataclass(frozen=True, slots=True)
class _Kept:
    """A session with what must be closed after it."""

    session: CqlSession
    stack: contextlib.AsyncExitStack


@dataclass(frozen=True, slots=True)
class _Tables:
    """Rows of one node's own tables."""

    local: Row
    peers: Sequence[Row]
    keyspaces: Sequence[Row]
    tables: Sequence[Row]


class CassandraRegion:
    """One region's part of the ring; `open` it, and `close` it at the end."""

    def __init__(
        self, pods: PodAccess, region: Region, record: Recorder, secret: SecretName | None = None
    ) -> None:
        self.region = region
        self._secret_name = secret or _usual_secret
        self._access = pods
        self._record = record
        self._credentials: DatabaseCredentials | None = None
        self._tls: ssl.SSLContext | None = None
        self._sessions: dict[tuple[str, Role], _Kept] = {}
        self._opening: dict[tuple[str, Role], asyncio.Lock] = {}

    @classmethod
    async def open(
        cls, pods: PodAccess, region: Region, record: Recorder, secret: SecretName | None = None
    ) -> Self:
        """A region whose pods are reached through `pods`; connects to nothing yet. `secret` tells where the credentials are."""
        return cls(pods, region, record, secret)

    async def close(self) -> None:
        """Close the sessions and forget the credentials."""
        for key in tuple(self._sessions):
            await self._drop(key)
        self._credentials = self._tls = None

    async def pods(self) -> tuple[PodFacts, ...]:
        """Cassandra's pods that have an address, in the order of their ordinals."""
        found = await self._access.pods(self.region.namespace, POD_LABELS)
        return tuple(pod for pod in found if pod.address and pod.phase == "Running")

    async def pod_of(self, address: str) -> PodFacts:
        """The pod with that address; TemporaryFailure where there is none (it may be restarting)."""
        for pod in await self.pods():
            if pod.address == address:
                return pod
        raise TemporaryFailure(
            "HS-CASS-014",
            f"no Cassandra pod has the address {address}",
            where=f"cluster {self._access.name}, namespace {self.region.namespace}",
            hint="it may be restarting: compare nodetool status with kubectl get pods -o wide; once every node is UN,"
            " run again",
        )

    async def nodetool(self, pod: str, *arguments: str, seconds: float = 60.0) -> str:
        """What nodetool printed in that pod."""
        login = (await self.credentials()).login("jmx")
        tool = Nodetool(self._access, self.region.namespace, login, self._record)
        return await tool.run(pod, *arguments, seconds=seconds)

    async def task(self, pod: str, name: str) -> DetachedTask:
        """A long nodetool task of that name in that pod."""
        login = (await self.credentials()).login("jmx")
        return DetachedTask(self._access, self.region.namespace, pod, name, login, self._record)

    @contextlib.asynccontextmanager
    async def session(self, pod: str, role: Role = "admin") -> AsyncIterator[CqlSession]:
        """CQL on exactly that pod, as the user of that role; kept open for the next one who asks.

        A session whose node did not answer is closed, so that the next try begins anew.
        """
        key = (pod, role)
        async with self._opening.setdefault(key, asyncio.Lock()):
            kept = self._sessions.get(key)
            if kept is None:
                kept = self._sessions[key] = await self._open(pod, role)
        try:
            yield kept.session
        except TemporaryFailure:
            await self._drop(key)
            raise

    async def log_in(self, pod: str, role: Role) -> None:
        """Prove that the user of that role can log in through that pod now: with a connection of its own."""
        kept = await self._open(pod, role)
        await kept.stack.aclose()

    async def _open(self, pod: str, role: Role) -> _Kept:
        login = (await self.credentials()).login(role)
        context = await self._context()
        where = f"{self._access.name}, pod {self.region.namespace}/{pod}"
        async with contextlib.AsyncExitStack() as stack:
            port = await stack.enter_async_context(self._access.forward(self.region.namespace, pod, CQL_PORT))
            session = await open_session(
                port, context, login, where=where, secret=await self._secret_name(), record=self._record
            )
            stack.push_async_callback(session.close)
            return _Kept(session, stack.pop_all())

    async def _drop(self, key: tuple[str, Role]) -> None:
        kept = self._sessions.pop(key, None)
        if kept is not None:
            await kept.stack.aclose()

    async def any_pod(self, ask: Callable[[str], Awaitable[Result]]) -> Result:
        """The answer of the first pod that can give one; the last pod's TemporaryFailure where none can."""
        failure = TemporaryFailure(
            "HS-CASS-015",
            f"{self.region.name} has no Cassandra pod that is ready",
            where=f"cluster {self._access.name}, namespace {self.region.namespace}",
            hint="kubectl get pods -l app=apigee-cassandra shows what they wait for",
        )
        for pod in await self.pods():
            if not pod.ready:
                continue
            try:
                return await ask(pod.name)
            except TemporaryFailure as error:
                failure = error
        raise failure

    async def ring_facts(self) -> RingFacts:
        """The ring and all keyspaces as one healthy node of this region sees them."""

        async def ask(pod: str) -> RingFacts:
            tables, status = await asyncio.gather(self._tables(pod), self.nodetool(pod, "status"))
            return _facts(parse_status(status), tables)

        return await self.any_pod(ask)

    async def members(self) -> RingFacts:
        """As `ring_facts`, without asking who is up: every member is shown as if it were. Much cheaper."""

        async def ask(pod: str) -> RingFacts:
            tables = await self._tables(pod)
            return _facts(ring.read_members(tables.local, tables.peers), tables)

        return await self.any_pod(ask)

    async def _tables(self, pod: str) -> _Tables:
        async with self.session(pod) as cql:
            local, peers, keyspaces, tables = await asyncio.gather(
                cql.query(ring.LOCAL),
                cql.query(ring.PEERS),
                cql.query(ring.KEYSPACES),
                cql.query(ring.TABLES),
            )
        return _Tables(local[0], peers, keyspaces, tables)

    async def owners(self) -> tuple[TokenOwner, ...]:
        """Who owns which tokens, as one node of this region knows it."""

        async def ask(pod: str) -> tuple[TokenOwner, ...]:
            async with self.session(pod) as cql:
                return await owners_seen_by(cql)

        return await self.any_pod(ask)

    async def node_facts(self) -> tuple[NodeFacts, ...]:
        """Every pod of the region that runs, in order."""
        pods = await self.pods()
        history = await self.last_repairs()
        return tuple(await asyncio.gather(*(self._node_facts(pod, history) for pod in pods)))

    async def _node_facts(self, pod: PodFacts, history: Mapping[str, float]) -> NodeFacts:
        try:
            host, offset = await self._host_and_offset(pod.name)
            available = await self._available_counts(pod) if pod.ready else ()
        except TemporaryFailure:  # it is restarting: of one node nothing is known, of the others all
            host, offset, available = probing.UNKNOWN, None, ()
        return NodeFacts(
            pod=pod.name,
            address=pod.address,
            datacenter=self.region.datacenter,
            data_bytes=host.data_bytes,
            disk_free_bytes=host.free_bytes,
            clock_offset_seconds=offset,
            own_name_resolves=host.own_name_resolves,
            available_ranges=available,
            last_repair=history,
        )

    async def host(self, pod: str) -> probing.HostState:
        """The pod's disk, clock and name."""
        return (await self._host_and_offset(pod))[0]

    async def _host_and_offset(self, pod: str) -> tuple[probing.HostState, float | None]:
        before = time.time()
        text = await self.bash(pod, probing.HOST, DATA_DIRECTORY)
        host = probing.parse_host(text)
        # The pod read its clock somewhere between our two readings.
        return host, None if host.clock is None else host.clock - (before + time.time()) / 2

    async def _available_counts(self, pod: PodFacts) -> tuple[AvailableRanges, ...]:
        try:
            async with self.session(pod.name) as cql:
                rows = await cql.query(AVAILABLE)
        except TemporaryFailure as failure:
            if (
                failure.code == "HS-CASS-004"
            ):  # nobody can log in before system_auth is there: nothing was streamed
                return ()
            raise
        return tuple(
            AvailableRanges(r["keyspace_name"], len(r["full_ranges"] or ()), len(r["transient_ranges"] or ()))
            for r in rows
        )

    async def last_repairs(self) -> Mapping[str, float]:
        """Keyspace → Unix time since when all of this data center's ranges have been repaired; empty where unknown."""

        async def ask(pod: str) -> Mapping[str, float]:
            async with self.session(pod) as cql:
                rows, owners = await asyncio.gather(cql.query(repairs.HISTORY), owners_seen_by(cql))
            whole = replicas(owners, self.region.datacenter, 1)
            return repairs.last_repairs(rows, self.region.datacenter, tuple(whole))

        try:
            return await self.any_pod(ask)
        except TemporaryFailure:
            return {}  # before system_auth and system_distributed are there, this region knows of no repair

    async def available(self, cql: CqlSession) -> Mapping[str, tuple[TokenRange, ...]]:
        """What the session's node believes to have received, by keyspace."""
        rows = await cql.query(AVAILABLE)
        return {
            row["keyspace_name"]: tuple(decode_range(content) for content in row["full_ranges"] or ())
            for row in rows
        }

    async def unreachable_from(self, pod: str, addresses: Sequence[str], port: int) -> tuple[str, ...]:
        """The addresses that a TCP connection from that pod does not reach within four seconds."""
        text = await self.bash(pod, probing.CONNECT, str(port), *addresses)
        answered = probing.parse_connections(text)
        return tuple(address for address in addresses if not answered.get(address, False))

    async def keyspace_sizes(self, pod: str, keyspaces: Sequence[str]) -> Mapping[str, int]:
        """Bytes on disk by keyspace, as they are without a flush."""
        return probing.parse_sizes(await self.bash(pod, probing.KEYSPACE_SIZES, DATA_DIRECTORY, *keyspaces))

    async def bash(self, pod: str, script: str, *arguments: str, seconds: float = 60.0) -> str:
        """What a script printed in that pod, whatever its exit code."""
        argv = ["bash", "-c", script, "hybridspan", *arguments]
        ended = await self._access.exec(
            self.region.namespace, pod, argv, container=CONTAINER, timeout=seconds
        )
        return ended.stdout

    async def credentials(self) -> DatabaseCredentials:
        """The database users of this region; PermanentFailure where their secret is missing."""
        if self._credentials is None:
            name = await self._secret_name()
            secret = await self._access.secret(self.region.namespace, name)
            if not secret:
                raise self._missing(name)
            self._credentials = read_credentials(secret, self._where())
        return self._credentials

    async def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            secret = await self._access.secret(self.region.namespace, TLS_SECRET)
            if not secret:
                raise self._missing(TLS_SECRET)
            self._tls = client_context(secret, self._where())
        return self._tls

    def _missing(self, secret: str) -> PermanentFailure:
        return PermanentFailure(
            "HS-CASS-016",
            f"there is no secret {secret}",
            where=self._where(),
            hint="the Apigee controller creates it with the datastore",
        )

    def _where(self) -> str:
        return f"cluster {self._access.name}, namespace {self.region.namespace}"


def _facts(nodes: Sequence[RingNode], tables: _Tables) -> RingFacts:
    return RingFacts(
        seen_from=str(tables.local["broadcast_address"]),
        nodes=tuple(nodes),
        schema_versions=ring.read_schema_versions(nodes, tables.local, tables.peers),
        keyspaces=ring.read_keyspaces(tables.keyspaces, tables.tables),
        cassandra_version=tables.local["release_version"],
        cluster_name=tables.local["cluster_name"],
    )


async def owners_seen_by(cql: CqlSession) -> tuple[TokenOwner, ...]:
    """Who owns which tokens, as the session's node knows it."""
    local, peers = await asyncio.gather(cql.query(ring.LOCAL), cql.query(ring.PEERS))
    return ring.read_owners(local[0], peers)
