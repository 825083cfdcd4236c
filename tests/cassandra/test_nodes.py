"""What is told of a node that answers, of one that restarts, and of one that nobody can log in to yet."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from hybridspan.cassandra.nodes import node_facts
from hybridspan.cassandra.probing import HostState
from hybridspan.errors import TemporaryFailure
from hybridspan.facts.cassandra import AvailableRanges, NodeFacts
from hybridspan.facts.kubernetes import PodFacts

ROW = {"keyspace_name": "perses", "full_ranges": [b"a", b"b"], "transient_ranges": None}


@dataclass
class Region:
    """A region of one pod; what is None does not answer."""

    host_state: HostState | None
    refusal: str = ""
    ready: bool = True

    @property
    def region(self) -> Any:
        return SimpleNamespace(datacenter="dc-1")

    async def pods(self) -> tuple[PodFacts, ...]:
        return (
            PodFacts(
                "pod-0", "apigee", "uid", "vm", "10.0.0.1", "Running", self.ready, 0, ("cassandra",), ""
            ),
        )

    async def last_repairs(self) -> dict[str, float]:
        return {"perses": 1.0}

    async def host(self, _pod: str) -> HostState:
        if self.host_state is None:
            raise TemporaryFailure("HS-KUBE-004", "the stream was lost")
        return self.host_state

    @asynccontextmanager
    async def session(self, _pod: str):
        if self.refusal:
            raise TemporaryFailure(self.refusal, "no session")
        yield SimpleNamespace(query=self._query)

    async def _query(self, _statement: str) -> list[dict[str, Any]]:
        return [ROW]


async def seen(region: Region) -> NodeFacts:
    (facts,) = await node_facts(region)  # type: ignore[arg-type]
    return facts


def at(offset: float) -> HostState:
    return HostState(5, 7, time.time() + offset, own_name_resolves=True)


async def test_a_node_tells_its_disk_its_clock_and_what_it_received() -> None:
    facts = await seen(Region(at(30)))
    assert (facts.data_bytes, facts.disk_free_bytes, facts.own_name_resolves) == (5, 7, True)
    assert facts.available_ranges == (AvailableRanges("perses", 2, 0),)
    assert facts.clock_offset_seconds is not None
    assert abs(facts.clock_offset_seconds - 30) < 5


async def test_of_a_node_that_restarts_nothing_is_known_but_that_it_is_there() -> None:
    facts = await seen(Region(None))
    assert (facts.pod, facts.data_bytes, facts.clock_offset_seconds) == ("pod-0", None, None)
    assert facts.last_repair == {"perses": 1.0}


async def test_a_node_that_nobody_can_log_in_to_yet_has_received_nothing_and_tells_the_rest() -> None:
    facts = await seen(Region(at(0), refusal="HS-CASS-004"))
    assert (facts.available_ranges, facts.data_bytes) == ((), 5)


async def test_a_node_that_does_not_answer_in_cql_is_not_judged_by_half() -> None:
    facts = await seen(Region(at(0), refusal="HS-CASS-005"))
    assert facts.data_bytes is None


async def test_a_node_that_is_not_ready_is_not_asked_in_cql() -> None:
    assert (await seen(Region(at(0), refusal="HS-CASS-005", ready=False))).data_bytes == 5
