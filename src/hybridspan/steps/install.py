"""Runs the installer in a new region and watches its nodes join the ring."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from hybridspan.apigee.apigeectl import must_match
from hybridspan.apigee.causes import Found, cause_in, cause_of_waiting
from hybridspan.apigee.observe import apigee_facts
from hybridspan.errors import PermanentFailure
from hybridspan.facts.apigee import DatastoreFacts
from hybridspan.facts.kubernetes import PodFacts
from hybridspan.plan.model import Decision, PlannedStep, needed
from hybridspan.plan.phases.install import decide_datastore, decide_init
from hybridspan.progress import Progress
from hybridspan.steps.connections import Connections
from hybridspan.steps.datastore import apply_datastore
from hybridspan.steps.region_step import RegionStep

if TYPE_CHECKING:
    from hybridspan.kubernetes.cluster import KubernetesCluster
    from hybridspan.observation.estate import Estate

CASSANDRA: Final = "app=apigee-cassandra"
CONTAINER: Final = "apigee-cassandra"
JOIN_SECONDS: Final = 1800.0
CUT_SECONDS: Final = 180.0
"""How long nodes may be ready where they run, and not seen up in the ring, before the ways between them are tried."""


class InitStep(RegionStep):
    """`apigeectl init`: the controller and what it needs."""

    deadline_seconds: float = 600.0

    async def check(self) -> Decision:
        cluster = await self.estate.cluster(self.region)
        return decide_init(self.estate.topology, await apigee_facts(cluster, self.region.namespace))

    async def act(self, progress: Progress) -> None:
        installer = await self.estate.apigeectl(self.region)
        await must_match(installer, self.estate.topology.hybrid_version)
        await installer.init(self.region.overrides, lambda line: progress(line, None, {}))


class DatastoreStep(RegionStep):
    """`apigeectl apply --datastore`, or Helm's release of it: the new nodes join, empty; the first region's view of the ring proves it."""

    deadline_seconds: float = JOIN_SECONDS

    def __init__(self, planned: PlannedStep, estate: Estate) -> None:
        super().__init__(planned, estate)
        self._seen_since: dict[tuple[str, str], float] = {}
        self._apart_since: float | None = None

    async def check(self) -> Decision:
        source = await self.estate.cassandra(self.estate.topology.first)
        store, ring = await asyncio.gather(self._store(), source.ring_facts())
        return decide_datastore(self.region, store, ring)

    async def act(self, progress: Progress) -> None:
        await apply_datastore(self.estate, self.region, progress)

    async def verify(self, progress: Progress) -> Decision:
        cluster = await self.estate.cluster(self.region)
        store, pods = await asyncio.gather(self._store(), cluster.pods(self.region.namespace, CASSANDRA))
        decision = decide_datastore(self.region, store, None)
        if decision.state == "refused":
            raise PermanentFailure(
                "HS-APIGEE-013", decision.reason, where=self.planned.id, hint=decision.hint
            )
        # A pod is ready when its node is up and normal, so the ring, which costs more, is asked only then.
        declared, ready = self.region.cassandra_nodes, sum(pod.ready for pod in pods)
        if ready >= declared:
            decision = await self.check()
            if not decision.is_done:
                await self._raise_if_cut()
            return decision if decision.is_done else needed(decision.reason)
        self._apart_since = None
        await self._raise_known_cause(cluster, pods)
        told = f"{ready} of {declared} Cassandra pods of {self.region.datacenter} are ready"
        progress(told, ready / declared, {})
        return needed("; ".join([told, *_reasons(pods)]))

    async def _store(self) -> DatastoreFacts | None:
        cluster = await self.estate.cluster(self.region)
        return (await apigee_facts(cluster, self.region.namespace)).datastore

    async def _raise_if_cut(self) -> None:
        """PermanentFailure where the ring stays without nodes that are ready, and their port is closed to one another."""
        now = self.estate.clock.monotonic()
        if self._apart_since is None:
            self._apart_since = now
        if now - self._apart_since < CUT_SECONDS:
            return
        if failure := await Connections(self.estate, self.region).closed():
            raise failure
        self._apart_since = now

    async def _raise_known_cause(self, cluster: KubernetesCluster, pods: tuple[PodFacts, ...]) -> None:
        """PermanentFailure where a pod's end, or what keeps it from starting, has a known cause."""
        for pod in pods:
            found = None if pod.ready else cause_of_waiting(pod) or await crash_cause(cluster, pod)
            if found is not None and self._is_overdue(pod, found):
                raise PermanentFailure(
                    found.cause.code,
                    found.cause.message,
                    where=f"{pod.namespace}/{pod.name} in {self.region.cluster.name} ({self.region.datacenter})",
                    why=found.evidence,
                    hint=found.cause.hint.replace("{kubectl}", self.region.kubectl),
                )

    def _is_overdue(self, pod: PodFacts, found: Found) -> bool:
        now = self.estate.clock.monotonic()
        since = self._seen_since.setdefault((pod.uid, found.cause.code), now)
        return now - since >= found.cause.patience


async def crash_cause(cluster: KubernetesCluster, pod: PodFacts) -> Found | None:
    """The known cause of a container's repeated end, or of its standing still, from its last words."""
    if not pod.restarts and pod.phase not in ("Running", "Failed"):
        return None
    lines = await cluster.logs(pod.namespace, pod.name, container=CONTAINER)
    if pod.restarts:
        lines = await cluster.logs(pod.namespace, pod.name, container=CONTAINER, previous=True) + lines
    found = cause_in(lines)
    return found if found is not None and pod.restarts >= found.cause.restarts else None


def _reasons(pods: tuple[PodFacts, ...]) -> list[str]:
    return [f"{p.name}: {p.reason or p.phase or 'not started'}" for p in pods if not p.ready]


STEPS: Final = {"init": InitStep, "datastore": DatastoreStep}
