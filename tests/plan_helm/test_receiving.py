"""What all nodes receive while the operator rebuilds them, from what Cassandra itself says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from hybridspan.cassandra.receiving import Receiving
from hybridspan.errors import TemporaryFailure
from hybridspan.facts.cassandra import StreamProgress


class Node:
    """One node's rebuild as somebody else runs it."""

    def __init__(self, expected: int = 1000) -> None:
        self.expected, self.received, self.away = expected, 0, ()
        self.restarts = False

    async def expected_sizes(self, keyspaces: Sequence[str]) -> Mapping[str, int]:
        return {"kms": self.expected}

    async def streams(self) -> tuple[StreamProgress, ...]:
        if self.restarts:
            raise TemporaryFailure("HS-CASS-014", "the node restarts")
        return (StreamProgress("10.0.0.1", "plan", "Rebuild", 1, 1, self.received, 1000),)

    async def closed(self) -> tuple[tuple[str, ...], bool]:
        if self.restarts:
            raise TemporaryFailure("HS-CASS-014", "the node restarts")
        return self.away, False


class Watch:
    def __init__(self, *nodes: Node) -> None:
        self.time = 0.0
        clock: Any = SimpleNamespace(monotonic=lambda: self.time)
        rebuilds: Any = {f"pod-{n}": node for n, node in enumerate(nodes)}
        self.nodes, self.receiving = nodes, Receiving(rebuilds, clock)

    async def after(self, seconds: float, *received: int, complete: Sequence[str] = ()) -> Any:
        self.time += seconds
        for node, count in zip(self.nodes, received, strict=False):
            node.received = count
        return await self.receiving.look(["kms"], complete=complete)


async def test_bytes_and_the_time_left_are_those_of_all_nodes():
    watch = Watch(Node(), Node())
    await watch.after(0, 0, 0)
    glance = await watch.after(10, 100, 300)
    assert glance.words == "2 nodes have received 400 B of about 2.0 KiB, 40 s left"
    assert glance.fraction == 0.2


async def test_a_node_that_an_earlier_run_completed_waits_for_nothing_more():
    watch = Watch(Node(), Node())
    await watch.after(0, 0, 0, complete=["pod-0"])
    glance = await watch.after(10, 0, 200, complete=["pod-0"])
    assert glance.words == "2 nodes have received 200 B of about 1000 B, 40 s left"
    assert glance.fraction == 0.2


async def test_an_estimate_is_made_once_the_keyspaces_name_the_data_center():
    watch = Watch(Node(expected=0))
    assert (await watch.after(0, 0)).details["bytes_total"] == 1000
    watch.nodes[0].expected = 4000
    assert (await watch.after(1, 0)).details["bytes_total"] == 4000


async def test_a_node_that_restarts_counts_as_still():
    watch = Watch(Node(), Node())
    await watch.after(0, 10, 10)
    watch.nodes[1].restarts = True
    glance = await watch.after(5, 20, 0)
    assert (glance.quiet, glance.details["bytes"]) == (0.0, 30)


async def test_a_way_that_is_closed_at_two_looks_is_certain():
    watch = Watch(Node())
    await watch.after(0, 10)
    watch.nodes[0].away = ("10.0.0.1",)
    assert await watch.receiving.blocked(await watch.after(20)) == ""
    assert await watch.receiving.blocked(await watch.after(20)) == ""
    assert "10.0.0.1 cannot be reached" in await watch.receiving.blocked(await watch.after(5))


async def test_what_moves_again_is_forgiven():
    watch = Watch(Node())
    await watch.after(0, 10)
    watch.nodes[0].away = ("10.0.0.1",)
    await watch.receiving.blocked(await watch.after(40))
    watch.nodes[0].away = ()
    assert await watch.receiving.blocked(await watch.after(1, 50)) == ""
    watch.nodes[0].away = ("10.0.0.1",)
    assert await watch.receiving.blocked(await watch.after(40)) == ""


async def test_a_node_that_restarts_hides_no_closed_way_of_the_others():
    watch = Watch(Node(), Node())
    await watch.after(0, 10, 10)
    watch.nodes[0].restarts, watch.nodes[1].away = True, ("10.0.0.1",)
    assert await watch.receiving.blocked(await watch.after(40)) == ""
    assert "10.0.0.1 cannot be reached" in await watch.receiving.blocked(await watch.after(5))


async def test_ways_that_cannot_be_asked_for_end_the_watch_only_after_a_while():
    watch = Watch(Node())
    await watch.after(0, 10)
    watch.nodes[0].restarts = True
    for _ in range(3):
        assert await watch.receiving.blocked(await watch.after(50)) == ""
    with pytest.raises(TemporaryFailure, match="the node restarts"):
        await watch.receiving.blocked(await watch.after(50))
