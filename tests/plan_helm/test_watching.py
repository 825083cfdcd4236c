"""The replication's step against an operator that is told what to do, and against a ring that says otherwise."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.errors import HybridspanError, PermanentFailure
from hybridspan.facts.cassandra import RingFacts
from hybridspan.facts.kubernetes import PodFacts
from hybridspan.plan.build import build
from hybridspan.plan.model import later
from hybridspan.steps.replication import ReplicationStep
from hybridspan.topology.model import Region, Topology
from tests.plan_cassandra.world import AFTER, nts, ring

from .world import KMS, ORGANIZATION, PODS, RING, apigee, with_helm, world

NARROW = ring({**AFTER, KMS: nts(dc_1=3)}, "dc-1", "dc-2")
Act = Callable[["Operator"], None]


class Operator:
    """The cluster and its operator: each look at the resource lets it go one step on."""

    def __init__(self, *story: Act) -> None:
        self.story = list(story)
        self.resource: dict[str, Any] | None = None
        self.status: dict[str, Any] = {}
        self.changes: list[dict[str, Any]] = []
        self.ready = True

    def says(self, state: str, message: str = "", **nodes: str) -> None:
        assert self.resource is not None
        generation = self.resource["metadata"]["generation"]
        self.resource["status"] = {"state": state, "message": message, "lastAppliedGeneration": generation}
        details = {
            f"apigee-cassandra-default-{n[1:]}": {"state": s, "message": message} for n, s in nodes.items()
        }
        self.status = {"state": state, "rebuildDetails": details}

    def made(self, spec: dict[str, Any], **status: Any) -> None:
        metadata = {"name": "region-expansion", "generation": 1}
        self.resource = {
            "kind": "CassandraDataReplication",
            "metadata": metadata,
            "spec": spec,
            "status": status,
        }

    async def apply(self, document: dict[str, Any], *, force: bool = False) -> None:
        self.made(document["spec"])
        self.changes.append(document["spec"])

    async def patch(self, api: str, kind: str, name: str, change: dict[str, Any], namespace: str) -> None:
        assert self.resource is not None
        self.resource["spec"] |= change["spec"]
        self.resource["metadata"]["generation"] += 1
        self.changes.append(change["spec"])

    async def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Any:
        if kind == "ApigeeDatastore":
            return {"metadata": {"name": "default"}, "status": {"cassandraDataReplication": self.status}}
        if kind == "Deployment" and self.ready:
            return {"metadata": {}, "spec": {"replicas": 1}, "status": {"availableReplicas": 1}}
        return None

    async def list_(
        self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = ""
    ) -> list[Any]:
        if kind != "CassandraDataReplication":
            return []
        if self.story and self.changes:
            self.story.pop(0)(self)
        return [self.resource] if self.resource else []


@dataclass
class Ring:
    """Cassandra of both regions: what its nodes list as received, and what was cleared."""

    facts: RingFacts = RING
    received: dict[str, set[str]] = field(default_factory=lambda: {pod: {KMS} for pod in PODS})
    statements: list[tuple[str, str]] = field(default_factory=list)
    free: dict[str, int] = field(default_factory=dict)
    away: tuple[str, ...] = ()
    bytes: int = 10
    holds: dict[str, int] = field(default_factory=dict)
    """Bytes of each keyspace on a pod where these are other than `bytes`."""
    datacenter: str = "dc-2"
    source: Ring | None = None
    """The other region's, where it holds anything else."""

    async def host(self, pod: str) -> Any:
        return SimpleNamespace(free_bytes=self.free.get(pod, 10**12))

    async def members(self) -> RingFacts:
        return self.facts

    async def pods(self) -> tuple[PodFacts, ...]:
        return tuple(PodFacts(p, "apigee", p, "n", "a", "Running", True, 0, ("c",), "") for p in PODS)

    @contextlib.asynccontextmanager
    async def session(self, pod: str, role: str = "admin") -> AsyncIterator[Any]:
        async def query(statement: str) -> None:
            self.statements.append((pod, statement))
            self.received[pod].discard(statement.split("'")[1])

        yield SimpleNamespace(query=query, pod=pod)

    async def available(self, cql: Any) -> dict[str, tuple[str, ...]]:
        return dict.fromkeys(self.received[cql.pod], ("range",))

    async def nodetool(self, pod: str, *_: str) -> str:
        return "Mode: NORMAL\n"

    async def keyspace_sizes(self, pod: str, names: Any) -> dict[str, int]:
        return dict.fromkeys(names, self.holds.get(pod, self.bytes))

    async def unreachable_from(self, pod: str, addresses: Any, port: int) -> tuple[str, ...]:
        return self.away

    @property
    def region(self) -> Any:
        return SimpleNamespace(datacenter=self.datacenter, name="centralus", namespace="apigee")


class Estate:
    def __init__(self, operator: Operator, cassandra: Ring, topology: Topology) -> None:
        self.topology, self.operator, self.ring, self.kept, self.time = topology, operator, cassandra, {}, 0.0

    @property
    def clock(self) -> Any:
        async def sleep(seconds: float) -> None:
            self.time += seconds

        return SimpleNamespace(monotonic=lambda: self.time, sleep=sleep)

    async def cluster(self, region: Region) -> Operator:
        return self.operator

    async def cassandra(self, region: Region) -> Ring:
        return self.ring.source if region.datacenter == "dc-1" and self.ring.source else self.ring

    def decided(self, key: str) -> Any:
        return self.kept.get(key)

    def decide(self, key: str, value: Any) -> None:
        self.kept[key] = value


def nothing(operator: Operator) -> None:
    """The operator takes its time."""


def running(operator: Operator) -> None:
    operator.says("running", "", n0="complete", n1="running")


def complete(operator: Operator) -> None:
    operator.says("complete", "", n0="complete", n1="complete", n2="complete")


def error(message: str) -> Act:
    return lambda operator: operator.says("error", message, n0="complete", n1="error")


async def carried_out(
    operator: Operator, cassandra: Ring | None = None, topology: Topology | None = None
) -> list[str]:
    """The words that the step said of itself."""
    told: list[str] = []
    estate: Any = Estate(operator, cassandra or Ring(), topology or with_helm())
    planned: Any = SimpleNamespace(region="centralus", id="replication/centralus", decision=later(""))
    step = ReplicationStep(planned, estate)
    await step.act(lambda text, *_: told.append(text))
    assert (await step.verify(lambda *_: None)).is_done
    return told


SPEC = {"organizationRef": ORGANIZATION, "force": False, "source": {"region": "dc-1"}}


async def test_the_resource_is_made_and_watched_to_its_end():
    operator = Operator(nothing, running, running, complete)
    cassandra = Ring(received={pod: set() for pod in PODS})
    operator.story[-1] = lambda op: (complete(op), [held.add(KMS) for held in cassandra.received.values()])[0]
    told = await carried_out(operator, cassandra)
    assert operator.changes == [SPEC]
    assert any("1 of 3 nodes complete" in words for words in told)


async def test_records_of_another_time_are_cleared_before_the_operator_begins():
    cassandra = Ring()
    operator = Operator(nothing, complete)
    with pytest.raises(PermanentFailure, match="HS-APIGEE-045"):
        await carried_out(operator, cassandra)
    assert {pod for pod, _ in cassandra.statements} == set(PODS)
    assert all(KMS in statement for _, statement in cassandra.statements)


async def test_a_failure_is_started_again_by_force_which_is_taken_back():
    operator = Operator(nothing, running, complete, nothing, nothing, nothing, complete)
    operator.made(dict(SPEC), state="error", message="Stream failed", lastAppliedGeneration=1)
    await carried_out(operator)
    assert [change["force"] for change in operator.changes] == [True, False]


async def test_a_wrong_source_is_corrected_and_what_it_left_is_cleared():
    cassandra = Ring()
    operator = Operator(nothing, complete)
    operator.made(
        {**SPEC, "source": {"region": "us-west1"}}, state="error", message="x", lastAppliedGeneration=1
    )
    with pytest.raises(PermanentFailure, match="HS-APIGEE-045"):
        await carried_out(operator, cassandra)
    assert operator.changes[0] == {**SPEC, "force": True}
    assert len(cassandra.statements) == 3


async def test_an_operator_that_copies_nothing_is_not_believed():
    with pytest.raises(PermanentFailure, match=r"HS-APIGEE-045.*not believed") as caught:
        await carried_out(Operator(nothing, complete), Ring(received={pod: set() for pod in PODS}))
    assert "no record of having received" in caught.value.why


async def test_a_keyspace_that_lacks_the_data_center_is_named():
    with pytest.raises(PermanentFailure, match="HS-APIGEE-044") as caught:
        await carried_out(Operator(nothing, complete), Ring(NARROW))
    assert f"{KMS} is not replicated to dc-2" in caught.value.why


def beside(source_bytes: int, own_bytes: int, **holds: int) -> Ring:
    """The new nodes, each with a record of every range, beside a source with more to hold."""
    pods = {f"apigee-cassandra-default-{n[1:]}": size for n, size in holds.items()}
    return Ring(bytes=own_bytes, holds=pods, source=Ring(bytes=source_bytes, datacenter="dc-1"))


def restarted() -> Operator:
    """An operator that a run starts again by force, and that then says complete: no record is cleared for it."""
    operator = Operator(nothing, running, complete, nothing, nothing, nothing, complete)
    operator.made(dict(SPEC), state="error", message="Stream failed", lastAppliedGeneration=1)
    return operator


async def test_a_node_that_is_nearly_empty_is_not_believed_whatever_its_records_say():
    operator, cassandra = restarted(), beside(10**9, 10**9, n1=5 * 1024**2)
    with pytest.raises(PermanentFailure, match=r"HS-APIGEE-045.*a node is nearly empty: it is not") as caught:
        await carried_out(operator, cassandra)
    assert cassandra.received[PODS[1]] == {KMS}
    assert (
        f"{PODS[1]} holds next to nothing of it: 5.0 MiB on disk, about 953.7 MiB expected"
        in caught.value.why
    )
    assert f"apigee/{PODS[1]}" in caught.value.where
    assert "the comparison tells which ranges lack" in caught.value.hint


@pytest.mark.parametrize(
    ("source", "own"),
    [(10**9, 21 * 10**7), (8 * 1024**2, 0)],
    ids=["a fifth, for what was written over and deleted goes by compaction", "too little to say anything"],
)
async def test_a_size_that_may_be_whole_is_left_to_the_comparison(source: int, own: int):
    await carried_out(restarted(), beside(source, own))


async def test_what_was_called_nearly_empty_is_judged_by_the_comparison_the_next_time():
    """A size is a hint and no proof: looked at again and again it would let nobody pass."""
    operator, cassandra = Operator(), beside(10**9, 0)
    operator.made(dict(SPEC))
    complete(operator)
    estate: Any = Estate(operator, cassandra, with_helm())
    planned: Any = SimpleNamespace(region="centralus", id="replication/centralus", decision=later(""))
    assert (await ReplicationStep(planned, estate).check()).is_done
    made = build(with_helm(), world(with_helm(), RING, apigee()))
    for release in (s for s in made.steps if s.id.startswith("release/centralus/env/")):
        assert {"verify-again/centralus", "replication/centralus"} <= set(release.needs)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Provided datacenter 'dc-1' is not a valid datacenter", "HS-APIGEE-040"),
        (
            "Unable to find sufficient sources for streaming range (1,2] in keyspace system_traces",
            "HS-APIGEE-042",
        ),
        (f'ApigeeOrganization.apigee.cloud.google.com "{ORGANIZATION}" not found', "HS-APIGEE-043"),
    ],
)
async def test_the_cause_of_a_failure_is_named(message: str, code: str):
    with pytest.raises(HybridspanError, match=code):
        await carried_out(Operator(nothing, error(message)))


STREAM_FAILED = (
    "failed to rebuild from dc-1: java.lang.RuntimeException : Error while rebuilding node: Stream failed"
)


async def test_a_disk_that_is_full_is_named_though_the_operator_speaks_of_its_stream():
    cassandra = Ring(free={PODS[1]: 5 * 1024**2})
    with pytest.raises(PermanentFailure, match=r"HS-APIGEE-055.*the disk of a new node is full") as caught:
        await carried_out(Operator(nothing, error(STREAM_FAILED)), cassandra)
    assert f"{PODS[1]} has 5 MiB free; the operator says: " in caught.value.why


async def test_a_way_that_is_closed_is_named_though_the_operator_speaks_of_its_stream():
    with pytest.raises(PermanentFailure, match=r"HS-APIGEE-041.*do not reach dc-1") as caught:
        await carried_out(Operator(nothing, error(STREAM_FAILED)), Ring(away=("10.10.0.4",)))
    assert "10.10.0.4 cannot be reached" in caught.value.why


async def test_without_room_on_a_node_the_operator_is_not_even_asked():
    source = Ring(NARROW, bytes=10**9, datacenter="dc-1")
    cassandra = Ring(NARROW, {pod: set() for pod in PODS}, free={PODS[2]: 10**6}, source=source)
    operator = Operator(nothing, complete)
    with pytest.raises(PermanentFailure, match=f"HS-CASS-021.*{PODS[2]} has no room") as caught:
        await carried_out(operator, cassandra)
    assert "nothing was started" in caught.value.hint
    assert operator.changes == []


async def test_what_a_node_holds_already_needs_no_room_again():
    cassandra = Ring(free={PODS[2]: 10**6}, bytes=10**9, source=Ring(bytes=10**9, datacenter="dc-1"))
    operator = Operator(nothing, running, complete, nothing, nothing, nothing, complete)
    operator.made(dict(SPEC), state="error", message="Stream failed", lastAppliedGeneration=1)
    await carried_out(operator, cassandra)
    assert [change["force"] for change in operator.changes] == [True, False]


async def test_a_standstill_ends_after_a_quarter_of_an_hour_and_nothing_ends_before():
    operator = Operator(running)
    with pytest.raises(PermanentFailure, match="HS-APIGEE-047") as caught:
        await carried_out(operator)
    assert "15 min" in caught.value.why
    assert "kubectl --context apigee-centralus -n apigee logs deployment/" in caught.value.hint


async def test_an_operator_that_is_not_there_is_named():
    operator = Operator()
    operator.ready = False
    with pytest.raises(PermanentFailure, match="HS-APIGEE-048") as caught:
        await carried_out(operator)
    assert "-n apigee get deployment apigee-controller-manager" in caught.value.hint


async def test_a_resource_that_is_deleted_is_missed_and_not_called_an_operator_that_is_away():
    operator = Operator(running, lambda op: setattr(op, "resource", None))
    with pytest.raises(PermanentFailure, match="HS-APIGEE-048") as caught:
        await carried_out(operator)
    assert "somebody deleted it" in caught.value.why
    assert "it makes it anew" in caught.value.hint
    assert "apigee-controller-manager" not in caught.value.hint


async def test_copied_directly_no_record_is_touched():
    cassandra = Ring()
    operator = Operator(nothing, complete)
    await carried_out(operator, cassandra, with_helm(replication="direct"))
    assert cassandra.statements == []
