"""Ordinary roles log in through every old node before, during and after the expansion; without the first ALTER phase some cannot.

A newly made ring keeps its roles on one node (SimpleStrategy, factor 1). Two labs begin like that: one is expanded as planned, the
other without moving system_auth first.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.rig import Rig, eventually, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(1200)]

ROLES = 30
OLD = "apigee-eastus"
IN_POD = ("exec", "apigee-cassandra-default-0", "-n", "apigee", "-c", "apigee-cassandra", "--")
SHELL = (*IN_POD, "bash", "-c")


def addresses(rig: Rig) -> str:
    """The old nodes' addresses, with commas."""
    path = "jsonpath={.items[*].status.podIP}"
    return ",".join(
        rig.kubectl(OLD, "get", "pods", "-l", "app=apigee-cassandra", "-n", "apigee", "-o", path).split()
    )


def command(nodes: str) -> str:
    return f"hybridspan-logins --roles {ROLES} --nodes {nodes}"


def one_round(rig: Rig) -> dict[str, Any]:
    """Every role through every old node, once."""
    said = rig.kubectl(OLD, *SHELL, command(addresses(rig)), expect=None)
    result: dict[str, Any] = json.loads(said.splitlines()[-1])
    return result


@contextmanager
def logging_in(rig: Rig) -> Iterator[Path]:
    """Rounds without end while the block runs; the file then ends with what they met."""
    record = rig.base / "logins.jsonl"
    script = f"echo $$ >/tmp/logins.pid; exec {command(addresses(rig))} --seconds 3600"
    kubectl = ("kubectl", "--context", OLD, *SHELL, script)
    with (
        record.open("wb") as output,
        subprocess.Popen(kubectl, env=dict(rig.environment), stdout=output) as process,
    ):
        try:
            yield record
        finally:
            rig.kubectl(OLD, *SHELL, "kill $(cat /tmp/logins.pid)", expect=None)
            process.wait(60)


def met(record: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(record.read_text().splitlines()[-1])
    return result


@contextmanager
def ring_with_roles() -> Iterator[Rig]:
    with rehearsal("two-regions", "--system-keyspaces", "simple") as rig:
        rig.kubectl(OLD, *IN_POD, "hybridspan-logins", "--create", "--roles", str(ROLES))
        yield rig


def test_thirty_roles_log_in_through_every_old_node_before_during_and_after() -> None:
    with ring_with_roles() as rig:
        before = one_round(rig)
        with logging_in(rig) as record:
            rig.apply()
        during, after = met(record), one_round(rig)
    assert before == {"logins": ROLES * 3, "failed": 0, "examples": []}
    assert during["failed"] == 0, during
    assert during["logins"] > ROLES * 3 * 10, "the rounds went on through the whole expansion"
    assert after == {"logins": ROLES * 3, "failed": 0, "examples": []}


def test_without_the_first_phase_some_of_them_cannot() -> None:
    with ring_with_roles() as rig:
        assert one_round(rig)["failed"] == 0
        left_out = (sys.executable, str(Path(__file__).with_name("left_out.py")), "apply", str(rig.topology))
        rig.run(*left_out, "--yes", "--past-no-return", "--until", "reachability", timeout=600)
        eventually(lambda: rig.nodetool(OLD, 0, "status").count("UN  ") == 6, 60, "six nodes are up")
        refused = one_round(rig)
    assert refused["failed"] > 0, refused
    assert refused["logins"] == ROLES * 3
