"""Looks into a pod that were ended before they came to their end: they are no news of what was looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hybridspan.cassandra.probing import NODETOOL_REBUILD
from hybridspan.cassandra.region import CassandraRegion
from hybridspan.errors import TemporaryFailure
from tests.cassandra.pods import LocalPods
from tests.plan_cassandra.world import two_regions

Look = Callable[[CassandraRegion], Awaitable[Any]]
LOOKS: dict[str, Look] = {
    "host": lambda region: region.host("pod-0"),
    "keyspace_sizes": lambda region: region.keyspace_sizes("pod-0", ["kms"]),
    "unreachable_from": lambda region: region.unreachable_from("pod-0", ["127.0.0.1"], 7001),
    "rebuild by hand": lambda region: region.bash("pod-0", NODETOOL_REBUILD),
}


@pytest.fixture
def region(pods: LocalPods) -> CassandraRegion:
    return CassandraRegion(pods, two_regions().region("eastus"), lambda *_: None)


async def failure_of(look: Look, region: CassandraRegion) -> TemporaryFailure:
    with pytest.raises(TemporaryFailure) as failed:
        await look(region)
    return failed.value


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize("ending", ["exit 137", "kill -9 $$", "exit 127"])
async def test_a_look_that_was_ended_is_one_that_may_come_and_not_an_empty_answer(
    pods: LocalPods, region: CassandraRegion, name: str, ending: str
) -> None:
    pods.program("bash", ending)
    failure = await failure_of(LOOKS[name], region)
    assert (failure.code, failure.where) == ("HS-CASS-028", "apigee-test, pod apigee/pod-0")
    assert (failure.why or "").startswith("exit code ")
    assert "kubectl --context apigee-test -n apigee describe pod pod-0" in failure.hint


async def test_a_size_that_nobody_could_tell_is_not_0(pods: LocalPods, region: CassandraRegion) -> None:
    pods.program("du", "kill -9 $$")
    assert (await failure_of(LOOKS["keyspace_sizes"], region)).why == "exit code 137"


async def test_a_connection_whose_try_was_ended_is_not_closed(
    pods: LocalPods, region: CassandraRegion
) -> None:
    pods.program("timeout", "kill -9 $$")
    failure = await failure_of(LOOKS["unreachable_from"], region)
    assert failure.why == "nothing was said of 127.0.0.1"


async def test_a_keyspace_without_a_folder_has_no_bytes(region: CassandraRegion) -> None:
    assert await region.keyspace_sizes("pod-0", ["kms"]) == {"kms": 0}


async def test_what_answers_is_told_from_what_refuses_and_what_is_silent(
    pods: LocalPods, region: CassandraRegion
) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        # Nobody listens at the second address of the loopback.
        assert await region.unreachable_from("pod-0", ["127.0.0.1", "127.0.0.2"], port) == ("127.0.0.2",)
    pods.program("timeout", "exit 124")
    assert await region.unreachable_from("pod-0", ["127.0.0.1"], port) == ("127.0.0.1",)


async def test_a_search_that_finds_nothing_ends_with_1_and_is_an_answer(region: CassandraRegion) -> None:
    assert await region.bash("pod-0", "echo some; exit 1") == "some\n"
