"""The lab's Helm side without hybridspan: the documented commands with the real helm make a second region.

The tests of this file share one lab and build on one another, in this order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.rehearsal.helm_by_hand import POD, Person
from tests.rehearsal.rig import eventually, rehearsal

pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(900)]

ROWS = 2000
RELEASES = {"operator", "datastore", "telemetry", "redis", "ingress-manager", "hybrid-test-7"}


@pytest.fixture(scope="module")
def person() -> Iterator[Person]:
    with rehearsal("helm-two-regions") as rig:
        rig.hybridspan("lab", "fill", "--rows", str(ROWS))
        yield Person(rig)


def test_the_first_region_is_made_of_releases(person: Person) -> None:
    listed = json.loads(person.helm(person.first, "list", "-o", "json"))
    assert {entry["name"] for entry in listed} == {*RELEASES, "env-test", "vh-test-group"}
    assert {entry["status"] for entry in listed} == {"deployed"}


def test_a_second_region_comes_up_by_the_documented_commands(person: Person) -> None:
    person.make_network_and_cluster()
    person.furnish()
    person.define()
    person.write_overrides(multiRegionSeedHost=person.seed())
    person.upgrade(person.second, "operator", "apigee-operator", "--atomic")
    person.upgrade(person.second, "datastore", "apigee-datastore", "--atomic")
    person.until_running(person.second, "apigeeds")
    assert person.rig.nodetool(person.first.cluster.name, 0, "status").count("\nUN ") == 6
    assert "system_auth" in person.in_pod(person.second, "ls", "/opt/apigee/data/apigee-cassandra/data")


def test_a_replication_before_its_organization_exists_says_so(person: Person) -> None:
    person.replicate("too-early", "dc-1")
    status = person.until_state("too-early", ["error"])
    assert "not found" in status["message"]
    person.kubectl(person.second, "delete", "cdr", "too-early", "-n", person.namespace)


def test_a_source_that_is_no_data_center_is_refused_by_cassandra_itself(person: Person) -> None:
    person.widen_system_keyspaces()
    person.upgrade(person.second, "hybrid-test-7", "apigee-org", "--atomic")
    person.until_running(person.second, "apigeeorg")
    person.replicate("wrong", "us-west1")
    status = person.until_state("wrong", ["error"])
    assert status["message"].startswith("failed to rebuild from us-west1: java.lang.")
    assert person.details()[POD]["state"] == "error"


def test_an_operator_that_lies_says_complete_and_the_rows_are_not_there(person: Person) -> None:
    person.rig.hybridspan("lab", "fault", "apigee", "replication-lies")
    person.replicate("lie", "dc-1")
    person.until_state("lie", ["complete"])
    assert {detail["state"] for detail in person.details().values()} == {"complete"}
    assert '"missing": 0' not in rows(person, expect=1)


def test_what_is_said_to_be_complete_is_not_copied_again_without_force(person: Person) -> None:
    person.rig.hybridspan("lab", "fault", "apigee", "replication-lies", "--how", "never")
    person.replicate("again", "dc-1")
    person.until_state("again", ["complete"])
    rows(person, expect=1)


def test_the_operator_copies_the_data(person: Person) -> None:
    person.replicate("region-expansion", "dc-1", force=True)
    person.until_state("region-expansion", ["complete"])
    states = {pod: detail["state"] for pod, detail in person.details().items()}
    assert states == {f"apigee-cassandra-default-{n}": "complete" for n in range(3)}
    rows(person)


def rows(person: Person, expect: int = 0) -> str:
    """Reads every row from the new region alone."""
    read = ("hybridspan-fill", "--organization", "hybrid-test-7", "--rows", str(ROWS), "--verify")
    return person.in_pod(person.second, *read, "--consistency", "LOCAL_ONE", expect=expect)


def test_another_seed_is_refused_while_the_datastore_runs(person: Person) -> None:
    person.write_overrides(multiRegionSeedHost="10.10.0.250")
    said = person.upgrade(person.second, "datastore", "apigee-datastore", expect=1)
    assert "vapigeedatastore.apigee.cloud.google.com" in said
    assert "multiRegionSeedHost cannot be changed" in said


def test_the_seed_is_taken_out_by_an_upgrade(person: Person) -> None:
    person.write_overrides()
    person.upgrade(person.second, "datastore", "apigee-datastore", "--atomic")
    eventually(
        lambda: "multiRegionSeedHost" not in str(person.read(person.second, "apigeeds", "default")["spec"]),
        30,
        "no seed in the resource",
    )
    person.until_running(person.second, "apigeeds")


def test_a_datastore_that_is_uninstalled_leaves_the_ring(person: Person) -> None:
    person.helm(person.second, "uninstall", "datastore")
    eventually(lambda: not person.read(person.second, "apigeeds")["items"], 300, "the datastore is gone")
    assert "dc-2" not in person.rig.nodetool(person.first.cluster.name, 0, "status")
    replication = person.cql("SELECT keyspace_name, replication FROM system_schema.keyspaces;")
    assert "kms_hybrid_test_7_hybrid" in replication
    assert "dc-2" not in replication
