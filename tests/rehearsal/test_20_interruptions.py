"""`kill -9` of apply in the middle of its steps, then apply again: the same end, nothing done twice."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator

import pytest

from tests.rehearsal.rig import Rig, eventually, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(1800)]

REQUIRED = ("network", "cluster", "simple-keyspaces", "datastore", "data-keyspaces", "rebuild", "seed-out")
"""Phases that must be among those that a kill came in; the others are found by looking."""
MOST_RUNS = 60


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with rehearsal("two-regions", "--system-keyspaces", "simple") as rig:
        rig.hybridspan("lab", "fill", "--rows", "5000")
        yield rig


def killed_in_a_new_step(rig: Rig, known: set[str]) -> str:
    """Start apply and kill it in the first step that it acts on and that is not known; empty when it came to its end."""
    before = len(rig.events())
    run = rig.start("apply", str(rig.topology), "--yes", "--past-no-return", log=f"kill-{len(known)}.log")

    def new() -> list[str]:
        acting = [e["step"] for e in rig.events()[before:] if e["kind"] == "acting"]
        return [step for step in acting if step not in known]

    def under_way() -> bool:
        """Every second kill comes only when the act has been heard of, so that it is in the middle of it."""
        heard = [
            e
            for e in rig.events()[before:]
            if e["step"] == new()[0] and e["kind"] in ("progress", "verifying")
        ]
        return bool(heard) or run.poll() is not None

    try:
        eventually(lambda: new() or run.poll() is not None, 600, "apply acts on a new step, or ends")
        if new() and len(known) % 2:
            eventually(under_way, 60, "the act is under way")
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
    found = new()
    assert found or run.returncode == 0, (rig.directory / f"kill-{len(known)}.log").read_text()[-3000:]
    return found[0] if found else ""


def test_apply_killed_in_every_step_ends_as_if_nothing_had_happened(rig: Rig) -> None:
    known: set[str] = set()
    for _ in range(MOST_RUNS):
        step = killed_in_a_new_step(rig, known)
        if not step:
            break
        known.add(step)
    phases = {step.partition("/")[0] for step in known}
    assert len(known) >= 12, sorted(known)
    assert phases >= set(REQUIRED), sorted(phases)
    rig.apply()
    rig.hybridspan("verify", str(rig.topology))


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
    assert seen


def test_no_rebuild_was_started_while_one_ran(rig: Rig) -> None:
    for ordinal in range(3):
        pod = ("logs", f"apigee-cassandra-default-{ordinal}", "-n", "apigee")
        assert "is still rebuilding" not in rig.kubectl("apigee-centralus", *pod)


def test_the_journal_tells_of_every_interrupted_run(rig: Rig) -> None:
    runs = {e["run"] for e in rig.events()}
    assert len(runs) >= 12
    assert json.dumps(rig.events()).count("iloveapis") == 0
