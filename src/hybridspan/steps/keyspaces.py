"""Carries out both ALTER phases: each statement only where the map differs, agreement after each, repairs where owed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from hybridspan.cassandra.agreement import agreed
from hybridspan.cassandra.credentials import Role
from hybridspan.cassandra.detached import Job
from hybridspan.cassandra.ranges import covering, replicas
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.cassandra.repairing import repaired
from hybridspan.cassandra.ring import read_replication
from hybridspan.cassandra.session import CqlSession
from hybridspan.errors import HybridspanError, PermanentFailure
from hybridspan.facts.cassandra import Replication, RingFacts, RingNode
from hybridspan.observation.estate import Estate
from hybridspan.plan.model import Decision, needed
from hybridspan.plan.phases.alterations import Alteration, simple_alterations, spread
from hybridspan.plan.phases.keyspace_names import AUTH, names_of_ours, system_names
from hybridspan.plan.phases.keyspaces import (
    auth_key,
    decide_auth,
    decide_simple,
    decide_spread,
)
from hybridspan.plan.phases.ring_commands import User
from hybridspan.plan.phases.simple_repairs import SIMPLE_KEY, SimpleRepairs
from hybridspan.progress import Progress
from hybridspan.steps.region_step import RegionStep
from hybridspan.topology.model import Region

LOGIN_ROLES: Final[tuple[Role, ...]] = ("admin", "ddl", "dml")


async def alter(
    source: CassandraRegion, found: Sequence[Alteration], estate: Estate, progress: Progress
) -> None:
    """Each statement through one node of the source region, and agreement of the whole ring after each."""
    for user in dict.fromkeys(alteration.user for alteration in found):
        todo = [alteration for alteration in found if alteration.user == user]
        await source.any_pod(lambda pod, u=user, t=todo: _alter_as(source, pod, u, t, estate, progress))  # type: ignore[misc]


async def _alter_as(
    source: CassandraRegion,
    pod: str,
    user: User,
    todo: Sequence[Alteration],
    estate: Estate,
    progress: Progress,
) -> None:
    async with source.session(pod, user) as cql:
        for number, alteration in enumerate(todo):
            progress(alteration.statement, number / len(todo), {"keyspace": alteration.keyspace})
            if await _replication(cql, alteration.keyspace) == alteration.after:
                continue
            try:
                await cql.query(alteration.statement)
            except PermanentFailure as failure:
                # ddl_user owns Apigee's keyspaces only; one that a person has added is the superuser's.
                if failure.code != "HS-CASS-006" or user == "admin":
                    raise
                await _alter_as(source, pod, "admin", [alteration], estate, progress)
            await agreed(cql, estate.clock)


async def _replication(cql: CqlSession, keyspace: str) -> Replication | None:
    """As it is now: a node that failed half-way may have been asked before."""
    rows = await cql.query(
        "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = %s", (keyspace,)
    )
    return read_replication(rows[0]["replication"]) if rows else None


class SimpleKeyspacesStep(RegionStep):
    """From SimpleStrategy to NetworkTopologyStrategy with the present data centers, then repaired."""

    async def check(self) -> Decision:
        return decide_simple(await self._ring(), self._repairs())

    async def act(self, progress: Progress) -> None:
        source = await self._source()
        found = simple_alterations(await source.members())
        # Kept before the statements: a run that ends between the two owes the repair all the same.
        self._keep(self._repairs().altered([alteration.keyspace for alteration in found]))
        await alter(source, found, self.estate, progress)
        # A repair that began before one of them was altered says nothing of its new replicas.
        since = self.estate.clock.now() if found else 0.0
        await self._repair(source, sorted(self._repairs().owed), progress, since)

    async def _repair(
        self, source: CassandraRegion, names: Sequence[str], progress: Progress, since: float
    ) -> None:
        if not names:
            return
        ring, owners = await asyncio.gather(source.members(), source.owners())
        jobs: dict[str, list[Job]] = {}
        for name in names:
            keyspace = ring.keyspace(name)
            if keyspace is None or max(keyspace.replication.factors.values(), default=0) < 2:
                continue  # one replica has nothing to be compared with
            factor = keyspace.replication.factor(source.region.datacenter)
            for address in covering(replicas(owners, source.region.datacenter, factor)):
                jobs.setdefault(address, []).append(Job(name, ("repair", "-full", name)))
        for address, todo in jobs.items():
            pod = await source.pod_of(address)
            await repaired(source, pod.name, "repair-simple", todo, self.estate.clock, progress, since=since)
        self._keep(self._repairs().repaired(names))

    def _repairs(self) -> SimpleRepairs:
        return SimpleRepairs.read(self.estate.decided(SIMPLE_KEY))

    def _keep(self, repairs: SimpleRepairs) -> None:
        self.estate.decide(SIMPLE_KEY, repairs.to_document())

    async def _source(self) -> CassandraRegion:
        return await self.estate.cassandra(self.estate.topology.first)

    async def _ring(self) -> RingFacts:
        return await (await self._source()).members()


class _SpreadStep(RegionStep):
    """Adds a region's data center to some keyspaces."""

    def _names(self, ring: RingFacts) -> tuple[str, ...]:
        raise NotImplementedError

    async def check(self) -> Decision:
        ring = await (await self._source()).members()
        return decide_spread(ring, self.region, self._names(ring), self._added_after())

    async def act(self, progress: Progress) -> None:
        source = await self._source()
        ring = await source.ring_facts()
        members_are_up(ring, self.region)
        await alter(source, spread(ring, self.region, self._names(ring)), self.estate, progress)

    def _added_after(self) -> frozenset[str]:
        return self.estate.topology.added_after(self.region)

    async def _source(self) -> CassandraRegion:
        topology = self.estate.topology
        return await self.estate.cassandra(topology.region_of(str(self.region.copy_from)))


def members_are_up(ring: RingFacts, region: Region) -> None:
    """PermanentFailure unless every declared node of the region is a normal member: replicas go to members only."""
    nodes = ring.of(region.datacenter)
    up = [n for n in nodes if n.is_up_normal]
    if len(up) < region.cassandra_nodes or len(up) < len(nodes):
        down = ", ".join(f"{n.address} is {n.status}{n.state}" for n in nodes if not n.is_up_normal)
        raise PermanentFailure(
            "HS-CASS-018",
            f"{region.datacenter} has {len(up)} of {region.cassandra_nodes} nodes as normal members of the ring",
            where=region.name,
            why=down,
            hint="its keyspaces are altered when all of them are up; run apply again then",
        )


class SystemKeyspacesStep(_SpreadStep):
    """system_distributed and system_traces."""

    def _names(self, ring: RingFacts) -> tuple[str, ...]:
        return system_names(ring)


class DataKeyspacesStep(_SpreadStep):
    """Every keyspace that is not Cassandra's own, but for those that the operator replicates."""

    def _names(self, ring: RingFacts) -> tuple[str, ...]:
        return names_of_ours(self.estate.topology, ring)


class AuthKeyspaceStep(_SpreadStep):
    """system_auth: altered, repaired at once on each new node, and a login proved through each."""

    def _names(self, ring: RingFacts) -> tuple[str, ...]:
        return (AUTH,)

    async def check(self) -> Decision:
        ring = await (await self._source()).members()
        decision = decide_auth(ring, self.region, self._decided(), self._added_after())
        if not decision.is_done:
            return decision
        failures = await self._failed_logins()
        return needed(f"no login through {'; '.join(failures)}") if failures else decision

    async def act(self, progress: Progress) -> None:
        await super().act(progress)
        source, target = await self._source(), await self.estate.cassandra(self.region)
        ring = await source.members()
        nodes = ring.of(self.region.datacenter)
        at_once = 1 if ring.before_4 else len(nodes)
        for first in range(0, len(nodes), at_once):
            some = nodes[first : first + at_once]
            await asyncio.gather(*(self._repair(target, source, node, progress) for node in some))

    async def _repair(
        self, target: CassandraRegion, source: CassandraRegion, node: RingNode, progress: Progress
    ) -> None:
        """One node's repair; the record of it is read in the source: nobody can log in here yet."""
        pod = await target.pod_of(node.address)
        job = Job(AUTH, ("repair", "-full", "-j", "4", AUTH))
        clock = self.estate.clock
        await repaired(target, pod.name, "repair-auth", [job], clock, progress, source, since=clock.now())
        hosts = {*self._decided().get("hosts", ()), node.host_id}
        self.estate.decide(auth_key(self.region), {"hosts": sorted(hosts)})

    def _decided(self) -> dict[str, Any]:
        return dict(self.estate.decided(auth_key(self.region)) or {})

    async def _failed_logins(self) -> list[str]:
        """Nodes through which one of the users cannot log in, and why."""
        target = await self.estate.cassandra(self.region)
        pods = [pod.name for pod in await target.pods()]
        failures = await asyncio.gather(*(_failed_login(target, pod) for pod in pods))
        return [failure for failure in failures if failure]


async def _failed_login(target: CassandraRegion, pod: str) -> str:
    logins = (await target.credentials()).logins
    for role in LOGIN_ROLES:
        if role in logins:
            try:
                await target.log_in(pod, role)
            except HybridspanError as error:
                return f"{pod} as {logins[role].user}: {error.why or error.message}"
    return ""


STEPS = {
    "simple-keyspaces": SimpleKeyspacesStep,
    "auth-keyspace": AuthKeyspaceStep,
    "system-keyspaces": SystemKeyspacesStep,
    "data-keyspaces": DataKeyspacesStep,
}
