"""Two regions that somebody else joined, some time ago: they are described, left alone, verified, and serve."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from hybridspan.cassandra.detached import Job
from hybridspan.observation.estate import Estate
from hybridspan.topology import loading
from hybridspan.verification.previewing import AT_ONE_MOMENT, Previewer
from tests.rehearsal.rig import Rig, eventually, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(1800)]

CONTEXTS = ("apigee-eastus", "apigee-centralus")


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with rehearsal("two-regions", "--regions", "2") as rig:
        yield rig


@pytest.mark.parametrize("context", CONTEXTS)
def test_six_nodes_are_up_and_both_regions_run(rig: Rig, context: str) -> None:
    status = rig.nodetool(context, 0, "status").splitlines()
    assert [line.split()[0] for line in status if "rack" not in line and " ra-1" in line] == ["UN"] * 6
    assert [line for line in status if line.startswith("Datacenter")] == [
        "Datacenter: dc-1",
        "Datacenter: dc-2",
    ]
    states = rig.kubectl(
        context,
        "get",
        "apigeeds,apigeeorg,apigeeenv",
        "-n",
        "apigee",
        "-o",
        "jsonpath={.items[*].status.state}",
    )
    assert states == "running running running"


def test_the_plan_on_them_is_empty(rig: Rig) -> None:
    plan = json.loads(rig.hybridspan("plan", str(rig.topology), "--json").stdout)
    assert {step["state"] for step in plan["steps"]} == {"done"}
    found = next(f for f in plan["findings"] if f["check"] == "in-service")
    assert "no run kept here has compared it" in found["message"]


def test_apply_does_nothing_to_them(rig: Rig) -> None:
    rig.another_apply_does_nothing()
    assert rig.events("acting") == []


def test_described_by_looking_they_need_nothing_either(rig: Rig) -> None:
    described = rig.directory / "described" / "hybrid.yaml"
    described.parent.mkdir()
    for overrides in rig.directory.glob("overrides_*.yaml"):
        Path(described.parent / overrides.name).write_text(overrides.read_text())
    for folder in ("certs", "service-accounts"):
        (described.parent / folder).symlink_to(rig.directory / folder)
    azure = ("--subscription", "5a7e0000-0000-4000-8000-000000000001", "--resource-group", "my-hybrid-rg")
    named = [word for context in CONTEXTS for word in ("--context", context)]
    rig.hybridspan("init", str(described), *azure, *named, "--hybrid-version", "1.11.2", "--no-questions")
    plan = json.loads(rig.hybridspan("plan", str(described), "--json").stdout)
    assert [region.name for region in loading.load(described).regions] == ["eastus", "centralus"]
    assert {step["state"] for step in plan["steps"]} == {"done"}


def test_what_is_written_in_one_is_proved_in_the_other(rig: Rig) -> None:
    rig.hybridspan("lab", "fill", "--rows", "2000")
    assert rig.is_proved()


def test_traffic_that_goes_on_is_no_difference(rig: Rig) -> None:
    """Rows with a time to live among it: replicas get and lose them at different moments."""
    writer = rig.start("lab", "fill", "--rows", "500", "--rate", "20", log="writer.log")
    log = rig.directory / "writer.log"
    try:
        eventually(lambda: '"written": 500' in log.read_text(), 180, "the writer has begun")
        assert rig.is_proved()
        assert writer.poll() is None
    finally:
        writer.terminate()
        writer.wait(timeout=120)
    eventually(
        lambda: not writers(rig), 120, "the loader in the pod has ended with the command that started it"
    )


def writers(rig: Rig) -> list[str]:
    """The loaders that run in the first pod."""
    look = "for c in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $c; echo; done"
    words = rig.kubectl(
        "apigee-eastus", "exec", "-n", "apigee", "apigee-cassandra-default-0", "--", "bash", "-c", look
    )
    return [line for line in words.splitlines() if "hybridspan_lab.cassandra.fill" in line]


CACHE = "cache_hybrid_test_7_hybrid"
HUNG = ("apigee-cassandra-default-1", "apigee-cassandra-default-2")


def snapshots(rig: Rig) -> list[str]:
    """What all nodes say of them, but for those that have none."""
    said = [rig.nodetool(context, ordinal, "listsnapshots") for context in CONTEXTS for ordinal in range(3)]
    return [words for words in said if "There are no snapshots" not in words]


def fault(rig: Rig, kind: str) -> None:
    for pod in HUNG:
        wanted = {"kind": kind, "cluster": "apigee-centralus", "pod": pod}
        rig.hybridspan("lab", "fault", json.dumps(wanted))


def while_it_compares(rig: Rig, told: list[str]) -> None:
    """Two replicas hang when all have made their snapshots, until the comparison has failed."""
    first = partial(rig.nodetool, "apigee-eastus", 1, "listsnapshots")
    eventually(lambda: CACHE in first(), 120, "the replicas have snapshots")
    fault(rig, "pause")
    try:
        eventually(lambda: any("again in" in words for words in told), 400, "the comparison has failed")
    finally:
        fault(rig, "resume")


async def compare(rig: Rig, told: list[str]) -> None:
    """A comparison of snapshots, to its end."""
    topology = loading.load(rig.topology)
    job = Job(CACHE, (*AT_ONE_MOMENT, CACHE))
    async with Estate(topology) as estate:
        first = await estate.cassandra(topology.first)
        previewer = Previewer(
            estate.clock, lambda words, *_: told.append(words), partial(estate.cassandras, first)
        )
        run = previewer.run(first, "apigee-cassandra-default-0", "verify", [job])
        await asyncio.gather(run, asyncio.to_thread(while_it_compares, rig, told))


@pytest.mark.long
async def test_a_comparison_that_fails_leaves_no_snapshot_on_any_disk(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cassandra leaves them on the replicas; the nodes that hang then are told as soon as they go on."""
    for name, value in rig.environment.items():
        monkeypatch.setenv(name, value)
    rig.hybridspan("lab", "fill", "--rows", "0", "--large", "1200")
    told: list[str] = []
    await compare(rig, told)
    assert [words for words in told if "may stay until the node restarts" in words] == []
    assert snapshots(rig) == []
