"""Repairs the source where that was decided, then lets each new node receive the data, one node after the other.

A rebuild is started detached in the pod and then observed. Nothing that happens to our connection is taken for a failure,
and no exit code for a success: what counts is the node's own record of ranges, read before and after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hybridspan.apigee.observe import apigee_facts
from hybridspan.cassandra.detached import Job
from hybridspan.cassandra.node_state import NodeState, node_state
from hybridspan.cassandra.ranges import covering, replicas
from hybridspan.cassandra.rebuilding import Rebuild
from hybridspan.cassandra.repairing import repaired
from hybridspan.errors import PermanentFailure
from hybridspan.facts.cassandra import REPAIR_AGE_SECONDS
from hybridspan.observation.estate import Estate
from hybridspan.plan.model import Decision, PlannedStep, needed
from hybridspan.plan.phases.foreign_records import forgotten
from hybridspan.plan.phases.rebuild import (
    KeyspaceProgress,
    begun_by_us,
    can_be_at_once,
    copied_by_operator,
    decide_rebuild,
    rebuild_key,
    to_stream,
    work_for,
)
from hybridspan.plan.phases.ring_commands import pods_of
from hybridspan.plan.phases.source_repair import (
    agreed_at,
    decide_source_repair,
    proved_at,
    repairable,
    source_repair_key,
)
from hybridspan.progress import Progress
from hybridspan.steps.region_step import RegionStep
from hybridspan.topology.model import Region


class SourceRepairStep(RegionStep):
    """The source data center's last repair: looked at, and where so decided, made."""

    deadline_seconds = 30.0

    def __init__(self, planned: PlannedStep, estate: Estate) -> None:
        super().__init__(planned, estate)
        self._source: Region = estate.topology.region_of(str(self.region.copy_from))

    async def check(self) -> Decision:
        cassandra = await self.estate.cassandra(self._source)
        ring, history = await asyncio.gather(cassandra.members(), cassandra.last_repairs())
        names = repairable(ring, self._source.datacenter)
        proved = proved_at(self.estate.decided, ring, self._source)
        last = agreed_at(names, history, self._ours(), proved)
        waived = not {"source-repair", self.planned.id}.isdisjoint(self.estate.options.waived)
        now = self.estate.clock.now()

        def decided(*, copied: bool) -> Decision:
            return decide_source_repair(
                self.estate.topology, self.region, names, last, now, waived=waived, copied=copied
            )

        decision = decided(copied=False)
        # Asked of every node, so only where it makes a difference.
        return decision if decision.is_done else decided(copied=await self._is_copied())

    async def _is_copied(self) -> bool:
        """Whether no node is left that would receive anything."""
        pods = pods_of(self.estate.topology, self.region)
        running = {pod.name for pod in await (await self.estate.cassandra(self.region)).pods() if pod.ready}
        if not running.issuperset(pods):
            return False
        receivers = [Receiver(self.estate, self.region, pod) for pod in pods]
        return all(decision.is_done for decision in await asyncio.gather(*(r.decision() for r in receivers)))

    async def act(self, progress: Progress) -> None:
        cassandra = await self.estate.cassandra(self._source)
        ring, owners = await asyncio.gather(cassandra.members(), cassandra.owners())
        began = self.estate.clock.now()
        jobs: dict[str, list[Job]] = {}
        names = repairable(ring, self._source.datacenter)
        for keyspace in (k for k in ring.keyspaces if k.name in names):
            factor = keyspace.replication.factor(self._source.datacenter)
            for address in covering(replicas(owners, self._source.datacenter, factor)):
                arguments = ("repair", "-full", "-local", "-j", "4", keyspace.name)
                jobs.setdefault(address, []).append(Job(keyspace.name, arguments))
        for address, todo in jobs.items():
            pod = await cassandra.pod_of(address)
            since = self.estate.clock.now() - REPAIR_AGE_SECONDS
            started = await repaired(
                cassandra, pod.name, "repair-source", todo, self.estate.clock, progress, since=since
            )
            began = min(began, started)  # an earlier run may have started it
        kept = {**self._ours(), **dict.fromkeys(names, began)}
        self.estate.decide(source_repair_key(self.region.name), kept)

    def _ours(self) -> dict[str, float]:
        return dict(self.estate.decided(source_repair_key(self.region.name)) or {})


class Receiver:
    """One new node: what it has received, and what our journal knows of that."""

    def __init__(self, estate: Estate, region: Region, pod: str) -> None:
        self._estate = estate
        self._region = region
        self._pod = pod

    async def decision(self) -> Decision:
        """Whether it still has something to receive."""
        state = await self.state()
        decision = decide_rebuild(await self.progress(state), self._region, self._pod)
        if decision.is_done and state.is_streaming:
            return needed(f"{self._pod} is still receiving; it is watched to its end")
        return decision

    async def state(self) -> NodeState:
        source_region = self._estate.topology.region_of(str(self._region.copy_from))
        target, source = await asyncio.gather(
            self._estate.cassandra(self._region), self._estate.cassandra(source_region)
        )
        return await node_state(target, source, self._pod)

    async def progress(self, state: NodeState) -> list[KeyspaceProgress]:
        ours = self.begun(state)
        if await self._copied_by_operator():
            ours |= state.recorded
        return [
            KeyspaceProgress(name, name in state.recorded, name in state.complete, name in ours)
            for name in to_stream(state.ring, self._region)
        ]

    def begun(self, state: NodeState) -> frozenset[str]:
        """The keyspaces that a run of ours began to stream to it."""
        return begun_by_us(self._estate.decided(self._key()), state.host_id)

    def begin(self, state: NodeState, names: Sequence[str]) -> None:
        """Kept before the start: a run that ends between the two finds a record that it knows to be ours."""
        begun = sorted(self.begun(state) | set(names))
        self._estate.decide(self._key(), {"host_id": state.host_id, "begun": begun})

    def _key(self) -> str:
        return rebuild_key(self._region.name, self._pod)

    async def _copied_by_operator(self) -> bool:
        if self._estate.topology.installer != "helm":
            return False
        cluster = await self._estate.cluster(self._region)
        store = (await apigee_facts(cluster, self._region.namespace)).datastore
        return copied_by_operator(self._estate.topology, store, self._pod)


class RebuildStep(RegionStep):
    """One node receives every keyspace that names both data centers."""

    deadline_seconds = 20.0

    def __init__(self, planned: PlannedStep, estate: Estate) -> None:
        super().__init__(planned, estate)
        self._source: Region = estate.topology.region_of(str(self.region.copy_from))
        self._pod = planned.id.rsplit("/", 1)[-1]
        self._receiver = Receiver(estate, self.region, self._pod)

    async def check(self) -> Decision:
        return await self._receiver.decision()

    async def act(self, progress: Progress) -> None:
        rebuild = await self._rebuild()
        state = await self._receiver.state()
        if state.is_streaming or await rebuild.receives():
            await rebuild.observe(progress)
            state = await self._receiver.state()
        work = work_for(await self._receiver.progress(state))
        if not work.stream:
            return
        await rebuild.room_for(work.stream)
        if work.clear:
            await rebuild.forget([forgotten(name) for name in work.clear])
        self._receiver.begin(state, work.stream)
        await rebuild.start(work.stream, at_once=can_be_at_once(state.ring, self.region))
        await rebuild.observe(progress)
        await rebuild.plausible(work.stream)

    async def _rebuild(self) -> Rebuild:
        target, source = await asyncio.gather(
            self.estate.cassandra(self.region), self.estate.cassandra(self._source)
        )
        pods = {pod.name for pod in await target.pods()}
        if self._pod not in pods:
            raise PermanentFailure(
                "HS-CASS-023",
                f"there is no running pod {self._pod}",
                where=self.region.name,
                hint=f"{self.region.kubectl} get pods -l app=apigee-cassandra shows what it waits for",
            )
        port = self.estate.topology.cassandra.tls_port
        return Rebuild(target, source, self._pod, port, self.estate.clock)


STEPS = {"source-repair": SourceRepairStep, "rebuild": RebuildStep}
