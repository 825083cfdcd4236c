"""Lets Apigee's operator copy the data, watches it by what the nodes themselves say, and believes it as far as the ring does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from hybridspan.apigee.observe import DATASTORE, REPLICATION, apigee_facts
from hybridspan.cassandra.receiving import Receiving
from hybridspan.errors import PermanentFailure
from hybridspan.observation.estate import Estate
from hybridspan.observation.replication import Watched, cause_seen, receivers, replication_seen
from hybridspan.plan.model import Decision, PlannedStep, needed
from hybridspan.plan.phases.foreign_records import forgotten
from hybridspan.plan.phases.keyspace_names import organization_names
from hybridspan.plan.phases.operator import organization_resource
from hybridspan.plan.phases.replication import (
    RESOURCE,
    ReplicationSeen,
    contradictions,
    decide_replication,
    manifest,
    mistakes,
    names_not_ours,
    replication_key,
)
from hybridspan.progress import Progress
from hybridspan.steps.region_step import RegionStep

if TYPE_CHECKING:
    from hybridspan.kubernetes.cluster import KubernetesCluster

PATIENT_SECONDS: Final = 120.0
"""How long the operator may take to take the resource up."""
STALE_SECONDS: Final = 20.0
"""How long the old words of an operator that keeps no generation are taken for old."""
_LONGEST_PAUSE: Final = 5.0


class ReplicationStep(RegionStep):
    """One region's CassandraDataReplication."""

    deadline_seconds = 30.0

    def __init__(self, planned: PlannedStep, estate: Estate) -> None:
        super().__init__(planned, estate)
        self._where = f"{planned.region}, CassandraDataReplication in namespace {self.region.namespace}"

    async def check(self) -> Decision:
        return self._decide((await self._look(records=True)).seen, await self._organization())

    async def verify(self, progress: Progress) -> Decision:
        decision = await self.check()
        return decision if decision.is_done else needed(decision.reason)

    async def act(self, progress: Progress) -> None:
        organization, before = await self._organization(), await self._look(records=True)
        stale = before.seen.failure if await self._begin(before, organization, progress) else ""
        watched = await self._watch(progress, stale)
        if watched.seen.failure:
            raise await cause_seen(self.estate, self.region, watched)
        await self._judge()
        await self._without_force()

    def _decide(self, seen: ReplicationSeen, organization: str) -> Decision:
        return decide_replication(self.estate.topology, self.region, organization, seen)

    async def _begin(self, watched: Watched, organization: str, progress: Progress) -> bool:
        """Make the resource, or set right and start by force what ended otherwise than well; leave alone what runs.

        Whether anything was changed: then what the resource said before means nothing any more.
        """
        seen, resource = watched.seen, watched.seen.resource
        if resource is None:
            await self._room(seen)
            kept = self.estate.decided(replication_key(self.region.name))
            strange = names_not_ours(self.estate.topology, self.region, seen, kept)
            await self._forget(seen, strange, progress)
            self._keep(seen)
            progress(f"{RESOURCE}: the operator copies from {self.region.copy_from}", None, {})
            cluster = await self._cluster()
            await cluster.apply(manifest(self.region, organization))
            return True
        wrong = mistakes(self.region, organization, resource)
        against = contradictions(self.estate.topology, self.region, seen) if seen.is_complete else ()
        if not (wrong or seen.failure or against):
            return False
        if seen.failure:
            cause = await cause_seen(self.estate, self.region, watched)
            progress(f"{resource.name} has ended: {cause.code} {cause.message}", None, {"code": cause.code})
        await self._room(seen)
        progress(self._decide(seen, organization).reason, None, {"force": True})
        # What a wrong source left behind, or a copy that is not there, would be skipped the next time.
        if wrong or against:
            await self._forget(seen, self._organization_names(seen), progress)
        await self._again(resource.name, organization, was_forced=resource.force)
        return True

    async def _again(self, name: str, organization: str, *, was_forced: bool) -> None:
        cluster, spec = await self._cluster(), manifest(self.region, organization)["spec"]
        # The operator acts on a change: a force that stands already is taken back first.
        for force in (False, True) if was_forced else (True,):
            await cluster.patch(
                DATASTORE, REPLICATION, name, {"spec": {**spec, "force": force}}, self.region.namespace
            )

    async def _without_force(self) -> None:
        seen = (await self._look()).seen
        if seen.resource is not None and seen.resource.force:
            cluster, change = await self._cluster(), {"spec": {"force": False}}
            await cluster.patch(DATASTORE, REPLICATION, seen.resource.name, change, self.region.namespace)
            await self._watch(lambda *_: None)

    async def _room(self, seen: ReplicationSeen) -> None:
        await (await receivers(self.estate, self.region)).room(self._organization_names(seen))

    async def _forget(self, seen: ReplicationSeen, names: Sequence[str], progress: Progress) -> None:
        """Remove records of received ranges that nobody vouches for: Cassandra would skip what they list."""
        target = await self.estate.cassandra(self.region)
        for pod, received in seen.received.items():
            doubtful = [n for n in names if n in received]
            if doubtful:
                progress(
                    f"{pod}: the record of {', '.join(doubtful)} is of no run that is known, and is cleared",
                    None,
                    {},
                )
                async with target.session(pod) as cql:
                    for name in doubtful:
                        await cql.query(forgotten(name))

    def _organization_names(self, seen: ReplicationSeen) -> Sequence[str]:
        return organization_names(seen.ring, self.estate.topology.organization) if seen.ring else ()

    def _nodes(self, seen: ReplicationSeen) -> Sequence[Any]:
        return seen.ring.of(self.region.datacenter) if seen.ring else ()

    def _keep(self, seen: ReplicationSeen) -> None:
        hosts = sorted(n.host_id for n in self._nodes(seen))
        self.estate.decide(replication_key(self.region.name), {"hosts": hosts})

    async def _watch(self, progress: Callable[..., None], stale: str = "") -> Watched:
        """Until the operator says how it ended, however long that takes; `stale` is how it ended before, for a while no news.

        PermanentFailure where nobody takes the resource up, where the way to the source is closed, or where bytes stand still.
        """
        began, pause, glances = self.estate.clock.monotonic(), 0.3, None
        while True:
            watched, seconds = await self._look(), self.estate.clock.monotonic() - began
            if watched.is_settled and not (stale and watched.repeats(stale) and seconds < STALE_SECONDS):
                return watched
            self._raise_unheard(watched, seconds)
            glances = glances or await receivers(self.estate, self.region)
            await self._tell(glances, watched.seen, progress)
            await self.estate.clock.sleep(pause)
            pause = min(pause * 1.3, _LONGEST_PAUSE)

    async def _tell(self, glances: Receiving, seen: ReplicationSeen, progress: Callable[..., None]) -> None:
        nodes = {pod: n.state for pod, n in seen.status.nodes.items()} if seen.status else {}
        state = seen.resource.state if seen.resource else ""
        complete = [pod for pod, s in nodes.items() if s == "complete"]
        marks = (state, *sorted(nodes.items()))
        glance = await glances.look(self._organization_names(seen), *marks, complete=complete)
        words = f"{RESOURCE} is {state or 'waiting for the operator'}, {len(complete)} of {self.region.cassandra_nodes} nodes complete"
        progress(f"{words}; {glance.words}", glance.fraction, {**glance.details, "nodes": nodes})
        if why := await glances.blocked(glance):
            raise PermanentFailure(
                "HS-APIGEE-047",
                "the operator's copying stands still",
                where=self._where,
                why=f"{words}; {why}",
                hint="run apply again: it looks at peerings and ports, mends them, and goes on watching;"
                f" {self.region.kubectl} logs deployment/apigee-controller-manager says what the operator does",
            )

    def _raise_unheard(self, watched: Watched, seconds: float) -> None:
        resource = watched.seen.resource
        if resource is not None and (resource.state or watched.operator_ready or seconds < PATIENT_SECONDS):
            return
        gone = resource is None
        raise PermanentFailure(
            "HS-APIGEE-048",
            "nobody carries the CassandraDataReplication out",
            where=self._where,
            why="the resource is gone: somebody deleted it" if gone else "the operator is not available",
            hint="see that nobody, and no GitOps controller that prunes, deletes it again; then run apply again: it makes it anew"
            if gone
            else f"{self.region.kubectl} get deployment apigee-controller-manager; run apply again when it is available",
        )

    async def _judge(self) -> None:
        """Whether what says complete is; PermanentFailure where the ring says otherwise."""
        seen = (await self._look(records=True)).seen
        against = contradictions(self.estate.topology, self.region, seen)
        if against:
            lacks = any("is not replicated to" in sentence for sentence in against)
            raise PermanentFailure(
                "HS-APIGEE-044" if lacks else "HS-APIGEE-045",
                "the operator says complete, but the data did not arrive: it is not believed",
                where=self._where,
                why="; ".join(against),
                hint="run apply again: it starts the resource by force; where that does not help, replication: direct in the"
                " topology lets hybridspan copy instead",
            )
        await self._plausible(self._organization_names(seen))

    async def _plausible(self, names: Sequence[str]) -> None:
        nodes = await receivers(self.estate, self.region)
        try:
            await nodes.plausible(names)
        except PermanentFailure as failure:
            raise PermanentFailure(
                "HS-APIGEE-045",
                "the operator says complete, but a node is nearly empty: it is not believed",
                where=failure.where,
                why=f"{failure.message}: {failure.why}",
                hint="run apply again: the comparison tells which ranges lack, and replication: direct in the topology lets"
                " hybridspan copy instead",
            ) from failure

    async def _look(self, *, records: bool = False) -> Watched:
        return await replication_seen(self.estate, self.region, records=records)

    async def _organization(self) -> str:
        first = self.estate.topology.first
        facts = await apigee_facts(await self.estate.cluster(first), first.namespace)
        return organization_resource(self.estate.topology, facts)

    async def _cluster(self) -> KubernetesCluster:
        return await self.estate.cluster(self.region)


STEPS: Final = {"replication": ReplicationStep}
