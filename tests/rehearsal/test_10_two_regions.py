"""The documented procedure, end to end, on real Cassandra and a real Kubernetes; then a third region.

The tests of this file share one lab and build on one another, in this order.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest

from tests.rehearsal.rig import EXAMPLES, Rig, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.timeout(1500)]

ROWS = 20_000
APIGEE_KEYSPACES = ["cache_hybrid_test_7_hybrid", "kms_hybrid_test_7_hybrid", "kvm_hybrid_test_7_hybrid"]
APIGEE_KEYSPACES += ["perses", "quota_hybrid_test_7_hybrid"]
SYSTEM_KEYSPACES = ["system_auth", "system_distributed", "system_traces"]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with rehearsal("two-regions") as rig:
        rig.hybridspan("lab", "fill", "--rows", str(ROWS))
        yield rig


def replication(rig: Rig) -> dict[str, dict[str, int]]:
    status = json.loads(rig.hybridspan("status", str(rig.topology), "--json").stdout)
    return {k["name"]: k["factors"] for k in status["ring"]["keyspaces"]}


def test_without_a_terminal_and_without_a_yes_nothing_is_done(rig: Rig) -> None:
    done = rig.hybridspan("apply", str(rig.topology), expect=2)
    assert "HS-CLI-002" in done.stderr
    assert rig.events("acting") == []


def test_the_plan_names_every_row_of_the_procedure(rig: Rig) -> None:
    plan = json.loads(rig.hybridspan("plan", str(rig.topology), "--json").stdout)
    rows = {row for step in plan["steps"] for row in step["procedureRows"]}
    assert rows == set(range(1, 18))


def test_apply_stops_before_the_first_node_joins_and_names_it(rig: Rig) -> None:
    done = rig.hybridspan("apply", str(rig.topology), "--yes", expect=3, timeout=600)
    assert "Stopped before datastore/centralus" in done.stderr


def test_apply_goes_on_to_the_end(rig: Rig) -> None:
    rig.apply()


def test_each_keyspace_is_replicated_as_documented(rig: Rig) -> None:
    factors = replication(rig)
    assert all(factors[name] == {"dc-1": 3, "dc-2": 3} for name in APIGEE_KEYSPACES), factors
    assert all(factors[name] == {"dc-1": 1, "dc-2": 1} for name in SYSTEM_KEYSPACES), factors


def test_verify_proves_it(rig: Rig) -> None:
    rig.hybridspan("verify", str(rig.topology))


def test_the_seed_is_out_again(rig: Rig) -> None:
    overrides = (rig.directory / "overrides_apigee-centralus.yaml").read_text()
    assert "multiRegionSeedHost" not in overrides
    live = rig.kubectl("apigee-centralus", "get", "apigeeds", "default", "-n", "apigee", "-o", "json")
    assert "multiRegionSeedHost" not in live


def test_a_second_apply_does_nothing_and_says_why(rig: Rig) -> None:
    acted = len(rig.events("acting"))
    done = rig.apply()
    assert len(rig.events("acting")) == acted
    assert "0 steps carried out" in done.stderr


def test_a_third_region_joins_afterwards(rig: Rig) -> None:
    for source in (EXAMPLES / "three-regions").glob("*.yaml"):
        if not (rig.directory / source.name).exists():
            shutil.copy(source, rig.directory / source.name)
    shutil.copy(EXAMPLES / "three-regions" / "hybrid.yaml", rig.directory / "hybrid.yaml")
    rig.apply()
    factors = replication(rig)
    assert all(factors[name] == {"dc-1": 3, "dc-2": 3, "dc-3": 3} for name in APIGEE_KEYSPACES), factors


def test_every_row_is_read_from_the_second_region_when_the_first_is_gone(rig: Rig) -> None:
    rig.kubectl(
        "apigee-eastus", "scale", "statefulset", "apigee-cassandra-default", "-n", "apigee", "--replicas", "0"
    )
    rig.kubectl(
        "apigee-eastus",
        "wait",
        "pod",
        "-l",
        "app=apigee-cassandra",
        "-n",
        "apigee",
        "--for=delete",
        "--timeout=120s",
    )
    reader = (
        "python3",
        "-m",
        "hybridspan_lab.cassandra.fill",
        "--verify",
        "--consistency",
        "ONE",
        "--rows",
        str(ROWS),
    )
    pod = ("exec", "apigee-cassandra-default-0", "-n", "apigee", "--")
    words = rig.kubectl("apigee-centralus", *pod, *reader)
    result = json.loads(words.splitlines()[-1])
    assert (result["found"], result["missing"]) == (ROWS, 0), result
