"""`kill -9` of apply in the middle of its steps, then apply again: the same end, nothing done twice.

The tests of this file share one lab and build on one another, in this order.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.rig import Rig, eventually, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(1800)]

KILLS_WANTED = 12
RUN_SECONDS = 600.0
ROWS = 20_000


@dataclass(frozen=True)
class Kill:
    """A moment of a run: the step acts, and since then the journal has got a line with those words."""

    step: str
    kind: str = "acting"
    words: str = ""


UP_TO_THE_LAST_REBUILD = (
    Kill("network/centralus"),
    Kill("cluster/centralus", "progress"),
    Kill("peering/eastus+centralus"),
    Kill("simple-keyspaces/eastus", "cql", "ALTER KEYSPACE"),
    Kill("simple-keyspaces/eastus", "nodetool", '"repair", "-full"'),
    Kill("cert-manager/centralus"),
    Kill("init/centralus"),
    Kill("datastore/centralus", "apigeectl", "--datastore"),
    Kill("auth-keyspace/centralus", "nodetool", '"repair", "-full"'),
    Kill("data-keyspaces/centralus", "cql", "ALTER KEYSPACE"),
    Kill("source-repair/centralus", "nodetool", '"repair", "-full"'),
    Kill("rebuild/centralus/apigee-cassandra-default-0", "nodetool", '"rebuild"'),
    Kill("rebuild/centralus/apigee-cassandra-default-1", "nodetool", '"rebuild"'),
)
LAST_REBUILD = Kill("rebuild/centralus/apigee-cassandra-default-2", "nodetool", '"rebuild"')
AFTERWARDS = (
    Kill("verify/centralus", "nodetool", '"--preview"'),
    Kill("seed-out/centralus", "apigeectl", "--datastore"),
    Kill("runtime/centralus", "apigeectl", '"apply"'),
)
MUST_BE_KILLED = (
    "network/centralus",
    "datastore/centralus",
    "simple-keyspaces/eastus",
    "auth-keyspace/centralus",
    "data-keyspaces/centralus",
    "source-repair/centralus",
    "rebuild/centralus/apigee-cassandra-default-0",
    "seed-out/centralus",
)


class Watch:
    """One run's journal as it grows: which steps act, and which of the wanted moments is now."""

    def __init__(self, rig: Rig, wanted: Collection[Kill]) -> None:
        self._rig = rig
        self._wanted = wanted
        self._last = max((e["sequence"] for e in rig.events()), default=0)
        self.acting: set[str] = set()

    def moment(self) -> Kill | None:
        """The first wanted moment among the lines that have come since the last look."""
        found: Kill | None = None
        for event in self._rig.events(after=self._last):
            self._last = event["sequence"]
            if event["kind"] == "acting":
                self.acting.add(event["step"])
            found = found or next((kill for kill in self._wanted if self._is(kill, event)), None)
            if event["kind"] in ("finished", "failed"):
                self.acting.discard(event["step"])
        return found

    def _is(self, kill: Kill, event: dict[str, Any]) -> bool:
        if kill.step not in self.acting or event["kind"] != kill.kind:
            return False
        return event["step"] in ("", kill.step) and kill.words in json.dumps(event["document"])


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """Streams between the data centers are slowed, so that a rebuild is under way when its watcher ends."""
    with rehearsal("two-regions", "--system-keyspaces", "simple") as rig:
        rig.hybridspan("lab", "fill", "--rows", str(ROWS))
        for ordinal in range(3):
            rig.nodetool("apigee-eastus", ordinal, "setinterdcstreamthroughput", "1")
        yield rig


@pytest.fixture(scope="module")
def interrupted() -> set[str]:
    """The steps that acted when a run was killed."""
    return set()


def started(rig: Rig, log: str) -> subprocess.Popen[bytes]:
    """apply in the background, as a person's shell starts it: Ctrl-C is not ignored, whatever started the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return rig.start("apply", str(rig.topology), "--yes", "--past-no-return", log=log)
    finally:
        signal.signal(signal.SIGINT, before)


def come_to(rig: Rig, run: subprocess.Popen[bytes], watch: Watch, log: str) -> Kill | None:
    """The first wanted moment of a run; None where it came to its good end before."""
    end = time.monotonic() + RUN_SECONDS
    while time.monotonic() < end:
        is_over = run.poll() is not None
        if found := watch.moment():
            return found
        if is_over:
            assert run.returncode == 0, (rig.directory / log).read_text()[-6000:]
            return None
        time.sleep(0.03)
    raise AssertionError(
        f"apply has neither ended nor come to a wanted moment within {RUN_SECONDS:.0f} s: {watch.acting}"
    )


def killed(rig: Rig, wanted: Collection[Kill], interrupted: set[str], log: str) -> Kill | None:
    """The moment at which a run was killed; steps run side by side, so that a kill interrupts all that act."""
    watch = Watch(rig, wanted)
    run = started(rig, log)
    try:
        found = come_to(rig, run, watch, log)
    finally:
        run.kill()
        run.wait()
    watch.moment()
    interrupted |= watch.acting
    return found if run.returncode == -signal.SIGKILL else None


def test_apply_is_killed_again_and_again_and_always_goes_on(rig: Rig, interrupted: set[str]) -> None:
    wanted = list(UP_TO_THE_LAST_REBUILD)
    while UP_TO_THE_LAST_REBUILD[-1] in wanted:
        moment = killed(rig, wanted, interrupted, f"kill-{len(wanted)}.log")
        assert moment is not None, f"apply came to its end before {wanted}"
        wanted.remove(moment)
        if moment == UP_TO_THE_LAST_REBUILD[-2]:
            eventually(lambda: is_rebuilding(rig, 0), 60, "the rebuild goes on without its watcher")


def is_rebuilding(rig: Rig, ordinal: int) -> bool:
    return "Rebuild" in rig.nodetool("apigee-centralus", ordinal, "netstats")


def test_a_second_apply_is_turned_away_and_ctrl_c_ends_the_first_within_seconds(rig: Rig) -> None:
    watch = Watch(rig, [LAST_REBUILD])
    run = started(rig, "ctrl-c.log")
    try:
        assert come_to(rig, run, watch, "ctrl-c.log") == LAST_REBUILD
        second = rig.apply(expect=4, timeout=60)
        run.send_signal(signal.SIGINT)
        code = run.wait(timeout=15)
    finally:
        run.kill()
        run.wait()
    assert "HS-JOURNAL-003" in second.stderr
    assert f"apply by process {run.pid}" in second.stderr
    assert code == 130, (rig.directory / "ctrl-c.log").read_text()[-6000:]
    assert "interrupted; what was begun goes on in the world" in (rig.directory / "ctrl-c.log").read_text()
    assert LAST_REBUILD.step in {e["step"] for e in rig.events("interrupted")}


@contextmanager
def nodes_followed(rig: Rig) -> Iterator[None]:
    """Each new node's log, from its start until the node is started anew: to let the seed go, and then the old log is gone."""
    with ExitStack() as stack:
        for ordinal in range(3):
            output = stack.enter_context(log_of_node(rig, ordinal).open("wb"))
            pod = ("logs", "-f", f"apigee-cassandra-default-{ordinal}", "-n", "apigee")
            command = ("kubectl", "--context", "apigee-centralus", *pod)
            process = subprocess.Popen(command, env=dict(rig.environment), stdout=output)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        for ordinal in range(3):
            log = log_of_node(rig, ordinal)
            eventually(
                lambda log=log: "rebuild from dc: dc-1" in log.read_text(), 60, f"the rebuild in {log.name}"
            )
        yield


def log_of_node(rig: Rig, ordinal: int) -> Path:
    return rig.directory / f"node-{ordinal}.log"


def test_it_comes_to_its_end(rig: Rig, interrupted: set[str]) -> None:
    for ordinal in range(3):
        rig.nodetool("apigee-eastus", ordinal, "setinterdcstreamthroughput", "0")
    wanted = list(AFTERWARDS)
    with nodes_followed(rig):
        while moment := killed(rig, wanted, interrupted, f"kill-afterwards-{len(wanted)}.log"):
            wanted.remove(moment)
    assert len(interrupted) >= KILLS_WANTED, sorted(interrupted)
    assert interrupted.issuperset(MUST_BE_KILLED), sorted(interrupted)
    rig.hybridspan("verify", str(rig.topology))


def test_the_end_is_the_documented_one(rig: Rig) -> None:
    ring = json.loads(rig.hybridspan("status", str(rig.topology), "--json").stdout)["ring"]
    factors = {k["name"]: k["factors"] for k in ring["keyspaces"] if k["factors"]}
    system = {"system_auth", "system_distributed", "system_traces"}
    assert all(set(factors[name]) == {"dc-1", "dc-2"} for name in system), factors
    data = {name: found for name, found in factors.items() if name not in system}
    assert len(data) == 5
    assert all(found == {"dc-1": 3, "dc-2": 3} for found in data.values()), data
    assert rig.nodetool("apigee-eastus", 0, "status").count("UN  ") == 6
    live = rig.kubectl("apigee-centralus", "get", "apigeeds", "default", "-n", "apigee", "-o", "json")
    assert "multiRegionSeedHost" not in live


def test_the_second_cluster_was_created_once(rig: Rig) -> None:
    puts = [r for r in rig.arm_requests() if r["method"] == "PUT" and r["status"] in (200, 201)]
    clusters = [r for r in puts if re.search(r"/managedclusters/apigee-centralus(\?|$)", r["path"].lower())]
    assert len(clusters) == 1, clusters


def test_no_keyspace_was_altered_to_the_map_it_had(rig: Rig) -> None:
    """A statement stands in the journal before it is sent: only one that a kill overtook may be there again."""
    events = [e for e in rig.events("cql") if "statement" in e["document"]]
    last_of_run = {e["run"]: number for number, e in enumerate(events)}
    seen: dict[str, int] = {}
    for number, event in enumerate(events):
        statement = event["document"]["statement"]
        if statement.upper().startswith("ALTER KEYSPACE"):
            before = seen.get(statement)
            assert before is None or last_of_run[events[before]["run"]] == before, statement
            seen[statement] = number
    assert len(seen) >= 11, sorted(seen)


def test_no_rebuild_was_started_twice(rig: Rig) -> None:
    """A rebuild stands in the journal once it has started; no run has broken one off, so each node has each once."""
    commands = [(e["document"]["pod"], *e["document"]["command"]) for e in rig.events("nodetool")]
    rebuilds = [command for command in commands if command[2] == "rebuild"]
    assert len(rebuilds) == len(set(rebuilds)), sorted(rebuilds)
    assert len({command[0] for command in rebuilds}) == 3


@pytest.mark.parametrize("ordinal", range(3))
def test_cassandra_itself_tells_of_no_second_rebuild(rig: Rig, ordinal: int) -> None:
    """It logs every rebuild that it is told to do, whoever tells it: `rebuild from dc: dc-1, KEYSPACE, (All tokens)`."""
    log = log_of_node(rig, ordinal).read_text()
    keyspaces = re.findall(r"rebuild from dc: dc-1, ([^,]+), ", log)
    assert keyspaces
    assert len(keyspaces) == len(set(keyspaces)), keyspaces
    assert "(All keyspaces)" not in keyspaces or len(keyspaces) == 1, keyspaces


def test_the_journal_tells_of_every_interrupted_run(rig: Rig) -> None:
    runs = {e["run"] for e in rig.events()}
    assert len(runs) >= KILLS_WANTED + 1
    assert json.dumps(rig.events()).count("iloveapis") == 0
