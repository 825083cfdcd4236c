"""The product's own session with a real node outside of a pod, and what it tells of the users' rights there."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from types import SimpleNamespace
from typing import Any

from hybridspan.cassandra import tls
from hybridspan.cassandra.credentials import DatabaseCredentials, Login
from hybridspan.cassandra.rights_findings import rights
from hybridspan.cassandra.ring_tables import read_tables
from hybridspan.cassandra.session import CqlSession, open_session
from hybridspan.facts.world import Finding
from hybridspan.plan.phases.keyspace_names import organization_names
from hybridspan.secrets import Secret
from tests.lab_cassandra.nodes import Node

ORGANIZATION = "hybrid-test-7"
KMS = "kms_hybrid_test_7_hybrid"
AUX = "aux_hybrid_test_7_hybrid"
"""A keyspace of the organization with one table, made for the test."""
MADE = (
    f"CREATE KEYSPACE {AUX} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}",
    f"CREATE TABLE {AUX}.node_status (id text PRIMARY KEY)",
    f"GRANT ALTER ON KEYSPACE {AUX} TO ddl_user",
    f"GRANT SELECT ON KEYSPACE {AUX} TO dml_user",
    f"GRANT MODIFY ON KEYSPACE {AUX} TO dml_user",
)


def pump(source: socket.socket, target: socket.socket) -> None:
    """Everything from one to the other; both end with the first that does."""
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def forwarded(address: str) -> Iterator[int]:
    """A port of 127.0.0.1 that leads to the node's clients' port."""
    with ExitStack() as sockets, ThreadPoolExecutor(32) as threads:
        server = sockets.enter_context(socket.create_server(("127.0.0.1", 0)))

        def serve() -> None:
            with suppress(OSError):
                while True:
                    outer = sockets.enter_context(server.accept()[0])
                    inner = sockets.enter_context(socket.create_connection((address, 9042)))
                    threads.submit(pump, outer, inner)
                    threads.submit(pump, inner, outer)

        threads.submit(serve)
        try:
            yield server.getsockname()[1]
        finally:  # else the threads would be waited for for ever
            server.shutdown(socket.SHUT_RDWR)


@asynccontextmanager
async def session(node: Node, user: str = "admin") -> AsyncIterator[CqlSession]:
    """The product's session, through a forwarded port as it always is."""
    secret: dict[str, Secret | bytes] = {
        name: (node.tls / name).read_bytes() for name in ("tls.crt", "tls.key", "ca.crt")
    }
    context = tls.client_context(secret, "here", "kubectl")
    login = Login(f"{user}_user", Secret(f"of-{user}"))
    with forwarded(node.address) as port:
        cql = await open_session(port, context, login, where="pod-0", secret="creds", record=lambda *_: None)
        try:
            yield cql
        finally:
            await cql.close()


class OneNode:
    """A region of just that node: what pre-flight asks for rights through."""

    region = SimpleNamespace(name="eastus")

    def __init__(self, cql: CqlSession) -> None:
        self._cql = cql

    async def credentials(self) -> DatabaseCredentials:
        roles = ("admin", "ddl", "dml")
        return DatabaseCredentials({r: Login(f"{r}_user", Secret(f"of-{r}")) for r in roles}, "here")

    async def any_pod(self, ask: Callable[[str], Awaitable[Any]]) -> Any:
        return await ask("pod-0")

    @asynccontextmanager
    async def session(self, _pod: str, _role: str) -> AsyncIterator[CqlSession]:
        yield self._cql


async def rights_found(cql: CqlSession) -> list[Finding]:
    """What pre-flight finds of the rights on Apigee's keyspaces, as the node has both now."""
    tables = await read_tables(cql)
    ring = tables.facts(tables.members)
    names = organization_names(ring, ORGANIZATION)
    return await rights(OneNode(cql), [k for k in ring.keyspaces if k.name in names])  # type: ignore[arg-type]


async def rights_follow_each_grant(node: Node) -> None:
    """Takes rights away and gives them back, in each of the ways that Cassandra has, and asserts what is found."""
    async with session(node) as cql:

        async def found_after(*statements: str) -> list[str]:
            for statement in statements:
                await cql.query(statement)
            return [f"{f.severity}: {f.message}".split(": the ")[0] for f in await rights_found(cql)]

        (whole,) = await found_after(*MADE)
        assert whole.startswith("pass: ddl_user may alter and dml_user may read and write aux_")
        assert KMS in whole
        lost = await found_after(
            f"REVOKE ALTER ON KEYSPACE {KMS} FROM ddl_user",
            f"REVOKE MODIFY ON KEYSPACE {AUX} FROM dml_user",
        )
        assert lost == [f"warn: ddl_user lacks ALTER on {KMS}", f"warn: dml_user lacks MODIFY on {AUX}"]
        grants = [grant for f in await rights_found(cql) for grant in f.hint.split(": ")[1].split("; ")]
        assert await found_after(*grants) == [whole], "the hint mends what it stands beside"
        by_role = (
            "CREATE ROLE reader",
            f"GRANT SELECT ON KEYSPACE {AUX} TO reader",
            "GRANT reader TO dml_user",
        )
        assert await found_after(f"REVOKE SELECT ON KEYSPACE {AUX} FROM dml_user", *by_role) == [whole]
        assert await found_after("DROP ROLE reader") == [f"warn: dml_user lacks SELECT on {AUX}"]
        assert await found_after(f"GRANT SELECT ON {AUX}.node_status TO dml_user") == [whole], (
            "its only table"
        )
        assert (
            len(
                await found_after(
                    "REVOKE ALL ON ALL KEYSPACES FROM dml_user", f"REVOKE ALL ON KEYSPACE {KMS} FROM dml_user"
                )
            )
            == 1
        )
        assert await found_after("ALTER ROLE dml_user WITH SUPERUSER = true") == [whole]
        await found_after(
            "ALTER ROLE dml_user WITH SUPERUSER = false",
            *(
                f"GRANT {right} ON KEYSPACE {k} TO dml_user"
                for right in ("SELECT", "MODIFY")
                for k in (KMS, AUX)
            ),
        )
