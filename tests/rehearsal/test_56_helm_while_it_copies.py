"""What stops Apigee's operator from copying: each is named by what ring and nodes show, and the next run goes on.

Cassandra's users are in a secret of a name of its own. One lab, in this order.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.failure_table import as_written
from tests.rehearsal.rig import Rig, eventually

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(1500)]

NEW, OLD = "apigee-centralus", "apigee-eastus"
FIELDS = ("-n", "apigee")
STEP = "replication/centralus"
FIRST_NODE = "apigee-cassandra-default-0"
FILLER = "/opt/apigee/data/filler"


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    rig = Rig("helm-two-regions")
    rig.use_credentials("our-cassandra-users")
    try:
        rig.up()
        # Some 30 MB a node: more than a minute at the lowest throttle, so that a trouble finds it copying.
        rig.hybridspan("lab", "fill", "--rows", "60000", "--large", "200")
        claim = f"cassandra-data-{FIRST_NODE}"
        small = {"kind": "small-disk", "cluster": NEW, "claim": claim, "megabytes": 500}
        rig.hybridspan("lab", "fault", json.dumps(small))
        yield rig
    finally:
        rig.down()


def ended(rig: Rig, when: str, trouble: Callable[[], None]) -> str:
    """What a run says whose replication meets a trouble when it `acts`, or when bytes of it `arrive`."""
    before = rig.events()[-1]["sequence"] if rig.events() else 0
    log = rig.directory / f"{trouble.__name__}.log"
    goal = ("--yes", "--past-no-return", "--until", STEP)
    run = rig.start("apply", str(rig.topology), *goal, log=log.name)

    def is_time() -> bool:
        assert run.poll() is None, log.read_text()[-4000:]
        found = [e for e in rig.events(after=before) if e["step"] == STEP]
        return any(e["kind"] == "acting" if when == "acts" else e["document"].get("bytes") for e in found)

    try:
        eventually(is_time, 600, f"the replication {when}")
        trouble()
        eventually(lambda: run.poll() is not None, 400, "apply ends")
    finally:
        stop(run)
    assert run.returncode == 1, log.read_text()[-4000:]
    return log.read_text()


def stop(run: subprocess.Popen[bytes]) -> None:
    run.kill()
    run.wait()


def throttle(rig: Rig, megabits: int) -> None:
    """Of the first region's nodes, for what goes to another data center; 0 takes it away."""
    for ordinal in range(3):
        rig.nodetool(OLD, ordinal, "setinterdcstreamthroughput", str(megabits))


def in_first_node(rig: Rig, script: str, expect: int | None = 0) -> str:
    pod = ("exec", FIRST_NODE, *FIELDS, "-c", "apigee-cassandra", "--", "bash", "-c", script)
    return rig.kubectl(NEW, *pod, expect=expect)


def give_password(rig: Rig, password: str) -> None:
    """JMX's in the new region's secret; the kubelet shows it to the pods, and Cassandra does not look again."""
    data = {"data": {"jmx.password": base64.b64encode(password.encode()).decode()}}
    rig.kubectl(NEW, "patch", "secret", rig.credentials, *FIELDS, "-p", json.dumps(data))
    shown = "cat /opt/apigee/credentials/jmx.password"
    eventually(lambda: in_first_node(rig, shown).strip() == password, 90, "the pod is shown the password")


def test_an_operator_that_does_nothing_at_all_is_not_believed(rig: Rig) -> None:
    rig.hybridspan("lab", "fault", "apigee", "replication-lies", "--how", "without-anything")
    try:
        said = rig.apply("--until", STEP, expect=1).stderr
    finally:
        rig.hybridspan("lab", "fault", "apigee", "replication-lies", "--how", "never")
    assert "HS-APIGEE-044" in said
    assert as_written("an operator that alters nothing", 1, said)


def test_a_login_that_the_nodes_refuse_is_named_with_its_secret(rig: Rig) -> None:
    right = rig.password(OLD, "jmx")

    def another_password() -> None:
        give_password(rig, "not-it")

    said = ended(rig, "acts", another_password)
    give_password(rig, right)
    assert "HS-APIGEE-054" in said
    assert as_written("a new node refuses the operator's login", 1, said)
    assert "secret our-cassandra-users in namespace apigee" in " ".join(said.split())


def test_a_disk_that_fills_up_is_named_though_the_operator_speaks_of_its_stream(rig: Rig) -> None:
    """The first node's, which the operator rebuilds first and which has not its data yet: before anything else lets bytes arrive there."""
    throttle(rig, 1)

    def full() -> None:
        in_first_node(rig, f"head -c 1G /dev/zero > {FILLER}", expect=None)
        throttle(rig, 0)

    said = ended(rig, "arrives", full)
    assert "HS-APIGEE-055" in said
    assert as_written("the disk of a new node is full", 1, said)
    told = rig.kubectl(NEW, "get", "cdr", "region-expansion", *FIELDS, "-o", "jsonpath={.status.message}")
    assert "No space left" not in told


def make_room(rig: Rig) -> None:
    in_first_node(rig, f"rm {FILLER}")
    rig.kubectl(NEW, "delete", "pod", FIRST_NODE, *FIELDS)
    rig.kubectl(NEW, "wait", "pod", FIRST_NODE, *FIELDS, "--for=condition=Ready", "--timeout=180s")


def test_a_way_that_is_closed_while_it_copies_is_named_with_the_addresses(rig: Rig) -> None:
    """By whoever sees it first: the run that misses the bytes, or Cassandra that gives the stream up. There is room again."""
    make_room(rig)
    throttle(rig, 1)
    requests = "".join(str(e["document"]) for e in rig.events("arm"))
    found = re.search(
        r"resourceGroups/([^/]+)/[^?']*virtualNetworks/([^/]+)/virtualNetworkPeerings/([^/?']+)", requests
    )
    assert found, "the run has made a peering"

    def closed() -> None:
        where = ("--resource-group", found[1], "--vnet-name", found[2], "--name", found[3])
        rig.az("network", "vnet", "peering", "delete", *where)

    said = ended(rig, "arrives", closed)
    assert "HS-APIGEE-047" in said or "HS-APIGEE-041" in said
    assert as_written("bytes stand still", 1, said)


def test_a_resource_that_somebody_deletes_is_missed_at_once(rig: Rig) -> None:
    """Last of all, because the nodes go on fetching what they were told to. The next run has made the way again."""

    def deleted() -> None:
        rig.kubectl(NEW, "delete", "cdr", "region-expansion", *FIELDS)

    said = ended(rig, "arrives", deleted)
    assert "HS-APIGEE-048" in said
    assert as_written("the operator is not there", 1, said)


def test_with_a_way_and_room_again_it_goes_on_and_every_row_is_proved(rig: Rig) -> None:
    throttle(rig, 0)
    rig.apply()
    assert rig.is_proved()
