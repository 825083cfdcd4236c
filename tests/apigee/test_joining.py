"""What the datastore's step concludes while new nodes are on their way, with a cluster that is told what to show."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.errors import PermanentFailure
from hybridspan.facts.cassandra import RingFacts, RingNode
from hybridspan.facts.kubernetes import PodFacts
from hybridspan.steps.install import DatastoreStep
from hybridspan.topology.loading import load
from hybridspan.topology.model import Region, Topology

EXAMPLE = Path(__file__).parents[2] / "examples" / "two-regions" / "hybrid.yaml"
POD = PodFacts(
    "cassandra-0", "apigee", "u", "n", "192.138.0.9", "Running", False, 0, ("apigee-cassandra",), ""
)


@dataclass
class Cluster:
    pod: PodFacts = POD
    count: int = 1
    log: list[str] = field(default_factory=list)
    store: dict[str, Any] | None = None

    async def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Any:
        return self.store if kind == "ApigeeDatastore" else None

    async def list_(self, *_: Any, **__: Any) -> list[Any]:
        return []

    async def pods(self, namespace: str, labels: str = "") -> tuple[PodFacts, ...]:
        return (self.pod,) * self.count

    async def logs(self, *_: Any, previous: bool = False, **__: Any) -> list[str]:
        return self.log if previous or not self.pod.restarts else []


@dataclass
class Estate:
    topology: Topology
    there: Cluster
    nodes: tuple[RingNode, ...] = ()
    time: float = 0.0
    closed: tuple[str, ...] = ()
    """Addresses that no other node reaches."""

    @property
    def clock(self) -> Any:
        return SimpleNamespace(monotonic=lambda: self.time)

    async def cluster(self, region: Region) -> Cluster:
        return self.there

    async def cassandra(self, region: Region) -> Any:
        async def ring_facts() -> RingFacts:
            return RingFacts("120.38.1.9", self.nodes, {"v": ()})

        first = region == self.topology.first
        pods = [
            replace(POD, name=f"cassandra-{n}", address=f"{'120.38.1' if first else '192.138.0'}.{n}")
            for n in (9, 10, 11)
        ]

        async def unreachable_from(pod: str, goals: tuple[str, ...], port: int) -> list[str]:
            return [goal for goal in goals if goal in self.closed]

        return SimpleNamespace(
            ring_facts=ring_facts,
            members=ring_facts,
            pods=partial(answered, pods),
            unreachable_from=unreachable_from,
        )


async def answered(value: Any) -> Any:
    return value


@pytest.fixture
def estate() -> Estate:
    return Estate(load(EXAMPLE), Cluster(store=store("creating", 0)))


@pytest.fixture
def step(estate: Estate) -> DatastoreStep:
    planned: Any = SimpleNamespace(region="centralus", id="datastore/centralus")
    return DatastoreStep(planned, estate)  # type: ignore[arg-type]


def store(state: str, ready: int) -> dict[str, Any]:
    properties = {"datacenter": "dc-2", "rack": "ra-1", "clusterName": "apigeecluster"}
    return {
        "metadata": {"name": "default"},
        "spec": {"components": {"cassandra": {"replicas": 3, "properties": properties}}},
        "status": {"state": state, "cassandraReadyReplicas": ready},
    }


async def look(step: DatastoreStep) -> Any:
    return await step.verify(lambda *_: None)


async def test_nodes_that_merely_start_are_waited_for(step: DatastoreStep):
    decision = await look(step)
    assert decision.state == "needed"
    assert "0 of 3 Cassandra pods of dc-2 are ready" in decision.reason
    assert "cassandra-0: Running" in decision.reason


async def test_all_nodes_up_and_normal_is_the_proof(estate: Estate, step: DatastoreStep):
    estate.there = Cluster(replace(POD, ready=True), 3, store=store("running", 3))
    assert (await look(step)).state == "needed"
    estate.nodes = tuple(RingNode(f"192.138.0.{n}", "h", "dc-2", "ra-1", "U", "N", 1, 1) for n in (9, 10, 11))
    assert (await look(step)).is_done


def in_ring(state: str) -> tuple[RingNode, ...]:
    return tuple(RingNode(f"192.138.0.{n}", "h", "dc-2", "ra-1", state, "N", 1, 1) for n in (9, 10, 11))


async def test_nodes_that_run_and_that_the_ring_does_not_reach_are_named_before_the_deadline(
    estate: Estate, step: DatastoreStep
):
    estate.there = Cluster(replace(POD, ready=True), 3, store=store("running", 3))
    estate.nodes, estate.closed = in_ring("D"), ("192.138.0.10",)
    assert (await look(step)).state == "needed"
    estate.time = 181.0
    with pytest.raises(
        PermanentFailure, match=r"HS-CASS-022.*does not reach cassandra-10 in centralus"
    ) as told:
        await look(step)
    assert told.value.where == "centralus, centralus and eastus"


async def test_nodes_that_are_reached_are_waited_for_on(estate: Estate, step: DatastoreStep):
    estate.there = Cluster(replace(POD, ready=True), 3, store=store("running", 3))
    estate.nodes = in_ring("D")
    assert (await look(step)).state == "needed"
    for estate.time in (181.0, 400.0):
        assert (await look(step)).state == "needed"


async def test_another_authority_is_named_at_once(estate: Estate, step: DatastoreStep):
    estate.there.pod = replace(POD, restarts=1, reason="CrashLoopBackOff: back-off")
    estate.there.log = ["PKIX path validation failed", "Unable to gossip with any peers"]
    with pytest.raises(PermanentFailure, match="HS-APIGEE-020") as raised:
        await look(step)
    assert "cassandra-0 in apigee-centralus (dc-2)" in raised.value.where


async def test_an_unreachable_seed_is_named_only_when_it_stays_so(estate: Estate, step: DatastoreStep):
    estate.there.pod = replace(POD, restarts=3)
    estate.there.log = ["Unable to gossip with any peers"]
    assert (await look(step)).state == "needed"
    estate.time = 200.0
    with pytest.raises(PermanentFailure, match="HS-APIGEE-024"):
        await look(step)


async def test_a_pod_that_nobody_can_take_is_named_after_a_while(estate: Estate, step: DatastoreStep):
    estate.there.pod = replace(
        POD, phase="Pending", address="", reason="Unschedulable: 3 Insufficient memory"
    )
    assert (await look(step)).state == "needed"
    estate.time = 121.0
    with pytest.raises(PermanentFailure, match="HS-APIGEE-028"):
        await look(step)


async def test_a_datastore_of_another_name_is_refused(estate: Estate, step: DatastoreStep):
    estate.there.store = store("running", 3)
    estate.there.store["spec"]["components"]["cassandra"]["properties"]["datacenter"] = "centralus"
    with pytest.raises(PermanentFailure, match=r"HS-APIGEE-013.*centralus"):
        await look(step)


async def test_a_full_disk_is_named_though_the_node_does_not_end(estate: Estate, step: DatastoreStep):
    estate.there.log = ["FSWriteError: java.io.IOException: No space left on device"]
    assert (await look(step)).state == "needed"
    estate.time = 30.0
    with pytest.raises(PermanentFailure, match="HS-APIGEE-023"):
        await look(step)
