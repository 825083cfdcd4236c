from __future__ import annotations

from dataclasses import replace

import pytest

from hybridspan.apigee.replication_causes import cause_of, place_of
from hybridspan.errors import TemporaryFailure
from hybridspan.facts.cassandra import Hindrances
from hybridspan.plan.phases.keyspace_names import names_of_ours, organization_names
from hybridspan.plan.phases.rebuild import copied_by_operator
from hybridspan.plan.phases.replication import (
    ReplicationSeen,
    decide_replication,
    manifest,
    names_not_ours,
    plan_replication,
    the_resource,
)
from tests.plan_cassandra.world import AFTER, BEFORE, nts, ring

from .world import (
    KMS,
    ORGANIZATION,
    PODS,
    RECEIVED,
    RING,
    apigee,
    centralus,
    resource,
    status,
    store,
    with_helm,
    world,
)

TOPOLOGY = with_helm()
REGION = centralus(TOPOLOGY)
COMPLETE = status("complete", *["complete"] * 3)
PLACE = place_of(REGION, replace(store(), credentials_secret="our-users"), "region-expansion")
DONE = ReplicationSeen(resource(), COMPLETE, RING, RECEIVED)


def decided(seen: ReplicationSeen, topology=TOPOLOGY):
    return decide_replication(topology, REGION, ORGANIZATION, seen)


def test_a_resource_that_the_ring_confirms_is_done():
    assert decided(DONE).is_done


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"resource": None}, "has no CassandraDataReplication"),
        ({"resource": resource("running")}, "is running"),
        ({"resource": resource("", applied_generation=None)}, "is not taken up yet"),
        ({"resource": resource(applied_generation=0)}, "is complete"),
        ({"resource": resource(source="us-west1")}, "must be the name of the Cassandra data center, dc-1"),
        ({"resource": resource(organization_ref="hybrid-test-7")}, "organizationRef is hybrid-test-7"),
        (
            {"resource": resource("error", message="no way")},
            "ended with no way; it is started again by force",
        ),
        ({"resource": resource(force=True)}, "still says force"),
        ({"ring": ring({**AFTER, KMS: nts(dc_1=3)}, "dc-1", "dc-2")}, f"{KMS} is not replicated to dc-2"),
        (
            {"received": {**RECEIVED, PODS[1]: frozenset({"perses"})}},
            f"{PODS[1]} has no record of having received {KMS}",
        ),
    ],
)
def test_everything_else_needs_the_operator_again(change: dict, words: str):
    decision = decided(replace(DONE, **change))
    assert decision.state == "needed"
    assert words in decision.reason


def test_what_is_not_believed_is_called_so():
    decision = decided(replace(DONE, received=dict.fromkeys(PODS, frozenset())))
    assert "says complete, but" in decision.reason
    assert "not believed" in decision.reason


def test_a_comparison_is_believed_more_than_a_lost_record():
    assert decided(replace(DONE, received=dict.fromkeys(PODS, frozenset()), is_proved=True)).is_done


def test_each_pods_failure_is_told():
    failed = status("error", "complete", "error", message="Stream failed")
    seen = replace(DONE, resource=resource("error"), status=failed)
    assert f"{PODS[1]}: Stream failed" in decided(seen).reason


def test_before_the_nodes_join_the_choice_is_told_with_its_reason():
    seen = ReplicationSeen(None, None, ring(BEFORE, "dc-1"), {})
    assert decided(seen).state == "later"
    assert "Google's support" in decided(seen).reason
    assert "replication: direct" in decided(seen, with_helm(replication="direct")).reason


def test_a_resource_of_another_name_is_followed():
    another = resource(name="by-hand")
    assert the_resource(apigee(replications=(another,))) == another
    assert the_resource(apigee(replications=(another, resource()))) == resource()
    assert the_resource(None) is None


def test_the_manifest_names_the_data_center():
    assert manifest(REGION, ORGANIZATION)["spec"] == {
        "organizationRef": ORGANIZATION,
        "force": False,
        "source": {"region": "dc-1"},
    }


def test_the_operator_replicates_the_organizations_keyspaces_and_we_the_others():
    assert organization_names(RING, "hybrid-test-7") == (KMS,)
    assert names_of_ours(TOPOLOGY, RING) == ("perses",)
    assert names_of_ours(with_helm(replication="direct"), RING) == (KMS, "perses")


HOSTS = {"hosts": sorted(n.host_id for n in RING.of("dc-2"))}


@pytest.mark.parametrize(
    ("seen", "topology", "kept", "names"),
    [
        (replace(DONE, resource=None), TOPOLOGY, None, (KMS,)),
        (replace(DONE, resource=None), TOPOLOGY, {"hosts": ["of another node"]}, (KMS,)),
        (replace(DONE, resource=None), TOPOLOGY, HOSTS, ()),
        (replace(DONE, resource=None), with_helm(replication="direct"), None, ()),
        (DONE, TOPOLOGY, None, ()),
    ],
)
def test_records_that_are_older_than_the_resource_are_nobodys(
    seen: ReplicationSeen, topology, kept: dict | None, names: tuple[str, ...]
):
    assert names_not_ours(topology, REGION, seen, kept) == names


def test_the_commands_clear_them_on_each_node_before_they_make_the_resource():
    (step,) = plan_replication(TOPOLOGY, world(TOPOLOGY, ring(BEFORE, "dc-1"), apigee()))
    texts = [command.text() for command in step.commands]
    clears = [
        n for n, text in enumerate(texts) if "DELETE FROM system.available_ranges_v2" in text and KMS in text
    ]
    made = [n for n, text in enumerate(texts) if "kind: CassandraDataReplication" in text]
    assert (clears, made) == ([0, 1, 2], [3])
    assert "perses" not in "".join(texts)


def test_the_commands_leave_what_the_operator_has_copied():
    own = apigee(datastore=store(COMPLETE), replications=(resource(),))
    (step,) = plan_replication(TOPOLOGY, world(TOPOLOGY, RING, own))
    assert not [c for c in step.commands if "DELETE" in c.text()]


def test_a_node_that_the_operator_has_rebuilt_is_not_streamed_to_again():
    assert copied_by_operator(TOPOLOGY, store(COMPLETE), PODS[0])
    assert not copied_by_operator(TOPOLOGY, store(status("error", "error")), PODS[0])
    assert not copied_by_operator(with_helm(replication="direct"), store(COMPLETE), PODS[0])


STARVED = (
    "failed to rebuild from us-west1: java.lang.IllegalStateException : Unable to find sufficient sources for streaming range"
    " (-8567,-8567] in keyspace system_distributed"
)
NODETOOL = (
    "failed to rebuild from dc-1: java.lang.IllegalStateException : Failed to connect to '127.0.0.1:7199'"
)


@pytest.mark.parametrize(
    ("told", "source", "code"),
    [
        (STARVED, "us-west1", "HS-APIGEE-040"),
        (
            "Provided datacenter 'DC-1' is not a valid datacenter, available datacenters are: dc-1,dc-2",
            "DC-1",
            "HS-APIGEE-040",
        ),
        (STARVED, "dc-1", "HS-APIGEE-042"),
        ("ApigeeOrganization hybrid-test-7 not found", "dc-1", "HS-APIGEE-043"),
        ("failed to rebuild: Stream failed", "dc-1", "HS-APIGEE-046"),
        ("nodes of dc-1 are unreachable", "dc-1", "HS-APIGEE-041"),
        ("failed to rebuild: Connection refused to 10.10.0.4:7001", "dc-1", "HS-APIGEE-041"),
        (
            f"{NODETOOL} - ConnectException: 'Connection refused (Connection refused)'.",
            "dc-1",
            "HS-APIGEE-046",
        ),
        ('failed to rebuild from dc-1: pods "apigee-cassandra-default-0" not found', "dc-1", "HS-APIGEE-046"),
        (
            f"{NODETOOL} - SecurityException: 'Authentication failed! Invalid username or password'.",
            "dc-1",
            "HS-APIGEE-054",
        ),
        ("Provided username ddl_user and/or password are incorrect", "dc-1", "HS-APIGEE-054"),
        (
            "Stream failed: FSWriteError: java.io.IOException: No space left on device",
            "dc-1",
            "HS-APIGEE-055",
        ),
        ("Insufficient disk space to write 4123456 bytes", "dc-1", "HS-APIGEE-055"),
        ("something new", "dc-1", "HS-APIGEE-049"),
    ],
)
def test_the_operators_words_become_a_cause(told: str, source: str, code: str):
    failure = cause_of(told, source, RING, PLACE)
    assert failure.code == code
    assert told in failure.why
    assert failure.hint


OLD = "failed to rebuild from us-west1: java.lang.IllegalArgumentException : Provided datacenter 'us-west1' is not a valid datacenter"


def test_what_the_operator_kept_of_an_earlier_start_is_no_cause_of_this_one():
    """The resource was corrected, and the operator restarted: it still says what became of the nodes before."""
    failure = cause_of(f"pod-1: {OLD}; pod-2: {OLD}", "dc-1", RING, PLACE)
    assert (failure.code, isinstance(failure, TemporaryFailure)) == ("HS-APIGEE-046", True)
    assert "an earlier start" in failure.message
    now = cause_of(f"pod-0: {NODETOOL} - Authentication failed; pod-1: {OLD}", "dc-1", RING, PLACE)
    assert now.code == "HS-APIGEE-054"
    assert "us-west1" not in now.why
    assert cause_of(OLD, "us-west1", RING, PLACE).code == "HS-APIGEE-040"


def test_what_may_pass_by_itself_is_tried_again():
    for told in ("Stream failed", f"{NODETOOL} - ConnectException"):
        assert isinstance(cause_of(told, "dc-1", RING, PLACE), TemporaryFailure)
    for told in (STARVED, f"{NODETOOL} - Authentication failed", "Stream failed: No space left on device"):
        assert not isinstance(cause_of(told, "dc-1", RING, PLACE), TemporaryFailure)


BROKEN = (
    "failed to rebuild from dc-1: java.lang.RuntimeException : Error while rebuilding node: Stream failed"
)
FULL = Hindrances(full={PODS[1]: 3 * 1024**2})
CLOSED = Hindrances(closed=("10.10.0.4", "10.10.0.5"))


@pytest.mark.parametrize(
    ("told", "seen", "code", "why"),
    [
        (BROKEN, FULL, "HS-APIGEE-055", f"{PODS[1]} has 3 MiB free; the operator says: {BROKEN}"),
        (BROKEN, CLOSED, "HS-APIGEE-041", "10.10.0.4, 10.10.0.5 cannot be reached from them"),
        (STARVED, CLOSED, "HS-APIGEE-041", "10.10.0.4, 10.10.0.5 cannot be reached from them"),
    ],
)
def test_what_the_nodes_show_is_believed_before_the_operators_words(
    told: str, seen: Hindrances, code: str, why: str
):
    """`Stream failed` is all that nodetool says, whatever broke the stream; and no second start would cure it."""
    failure = cause_of(told, "dc-1", RING, PLACE, seen)
    assert failure.code == code
    assert why in failure.why
    assert not isinstance(failure, TemporaryFailure)


def test_a_source_that_is_no_data_center_is_the_cause_whatever_else_is_wrong():
    assert cause_of(STARVED, "us-west1", RING, PLACE, FULL).code == "HS-APIGEE-040"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (f"{NODETOOL} - Authentication failed!", "restart the Cassandra pods"),
        (
            "Provided username ddl_user and/or password are incorrect",
            "the ring has one password for ddl_user",
        ),
    ],
)
def test_a_refused_login_names_the_secret_that_the_datastore_uses(told: str, words: str):
    hint = cause_of(told, "dc-1", RING, PLACE).hint
    assert "secret our-users in namespace apigee" in hint
    assert words in hint
