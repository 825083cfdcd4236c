"""What can only be found by trying: logins, and the way from each node to each other one. Read-only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from hybridspan.cassandra.arriving import users_to_come
from hybridspan.cassandra.credentials import DatabaseCredentials, Role
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.errors import HybridspanError, PermanentFailure, TemporaryFailure
from hybridspan.facts.cassandra import RingFacts
from hybridspan.facts.kubernetes import PodFacts
from hybridspan.facts.world import Finding
from hybridspan.topology.model import Region, Topology

_ROLES: Final[tuple[Role, ...]] = ("admin", "ddl", "dml")
"""The superuser and ddl_user work for the run; dml_user is Apigee's runtime, which would start over data that it cannot read."""


async def logins(
    adapter: CassandraRegion, first: CassandraRegion | None = None, *, is_coming: bool = False
) -> list[Finding]:
    """Whether each database user of the secret can log in, and whether the superuser is one.

    Where nodes are still coming, what cannot be found out now is no reason to refuse: the run waits for them and logs in then. Nor
    is a refusal of what the `first` region's nodes accept: the run brings the users, and proves each login.
    """
    try:
        credentials = await adapter.credentials()
        wrong = await adapter.any_pod(lambda pod: _refused(adapter, credentials, pod))
    except HybridspanError as error:
        return [_of_error("database-users", error, adapter.region, is_coming=is_coming)]
    if not wrong:
        return [await _superuser(adapter, credentials, is_coming=is_coming)]
    if first is not None and await users_to_come(adapter, first, wrong):
        words = f"{adapter.region.datacenter} does not know its users yet: system_auth has not been repaired on each of its nodes"
        hint = "nothing to do: apply repairs it there, and proves every login then"
        return [Finding("database-users", "warn", adapter.region.name, words, hint)]
    return [_of_error("database-users", error, adapter.region) for error in wrong.values()]


async def _refused(
    adapter: CassandraRegion, credentials: DatabaseCredentials, pod: str
) -> dict[Role, PermanentFailure]:
    """Those whom Cassandra does not let in, each in its own words."""
    found: dict[Role, PermanentFailure] = {}
    for role in _ROLES:
        if role == "dml" and role not in credentials.logins:
            continue
        try:
            await adapter.log_in(pod, role)
        except PermanentFailure as failure:
            found[role] = failure
    return found


async def _superuser(
    adapter: CassandraRegion, credentials: DatabaseCredentials, *, is_coming: bool
) -> Finding:
    where = adapter.region.name
    admin = credentials.login("admin").user
    try:
        is_superuser = await adapter.any_pod(lambda pod: _is_superuser(adapter, pod, admin))
    except HybridspanError as error:
        return _of_error("database-users", error, adapter.region, is_coming=is_coming)
    if is_superuser:
        others = [credentials.logins[r].user for r in _ROLES[1:] if r in credentials.logins]
        words = f"{' and '.join(others)} {'log' if len(others) > 1 else 'logs'} in"
        return Finding("database-users", "pass", where, f"{admin} is a superuser; {words}")
    words = f"{admin} is no superuser: it can neither alter system_auth nor read a node's progress record"
    return Finding(
        "database-users", "refuse", where, words, "make it one, or put the superuser into the secret"
    )


async def _is_superuser(adapter: CassandraRegion, pod: str, user: str) -> bool:
    async with adapter.session(pod, "admin") as cql:
        rows = await cql.query("SELECT is_superuser FROM system_auth.roles WHERE role = %s", (user,))
    return bool(rows and rows[0]["is_superuser"])


async def jmx(adapter: CassandraRegion, ring: RingFacts, *, is_coming: bool = False) -> list[Finding]:
    """Whether nodetool's login works on a node; the one that showed the ring has proved it already."""

    async def ask(pod: str) -> str:
        if pod not in proved:
            await adapter.nodetool(pod, "version")
        return pod

    try:
        proved = {pod.name for pod in await adapter.pods() if pod.ready and pod.address == ring.seen_from}
        found = next(iter(proved), "") or await adapter.any_pod(ask)
    except HybridspanError as error:
        return [_of_error("jmx-login", error, adapter.region, is_coming=is_coming)]
    return [Finding("jmx-login", "pass", adapter.region.name, f"nodetool logs in on {found}")]


async def reachability(topology: Topology, adapters: Mapping[str, CassandraRegion]) -> list[Finding]:
    """The TLS port between the Cassandra nodes that run already; a pod that is just restarting cannot try its ways."""
    port = topology.cassandra.tls_port
    members = [(name, pod) for name, adapter in adapters.items() for pod in await adapter.pods()]
    addresses = {pod.address: f"{pod.name} in {name}" for name, pod in members}
    answers = await asyncio.gather(
        *(
            _unreached(adapters[name], pod, [a for a in addresses if a != pod.address], port)
            for name, pod in members
        )
    )
    closed: list[str] = []
    untried: dict[str, TemporaryFailure] = {}
    for (name, pod), goals in zip(members, answers, strict=True):
        if isinstance(goals, TemporaryFailure):
            untried[f"{pod.name} in {name}"] = goals
        else:
            closed += [f"{pod.name} in {name} does not reach {addresses[goal]}" for goal in goals]
    where = ", ".join(adapters)
    if untried and not closed:
        return [_untried(where, port, untried)]
    return [_reached(where, port, closed, len(members))]


async def _unreached(
    adapter: CassandraRegion, pod: PodFacts, goals: Sequence[str], port: int
) -> tuple[str, ...] | TemporaryFailure:
    try:
        return await adapter.unreachable_from(pod.name, goals, port)
    except TemporaryFailure as failure:
        return failure


def _untried(where: str, port: int, failures: Mapping[str, TemporaryFailure]) -> Finding:
    listed = "; ".join(f"{pod}: {failure.message}" for pod, failure in failures.items())
    words = f"port {port} could not be tried from every node: {listed}"
    first = next(iter(failures.values()))
    return Finding(
        "reachability", "warn", where, words, f"{first.hint}; hybridspan check tries every way again"
    )


def _reached(where: str, port: int, closed: Sequence[str], count: int) -> Finding:
    if closed:
        # Peerings that are missing or cut are mended by the run; this only says what is so now.
        hint = "apply mends peerings and rules that it manages; for others see the network security groups on the way"
        more = f"; and {len(closed) - 6} more" if len(closed) > 6 else ""
        words = f"port {port} is closed: {'; '.join(closed[:6])}{more}"
        return Finding("reachability", "warn", where, words, hint)
    words = f"all {count * (count - 1)} connections opened on port {port}"
    return Finding("reachability", "pass", where, words)


def _of_error(check: str, error: HybridspanError, region: Region, *, is_coming: bool = False) -> Finding:
    why = f": {error.why}" if error.why else ""
    words = f"{error.message}{why}"
    if is_coming and isinstance(error, TemporaryFailure):
        hint = f"the run waits for its nodes and logs in then; {region.kubectl} get pods shows why where one does not start"
        return Finding(check, "warn", error.where or region.name, words, hint)
    return Finding(check, "refuse", error.where or region.name, words, error.hint)
