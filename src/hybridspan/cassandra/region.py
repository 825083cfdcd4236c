"""The Cassandra pods of one region: the ways to ask them, and what they tell of the ring, its repairs and their disks.

Everything goes through the cluster's API server: nodetool by exec, CQL by a forwarded port. Pods need not be up when it
is opened; the credentials are read when they are first needed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Self, TypeVar

from hybridspan.cassandra import probing, repairs, ring
from hybridspan.cassandra.connections import Connections, SecretName, usual_secret
from hybridspan.cassandra.credentials import DatabaseCredentials, Role
from hybridspan.cassandra.detached import DetachedTask
from hybridspan.cassandra.nodetool import Nodetool
from hybridspan.cassandra.ports import (
    CONTAINER,
    DATA_DIRECTORY,
    FIRST_CODE_OF_ENDED,
    POD_LABELS,
    PodAccess,
    Recorder,
)
from hybridspan.cassandra.ranges import TokenOwner, TokenRange, decode_range, replicas
from hybridspan.cassandra.ring_tables import RingTables, owners_seen_by, read_tables
from hybridspan.cassandra.session import CqlSession
from hybridspan.cassandra.texts import parse_status
from hybridspan.cassandra.unanswered import unanswered
from hybridspan.errors import TemporaryFailure
from hybridspan.facts.cassandra import RingFacts
from hybridspan.facts.kubernetes import PodFacts
from hybridspan.topology.model import Region

Result = TypeVar("Result")


class CassandraRegion:
    """One region's part of the ring; `open` it, and `close` it at the end."""

    def __init__(
        self, pods: PodAccess, region: Region, record: Recorder, secret: SecretName | None = None
    ) -> None:
        self.region = region
        self._access = pods
        self._record = record
        self._connections = Connections(pods, region.namespace, record, secret or usual_secret)

    @classmethod
    async def open(
        cls, pods: PodAccess, region: Region, record: Recorder, secret: SecretName | None = None
    ) -> Self:
        """A region whose pods are reached through `pods`; connects to nothing yet. `secret` tells where the credentials are."""
        return cls(pods, region, record, secret)

    async def close(self) -> None:
        """Close the sessions and forget the credentials."""
        await self._connections.close()

    async def credentials(self) -> DatabaseCredentials:
        """The database users of this region; PermanentFailure where their secret is missing."""
        return await self._connections.credentials()

    def session(self, pod: str, role: Role = "admin") -> contextlib.AbstractAsyncContextManager[CqlSession]:
        """CQL on exactly that pod, as the user of that role; kept open for the next one who asks."""
        return self._connections.session(pod, role)

    async def log_in(self, pod: str, role: Role) -> None:
        """Prove that the user of that role can log in through that pod now: with a connection of its own."""
        await self._connections.log_in(pod, role)

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
            where=self._where(),
            hint=f"it may be restarting: compare nodetool status with {self.region.kubectl} get pods -o wide; once every node is"
            " UN, run again",
        )

    async def any_pod(self, ask: Callable[[str], Awaitable[Result]]) -> Result:
        """The answer of the first pod that can give one; the last pod's TemporaryFailure where none can."""
        failure = TemporaryFailure(
            "HS-CASS-015",
            f"{self.region.name} has no Cassandra pod that is ready",
            where=self._where(),
            hint=f"{self.region.kubectl} get pods -l app=apigee-cassandra shows what they wait for",
        )
        for pod in await self.pods():
            if not pod.ready:
                continue
            try:
                return await ask(pod.name)
            except TemporaryFailure as error:
                failure = error
        raise failure

    async def nodetool(self, pod: str, *arguments: str, seconds: float = 60.0) -> str:
        """What nodetool printed in that pod."""
        login = (await self.credentials()).login("jmx")
        tool = Nodetool(self._access, self.region.namespace, login, self._record)
        return await tool.run(pod, *arguments, seconds=seconds)

    async def task(self, pod: str, name: str) -> DetachedTask:
        """A long nodetool task of that name in that pod."""
        login = (await self.credentials()).login("jmx")
        return DetachedTask(self._access, self.region.namespace, pod, name, login, self._record)

    async def bash(self, pod: str, script: str, *arguments: str, seconds: float = 60.0) -> str:
        """What a script printed in that pod, whatever its exit code; TemporaryFailure where it did not come to its end.

        What was ended, as by the kernel when the pod has no memory left, has printed nothing: that is not "nothing there".
        """
        argv = ["bash", "-c", script, "hybridspan", *arguments]
        ended = await self._access.exec(
            self.region.namespace, pod, argv, container=CONTAINER, timeout=seconds
        )
        if not 0 <= ended.code < FIRST_CODE_OF_ENDED:
            raise self._unread(pod, f"exit code {ended.code}: {ended.stderr.strip()}".rstrip(": "))
        return ended.stdout

    def _unread(self, pod: str, why: str) -> TemporaryFailure:
        message = "a look into the pod did not come to its end"
        return unanswered("HS-CASS-028", message, self._access, self.region.namespace, pod, why)

    async def ring_facts(self) -> RingFacts:
        """The ring and all keyspaces as one healthy node of this region sees them."""

        async def ask(pod: str) -> RingFacts:
            tables, status = await asyncio.gather(self._tables(pod), self.nodetool(pod, "status"))
            return tables.facts(parse_status(status))

        return await self.any_pod(ask)

    async def members(self) -> RingFacts:
        """As `ring_facts`, without asking who is up: every member is shown as if it were. Much cheaper."""

        async def ask(pod: str) -> RingFacts:
            tables = await self._tables(pod)
            return tables.facts(tables.members)

        return await self.any_pod(ask)

    async def _tables(self, pod: str) -> RingTables:
        async with self.session(pod) as cql:
            return await read_tables(cql)

    async def owners(self) -> tuple[TokenOwner, ...]:
        """Who owns which tokens, as one node of this region knows it."""

        async def ask(pod: str) -> tuple[TokenOwner, ...]:
            async with self.session(pod) as cql:
                return await owners_seen_by(cql)

        return await self.any_pod(ask)

    async def last_repairs(self) -> Mapping[str, float]:
        """Keyspace → Unix time since when all of this data center's ranges have been repaired; empty where unknown."""

        async def ask(pod: str) -> Mapping[str, float]:
            async with self.session(pod) as cql:
                rows, owners, tables = await asyncio.gather(
                    cql.query(repairs.HISTORY), owners_seen_by(cql), cql.query(ring.TABLES)
                )
            whole = tuple(replicas(owners, self.region.datacenter, 1))
            named = ring.tables_by_keyspace(tables)
            return repairs.last_repairs(rows, self.region.datacenter, whole, named)

        try:
            return await self.any_pod(ask)
        except TemporaryFailure:
            return {}  # before system_auth and system_distributed are there, this region knows of no repair

    async def available(self, cql: CqlSession) -> Mapping[str, tuple[TokenRange, ...]]:
        """What the session's node believes to have received, by keyspace."""
        rows = await cql.query(ring.AVAILABLE)
        return {
            row["keyspace_name"]: tuple(decode_range(content) for content in row["full_ranges"] or ())
            for row in rows
        }

    async def host(self, pod: str) -> probing.HostState:
        """The pod's disk, clock and name."""
        return probing.parse_host(await self.bash(pod, probing.HOST, DATA_DIRECTORY))

    async def keyspace_sizes(self, pod: str, keyspaces: Sequence[str]) -> Mapping[str, int]:
        """Bytes on disk by keyspace, as they are without a flush; TemporaryFailure as for `bash`."""
        return probing.parse_sizes(await self.bash(pod, probing.KEYSPACE_SIZES, DATA_DIRECTORY, *keyspaces))

    async def unreachable_from(self, pod: str, addresses: Sequence[str], port: int) -> tuple[str, ...]:
        """The addresses that a TCP connection from that pod does not reach within four seconds; TemporaryFailure as for `bash`."""
        text = await self.bash(pod, probing.CONNECT, str(port), *addresses)
        answered = probing.parse_connections(text)
        if untold := [address for address in addresses if address not in answered]:
            raise self._unread(pod, f"nothing was said of {', '.join(untold)}")
        return tuple(address for address in addresses if not answered[address])

    def _where(self) -> str:
        return f"cluster {self._access.name}, namespace {self.region.namespace}"
