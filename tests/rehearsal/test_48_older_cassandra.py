"""The pairing that apigeectl's releases really ship: Cassandra 3.11, which copies as 4.0 does and can prove nothing.

The tests of this file share one lab and build on one another, in this order.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator

import pytest

from hybridspan.cassandra.lost_notices import HISTORY, Ending, ending_of
from hybridspan.cassandra.texts import repair_of
from tests.rehearsal.rig import Rig, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(3000)]

ROWS = 5_000
POD = "apigee-cassandra-default-0"
UNPROVED = "Replicated, not proved: dc-2"


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with rehearsal("two-regions", "--cassandra", "3.11") as rig:
        rig.hybridspan("lab", "fill", "--rows", str(ROWS))
        yield rig


def test_the_lab_says_which_pairing_it_rehearses(rig: Rig) -> None:
    mode = json.loads(rig.hybridspan("lab", "status", "--json").stdout)["mode"]
    assert "apigeectl with Cassandra 3.11.17, as its releases ship it" in mode
    assert "ReleaseVersion: 3.11.17" in rig.nodetool("apigee-eastus", 0, "version")


def test_the_plan_says_beforehand_that_nothing_will_be_proved(rig: Rig) -> None:
    plan = json.loads(rig.hybridspan("plan", str(rig.topology), "--json").stdout)
    (found,) = [f for f in plan["findings"] if f["check"] == "cassandra-version"]
    assert (found["severity"], "cannot compare replicas" in found["message"]) == ("warn", True)


def test_apply_carries_out_every_step_and_does_not_end_as_done(rig: Rig) -> None:
    done = rig.apply(expect=3)
    assert UNPROVED in done.stderr
    plan = json.loads(rig.hybridspan("plan", str(rig.topology), "--json").stdout)
    assert {step["state"] for step in plan["steps"]} == {"done"}
    rig.seed_is_out()


def test_each_keyspace_is_replicated_as_documented(rig: Rig) -> None:
    status = json.loads(rig.hybridspan("status", str(rig.topology), "--json").stdout)
    factors = {k["name"]: k["factors"] for k in status["ring"]["keyspaces"]}
    data = {name: found for name, found in factors.items() if not name.startswith("system")}
    assert len(data) == 5
    assert all(found == {"dc-1": 3, "dc-2": 3} for found in data.values()), data


def test_every_row_is_read_from_the_new_data_center(rig: Rig) -> None:
    """Through one of its nodes, at LOCAL_ONE: no replica of another data center may answer."""
    reader = ("-m", "hybridspan_lab.cassandra.fill", "--organization", "hybrid-test-7", "--verify")
    rows = ("--consistency", "LOCAL_ONE", "--rows", str(ROWS))
    said = rig.kubectl("apigee-centralus", "exec", POD, "-n", "apigee", "--", sys.executable, *reader, *rows)
    result = json.loads(said.splitlines()[-1])
    assert (result["found"], result["missing"]) == (ROWS, 0)


def test_its_history_tells_that_a_repair_has_ended(rig: Rig) -> None:
    """What is believed where nodetool is not told, which would wait for ever."""
    parent = repair_of(rig.nodetool("apigee-centralus", 0, "repair", "-full", "perses"))
    assert parent
    login = ("--ssl", "-u", "admin_user", "-p", rig.password("apigee-centralus", "admin"))
    pod = ("exec", POD, "-n", "apigee", "--", "cqlsh", *login, "-e")
    statement = HISTORY.replace("SELECT", "SELECT JSON").replace("%s", parent)
    said = rig.kubectl("apigee-centralus", *pod, statement)
    (row,) = [json.loads(line) for line in said.splitlines() if line.lstrip().startswith("{")]
    assert ending_of(parent, row) == Ending(parent, ""), row


def test_verify_counts_and_claims_no_proof(rig: Rig) -> None:
    said = rig.hybridspan("verify", str(rig.topology), "--count", expect=3).stdout
    assert UNPROVED in said
    counts = re.findall(r"\(([\d,]+) rows in dc-1, ([\d,]+) rows in dc-2\)", said)
    assert len(counts) == 5
    assert all(here == there for here, there in counts), said


def test_a_second_apply_does_nothing_and_still_claims_no_proof(rig: Rig) -> None:
    acted = len(rig.events("acting"))
    done = rig.apply("--json", expect=3)
    assert len(rig.events("acting")) == acted
    assert "Nothing to do: " in done.stderr
    assert UNPROVED in done.stderr
    document = json.loads(done.stdout)
    assert (document["outcome"], document["unproved"]) == ("unproved", ["dc-2"])


def test_the_report_says_the_same(rig: Rig) -> None:
    rig.hybridspan("status", str(rig.topology), "--html", "report.html")
    assert "Replicated, not proved" in (rig.directory / "report.html").read_text()
