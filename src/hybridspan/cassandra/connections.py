"""The CQL sessions of one region's pods, kept open between the looks, and the two secrets that opening one takes.

A session leads to exactly one pod, by a port that the cluster's API server forwards. Secrets are read when they are first needed:
the pods, and the secrets too, may come after this is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from hybridspan.cassandra import probing
from hybridspan.cassandra.credentials import DatabaseCredentials, Role, read_credentials
from hybridspan.cassandra.ports import (
    CONTAINER,
    CQL_PORT,
    CREDENTIALS_SECRET,
    DATA_DIRECTORY,
    TLS_SECRET,
    PodAccess,
    Recorder,
)
from hybridspan.cassandra.refusals import NO_CONNECTION
from hybridspan.cassandra.session import CqlSession, open_session
from hybridspan.cassandra.streaming import readable_bytes
from hybridspan.cassandra.tls import client_context
from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure

SecretName = Callable[[], Awaitable[str]]


async def usual_secret() -> str:
    """The credentials' secret as Apigee names it where no person has chosen another."""
    return CREDENTIALS_SECRET


@dataclass(slots=True, eq=False)
class _Kept:
    """A session with what must be closed after it, and how many use it now."""

    session: CqlSession
    stack: contextlib.AsyncExitStack
    users: int = 0


class Connections:
    """Sessions by pod and role; `close` ends them all."""

    def __init__(self, pods: PodAccess, namespace: str, record: Recorder, secret: SecretName) -> None:
        self._access = pods
        self._namespace = namespace
        self._record = record
        self._secret_name = secret
        self._credentials: DatabaseCredentials | None = None
        self._tls: ssl.SSLContext | None = None
        self._sessions: dict[tuple[str, Role], _Kept] = {}
        self._opening: dict[tuple[str, Role], asyncio.Lock] = {}

    async def close(self) -> None:
        """Close the sessions and forget the credentials."""
        while self._sessions:
            _, kept = self._sessions.popitem()
            await kept.stack.aclose()
        self._credentials = self._tls = None

    @contextlib.asynccontextmanager
    async def session(self, pod: str, role: Role) -> AsyncIterator[CqlSession]:
        """CQL on exactly that pod, as the user of that role; kept open for the next one who asks.

        A session whose node did not answer is given to nobody any more, so that the next try begins anew; it is closed when the
        last of those who use it has left.
        """
        key = (pod, role)
        async with self._opening.setdefault(key, asyncio.Lock()):
            kept = self._sessions.get(key)
            if kept is None:
                kept = self._sessions[key] = await self._open(pod, role)
            kept.users += 1
        try:
            yield kept.session
        except TemporaryFailure:
            if self._sessions.get(key) is kept:  # else it was given up before, and a newer one may be there
                del self._sessions[key]
            raise
        finally:
            kept.users -= 1
            if not kept.users and self._sessions.get(key) is not kept:
                await kept.stack.aclose()

    async def log_in(self, pod: str, role: Role) -> None:
        """Prove that the user of that role can log in through that pod now: with a connection of its own."""
        kept = await self._open(pod, role)
        await kept.stack.aclose()

    async def credentials(self) -> DatabaseCredentials:
        """The database users; PermanentFailure where their secret is missing."""
        if self._credentials is None:
            name = await self._secret_name()
            secret = await self._access.secret(self._namespace, name)
            if not secret:
                raise self._missing(name)
            self._credentials = read_credentials(secret, self._where(), name, self._kubectl())
        return self._credentials

    async def _open(self, pod: str, role: Role) -> _Kept:
        login = (await self.credentials()).login(role)
        context = await self._context()
        where = f"{self._access.name}, pod {self._namespace}/{pod}"
        async with contextlib.AsyncExitStack() as stack:
            port = await stack.enter_async_context(self._access.forward(self._namespace, pod, CQL_PORT))
            try:
                session = await open_session(
                    port.number,
                    context,
                    login,
                    where=where,
                    secret=await self._secret_name(),
                    record=self._record,
                )
            except TemporaryFailure as failure:
                # The driver sees a connection that ends, and nothing of the right that is missing at the API server.
                raise port.refusal or await self._explained(failure, pod) from failure
            stack.push_async_callback(session.close)
            return _Kept(session, stack.pop_all())

    async def _explained(self, failure: TemporaryFailure, pod: str) -> TemporaryFailure:
        """The same failure, or that the node's disk is full: Cassandra then ends its service to clients and runs on."""
        if failure.code != NO_CONNECTION:
            return failure
        argv = ["bash", "-c", probing.FREE, "hybridspan", DATA_DIRECTORY]
        try:
            ended = await self._access.exec(self._namespace, pod, argv, container=CONTAINER, timeout=10.0)
        except HybridspanError:
            return failure
        free = probing.parse_free(ended.stdout)
        if free is None or free >= probing.FULL_BYTES:
            return failure
        return TemporaryFailure(
            NO_CONNECTION,
            "no CQL connection to the node, whose disk is full",
            where=failure.where,
            why=f"{readable_bytes(free)} are free, and Cassandra serves nobody whose writes it cannot keep; {failure.why}",
            hint=f"enlarge the volume of {pod}'s claim, restart the pod, then run again",
        )

    async def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            secret = await self._access.secret(self._namespace, TLS_SECRET)
            if not secret:
                raise self._missing(TLS_SECRET)
            self._tls = client_context(secret, self._where(), self._kubectl())
        return self._tls

    def _missing(self, secret: str) -> PermanentFailure:
        return PermanentFailure(
            "HS-CASS-016",
            f"there is no secret {secret}",
            where=self._where(),
            hint="the Apigee controller creates it with the datastore",
        )

    def _kubectl(self) -> str:
        return f"{self._access.kubectl} -n {self._namespace}"

    def _where(self) -> str:
        return f"cluster {self._access.name}, namespace {self._namespace}"
