"""Rebuilds seen by whoever only looks: what each node has received, of how much, and how long it will take."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hybridspan.cassandra.detached import TaskState
from hybridspan.cassandra.rebuild_looks import RebuildLooks
from hybridspan.errors import TemporaryFailure
from hybridspan.facts.cassandra import KeyspaceFacts, Replication, RingFacts, RingNode
from tests.cassandra.recordings import recorded
from tests.cassandra.test_rebuilding import Task
from tests.engine.conftest import TurnedClock

KEYSPACES = ("kms", "kvm")
ABSENT = TaskState("absent", {}, "")
RUNNING = TaskState("running", {"kms": 0, "kvm": None}, "")
MEBIBYTE = 1024**2


def ring() -> RingFacts:
    nodes = tuple(
        RingNode(f"10.0.{dc}.{n}", f"{dc}{n}", f"dc-{dc}", "ra-1", "U", "N", None, 16)
        for dc in (1, 2)
        for n in range(3)
    )
    replication = Replication("NetworkTopologyStrategy", {"dc-1": 3, "dc-2": 3})
    return RingFacts("10.0.1.0", nodes, {}, tuple(KeyspaceFacts(name, replication) for name in KEYSPACES))


class Region:
    """A region with one pod; bytes come in as its clock goes on."""

    def __init__(self, datacenter: str, state: TaskState = ABSENT, by_hand: str = "") -> None:
        self.region = SimpleNamespace(name=datacenter, datacenter=datacenter, namespace="apigee")
        self.state, self.by_hand, self.asked = state, by_hand, 0

    async def pods(self) -> Any:
        return [SimpleNamespace(name="apigee-cassandra-default-0", ready=True)]

    async def task(self, pod: str, name: str) -> Task:
        return Task([self.state], "")

    async def bash(self, pod: str, script: str, *arguments: str) -> str:
        return self.by_hand

    async def nodetool(self, pod: str, *arguments: str) -> str:
        self.asked += 1
        return recorded("netstats_rebuild")

    async def members(self) -> RingFacts:
        return ring()

    async def keyspace_sizes(self, pod: str, names: Any) -> dict[str, int]:
        return dict.fromkeys(names, 40 * MEBIBYTE)


def looks(target: Region) -> RebuildLooks:
    return RebuildLooks(target, Region("dc-1"), 7001, TurnedClock())  # type: ignore[arg-type]


async def test_a_node_that_receives_tells_bytes_files_and_keyspaces() -> None:
    (node,), _ = await looks(Region("dc-2", RUNNING)).look(KEYSPACES)
    assert (node.pod, node.datacenter, node.keyspace) == ("apigee-cassandra-default-0", "dc-2", "kvm")
    assert (node.keyspaces_done, node.keyspaces_total, node.files) == (1, 2, 1)
    assert 11 * MEBIBYTE < node.bytes < 12 * MEBIBYTE
    assert node.bytes_total == 40 * MEBIBYTE, "what the source holds of the keyspace that is left"


async def test_a_node_that_receives_nothing_is_not_shown_and_costs_no_nodetool() -> None:
    target = Region("dc-2")
    assert await looks(target).look(KEYSPACES) == ((), None)
    assert target.asked == 0


async def test_a_rebuild_that_a_person_has_started_is_seen_too() -> None:
    (node,), _ = await looks(Region("dc-2", ABSENT, by_hand="yes\n")).look(KEYSPACES)
    assert node.keyspace == ""


async def test_what_an_operator_streams_is_seen_by_cassandras_own_word() -> None:
    seen = RebuildLooks(Region("dc-2"), Region("dc-1"), 7001, TurnedClock(), by_operator=True)  # type: ignore[arg-type]
    nodes, failure = await seen.look(KEYSPACES)
    assert (len(nodes), failure) == (1, None)


async def test_a_node_that_does_not_answer_is_told_of_and_hides_nothing_else() -> None:
    class Silent(Region):
        async def pods(self) -> Any:
            return [SimpleNamespace(name=f"apigee-cassandra-default-{n}", ready=True) for n in range(2)]

        async def nodetool(self, pod: str, *arguments: str) -> str:
            if pod.endswith("0"):
                raise TemporaryFailure("HS-CASS-001", "no answer", where=pod)
            return await super().nodetool(pod, *arguments)

    (node,), failure = await looks(Silent("dc-2", RUNNING)).look(KEYSPACES)
    assert node.pod == "apigee-cassandra-default-1"
    assert failure is not None
    assert failure.where == "apigee-cassandra-default-0"
