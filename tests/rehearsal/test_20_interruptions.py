"""`kill -9` of apply in the middle of its steps, then apply again: the same end, nothing done twice."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator

import pytest

from tests.rehearsal.rig import Rig, eventually, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(1800)]

KILLED_IN = [
    "network/centralus",
    "peering/eastus+centralus",
    "cluster/centralus",
    "simple-keyspaces/eastus",
    "cert-manager/centralus",
    "init/centralus",
    "datastore/centralus",
    "auth-keyspace/centralus",
    "data-keyspaces/centralus",
    "rebuild/centralus/apigee-cassandra-default-0",
    "rebuild/centralus/apigee-cassandra-default-1",
    "verify/centralus",
    "seed-out/centralus",
    "runtime/centralus",
]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with rehearsal("two-regions", "--system-keyspaces", "simple") as rig:
        rig.hybridspan("lab", "fill", "--rows", "5000")
        yield rig


@pytest.mark.parametrize("step", KILLED_IN)
def test_apply_is_killed_in(rig: Rig, step: str) -> None:
    """Each kill comes while its step acts; the next parameter's apply goes on from there."""
    before = len(rig.events("acting"))
    run = rig.start(
        "apply", str(rig.topology), "--yes", "--past-no-return", log=f"kill-{step.replace('/', '-')}.log"
    )

    def acting() -> bool:
        if run.poll() is not None:
            raise AssertionError(
                f"apply ended with {run.returncode} before {step} acted; see {rig.directory}"
            )
        return any(e["step"] == step for e in rig.events("acting")[before:])

    try:
        eventually(acting, 600, f"{step} acts")
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert run.returncode == -signal.SIGKILL


def test_apply_ends_as_if_nothing_had_happened(rig: Rig) -> None:
    rig.apply()
    rig.hybridspan("verify", str(rig.topology))


def test_the_second_cluster_was_created_once(rig: Rig) -> None:
    puts = [r for r in rig.arm_requests() if r["method"] == "PUT" and r["status"] in (200, 201)]
    clusters = [r for r in puts if re.search(r"/managedclusters/apigee-centralus(\?|$)", r["path"].lower())]
    assert len(clusters) == 1, clusters


def test_no_keyspace_was_altered_to_the_map_it_had(rig: Rig) -> None:
    statements = [e["document"]["statement"] for e in rig.events("cql") if "statement" in e["document"]]
    alters = [s for s in statements if s.upper().startswith("ALTER KEYSPACE")]
    assert alters
    assert len(alters) == len(set(alters)), sorted(alters)


def test_no_rebuild_was_started_while_one_ran(rig: Rig) -> None:
    for ordinal in range(3):
        pod = ("logs", f"apigee-cassandra-default-{ordinal}", "-n", "apigee")
        assert "is still rebuilding" not in rig.kubectl("apigee-centralus", *pod)


def test_the_journal_tells_of_every_interrupted_run(rig: Rig) -> None:
    runs = {e["run"] for e in rig.events()}
    assert len(runs) >= len(KILLED_IN) + 1
    assert json.dumps(rig.events()).count("iloveapis") == 0
