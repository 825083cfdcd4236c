"""How the operator carries out CassandraDataReplication, on a cluster in memory and a ring that answers as told."""

from __future__ import annotations

import asyncio

import pytest

from hybridspan_lab.apigee import datastore as datastores
from hybridspan_lab.apigee import replication, ring
from hybridspan_lab.apigee.long_work import LongWork
from hybridspan_lab.apigee.watching import Cluster
from hybridspan_lab.cassandra.keyspace_expansion import STRATEGY, added, removed, widened
from hybridspan_lab.kubeapi import WatchEvent
from hybridspan_lab.kubeapi.execution import Finished
from tests.lab_apigee.test_controller import NAMESPACE, Server, put

PODS = [f"apigee-cassandra-default-{n}" for n in range(3)]
NO_SOURCES = """error: Unable to find sufficient sources for streaming range (-85,-84] in keyspace system_distributed
-- StackTrace --
java.lang.IllegalStateException: Unable to find sufficient sources for streaming range (-85,-84] in keyspace system_distributed
\tat org.apache.cassandra.dht.RangeStreamer.getRangeFetchMap(RangeStreamer.java:1)
"""


class ToldRing:
    """Writes down what is asked; `answers` are the ends of the rebuilds, by pod."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, list[Finished]] = {}

    async def nodetool(self, namespace, pod, *arguments):
        self.asked.append(f"{pod} {' '.join(arguments)}")
        if arguments[0] == "status":
            return Finished(0, "Datacenter: dc-1\nUN  10.0.0.1\nDatacenter: dc-2\nUN  10.0.0.2\n", "")
        return self.answers.get(pod, [Finished(0, "", "")]).pop(0)

    async def program(self, namespace, pod, *argv):
        self.asked.append(f"{pod} {' '.join(argv)}")
        return Finished(0, "", "")


@pytest.fixture
def told() -> ToldRing:
    return ToldRing()


@pytest.fixture
def work(told) -> LongWork:
    return LongWork(told)


@pytest.fixture
def cluster() -> Cluster:
    server = Server()
    server.cluster = Cluster(server, "test")
    return server.cluster


def resource(cluster: Cluster, generation: int = 1, **spec) -> dict:
    document = {
        "apiVersion": "apigee.cloud.google.com/v1alpha1",
        "kind": "CassandraDataReplication",
        "metadata": {"name": "region-expansion", "namespace": NAMESPACE},
        "spec": {"organizationRef": "org-1", "source": {"region": "dc-1"}, **spec},
    }
    return put(cluster, "cassandradatareplications", document, generation)


def installation(cluster: Cluster, state: str = "running") -> dict:
    metadata = {"name": "org-1", "namespace": NAMESPACE, "generation": 1}
    organization = {"metadata": metadata, "spec": {"name": "hybrid-test-7"}, "status": {"state": "running"}}
    datastore = {
        "metadata": {"name": "default", "namespace": NAMESPACE, "generation": 1, "uid": "u"},
        "spec": {"components": {"cassandra": {"replicas": 3}, "removeDc": {}}},
        "status": {"state": state},
    }
    cluster.take("apigeeorganizations", WatchEvent("ADDED", organization))
    cluster.take("apigeedatastores", WatchEvent("ADDED", datastore))
    return datastore


async def carry_out(cluster: Cluster, work: LongWork, document: dict) -> dict:
    await replication.reconcile(cluster, work, document)
    await asyncio.gather(*work.tasks.values())
    return cluster.find("cassandradatareplications", "region-expansion", NAMESPACE)["status"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, 'ApigeeOrganization.apigee.cloud.google.com "org-1" not found'),
        ({"organizationRef": ""}, "spec.organizationRef is required"),
        ({"source": {}}, "spec.source.region is required"),
    ],
)
async def test_what_cannot_be_carried_out_says_why(cluster, work, told, spec, words):
    status = await carry_out(cluster, work, resource(cluster, **spec))
    assert (status["state"], status["message"]) == ("error", words)
    assert told.asked == []


async def test_it_begins_when_the_organization_is_there_after_all(cluster, work, told):
    document = resource(cluster)
    await carry_out(cluster, work, document)
    installation(cluster)
    assert (await carry_out(cluster, work, document))["state"] == "complete"


async def test_it_waits_for_a_datastore_that_is_still_being_made(cluster, work, told):
    installation(cluster, "creating")
    status = await carry_out(cluster, work, resource(cluster))
    assert status["message"] == "waiting for ApigeeDatastore default to be running, it is creating"
    assert told.asked == []


async def test_keyspaces_first_then_one_node_after_the_other(cluster, work, told):
    datastore = installation(cluster)
    status = await carry_out(cluster, work, resource(cluster))
    assert told.asked == [
        f"{PODS[0]} apigee-cassandra-keyspaces add --organization hybrid-test-7 --replicas 3",
        *(f"{pod} rebuild -- dc-1" for pod in PODS),
    ]
    assert status == {"state": "complete", "message": "", "lastAppliedGeneration": 1}
    assert datastore["status"]["cassandraDataReplication"]["state"] == "complete"


async def test_what_cassandra_refuses_is_told_as_the_documentation_shows_it(cluster, work, told):
    datastore = installation(cluster)
    told.answers = {PODS[0]: [Finished(1, "", NO_SOURCES)]}
    status = await carry_out(cluster, work, resource(cluster, source={"region": "us-west1"}))
    assert status["state"] == "error"
    assert status["message"] == (
        "failed to rebuild from us-west1: java.lang.IllegalStateException : Unable to find sufficient sources for "
        "streaming range (-85,-84] in keyspace system_distributed"
    )
    assert datastore["status"]["cassandraDataReplication"]["state"] == "error"


async def test_a_node_that_is_complete_is_not_rebuilt_again(cluster, work, told):
    datastore = installation(cluster)
    details = {PODS[0]: {"state": "complete"}, PODS[1]: {"state": "error"}}
    datastore["status"]["cassandraDataReplication"] = {"rebuildDetails": details}
    await carry_out(cluster, work, resource(cluster))
    assert [line for line in told.asked if "rebuild" in line] == [
        f"{PODS[1]} rebuild -- dc-1",
        f"{PODS[2]} rebuild -- dc-1",
    ]


async def test_force_rebuilds_them_all(cluster, work, told):
    datastore = installation(cluster)
    details = {pod: {"state": "complete"} for pod in PODS}
    datastore["status"]["cassandraDataReplication"] = {"rebuildDetails": details}
    await carry_out(cluster, work, resource(cluster, force=True))
    assert len([line for line in told.asked if "rebuild" in line]) == 3


async def test_a_rebuild_that_still_runs_is_waited_for(cluster, work, told, monkeypatch):
    monkeypatch.setattr(replication, "POLL_SECONDS", 0.0)
    installation(cluster)
    busy = Finished(1, "", "nodetool: Node is still rebuilding. Check nodetool netstats.")
    told.answers = {PODS[0]: [busy, busy, Finished(0, "", "")]}
    assert (await carry_out(cluster, work, resource(cluster)))["state"] == "complete"


async def test_a_resource_that_is_deleted_is_not_carried_out_to_its_end(cluster, work, told, monkeypatch):
    datastore = installation(cluster)
    document = resource(cluster)
    rebuild = told.nodetool

    async def deleted_meanwhile(namespace, pod, *arguments):
        cluster.take("cassandradatareplications", WatchEvent("DELETED", document))
        return await rebuild(namespace, pod, *arguments)

    monkeypatch.setattr(told, "nodetool", deleted_meanwhile)
    await replication.reconcile(cluster, work, document)
    await asyncio.gather(*work.tasks.values())
    assert [line for line in told.asked if "rebuild" in line] == [f"{PODS[0]} rebuild -- dc-1"]
    assert datastore["status"]["cassandraDataReplication"]["state"] == "running"


async def test_what_is_over_is_not_begun_again_until_it_is_changed(cluster, work, told):
    installation(cluster)
    document = resource(cluster)
    await carry_out(cluster, work, document)
    told.asked.clear()
    await carry_out(cluster, work, document)
    assert told.asked == []
    await carry_out(cluster, work, resource(cluster, generation=2, force=True))
    assert len(told.asked) == 4


async def test_an_operator_that_lies_reports_complete_and_copies_nothing(cluster, work, told, monkeypatch):
    installation(cluster)

    async def lying(*_):
        return {"data": {"replication": "lies"}}

    monkeypatch.setattr(cluster.api, "find", lying)
    assert (await carry_out(cluster, work, resource(cluster)))["state"] == "complete"
    assert [line for line in told.asked if "rebuild" in line] == []


async def test_a_deleted_datastore_leaves_the_ring_before_its_nodes_go(cluster, work, told):
    datastore = installation(cluster)
    datastore["metadata"]["deletionTimestamp"] = "2026-11-01T00:00:00Z"
    nodes = {"metadata": {"name": "apigee-cassandra-default", "namespace": NAMESPACE}}
    cluster.take("statefulsets", WatchEvent("ADDED", nodes))
    await datastores.reconcile(cluster, work, datastore)
    assert datastore["status"]["state"] == "deleting"
    assert cluster.api.writes == []
    await asyncio.gather(*work.tasks.values())
    await datastores.reconcile(cluster, work, datastore)
    assert told.asked == [
        f"{PODS[0]} status",
        f"{PODS[0]} apigee-cassandra-keyspaces remove",
        *(f"{pod} decommission --force" for pod in PODS),
    ]
    assert cluster.api.writes == ["delete apigee-cassandra-default"]


async def test_a_forced_deletion_tells_the_ring_nothing_and_takes_the_volumes(cluster, work, told):
    datastore = installation(cluster)
    datastore["metadata"] |= {"deletionTimestamp": "2026-11-01T00:00:00Z", "finalizers": ["f"]}
    datastore["spec"]["forceDelete"] = True
    await datastores.reconcile(cluster, work, datastore)
    assert told.asked == []
    assert cluster.api.writes == [
        *(f"delete cassandra-data-{pod}" for pod in PODS),
        "patch default",
    ]


def test_a_keyspace_keeps_what_it_has_when_a_data_center_comes():
    found = {
        "kms": {"class": STRATEGY, "dc-1": "3"},
        "kvm": {"class": STRATEGY, "dc-1": "3", "dc-2": "3"},
        "odd": {"class": "org.apache.cassandra.locator.SimpleStrategy", "replication_factor": "1"},
    }
    assert added(found, "dc-2", 3) == {"kms": {"class": STRATEGY, "dc-1": "3", "dc-2": "3"}}


def test_a_ring_is_widened_with_as_many_replicas_as_elsewhere_logins_first():
    found = {
        "kms": {"class": STRATEGY, "dc-1": "3", "dc-0": "10"},
        "kvm": {"class": STRATEGY, "dc-1": "3", "dc-2": "3"},
        "odd": {"class": "org.apache.cassandra.locator.SimpleStrategy", "replication_factor": "1"},
        "system": {"class": "org.apache.cassandra.locator.LocalStrategy"},
        "system_auth": {"class": STRATEGY, "dc-1": "1"},
    }
    assert list(widened(found, "dc-2").items()) == [
        ("system_auth", {"class": STRATEGY, "dc-1": "1", "dc-2": "1"}),
        ("kms", {"class": STRATEGY, "dc-1": "3", "dc-0": "10", "dc-2": "10"}),
    ]


def test_a_keyspace_that_is_nowhere_else_keeps_its_data_center():
    found = {
        "kms": {"class": STRATEGY, "dc-1": "3", "dc-2": "3"},
        "own": {"class": STRATEGY, "dc-2": "3"},
    }
    assert removed(found, "dc-2") == {"kms": {"class": STRATEGY, "dc-1": "3"}}


def test_the_keyspace_of_the_logins_is_the_last_to_lose_a_data_center():
    both = {"class": STRATEGY, "dc-1": "3", "dc-2": "3"}
    assert list(removed({"system_auth": both, "kms": both, "perses": both}, "dc-2")) == [
        "kms",
        "perses",
        "system_auth",
    ]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            (
                "nodetool: Provided datacenter 'us-west1' is not a valid datacenter, available datacenters are: dc-1\n"
                "See 'nodetool help' or 'nodetool help <command>'.\n"
            ),
            (
                "java.lang.IllegalArgumentException : Provided datacenter 'us-west1' is not a valid datacenter, available "
                "datacenters are: dc-1"
            ),
        ),
        (
            "nodetool: Unable to find sufficient sources for streaming range (1,2] in keyspace system_auth\n",
            (
                "java.lang.IllegalStateException : Unable to find sufficient sources for streaming range (1,2] in keyspace "
                "system_auth"
            ),
        ),
        ("error: No nodes present in the cluster.\n", "No nodes present in the cluster."),
        ("", "exit code 1"),
    ],
)
def test_a_reason_without_a_stack_trace_has_the_class_that_nodetool_leaves_out(said, words):
    assert ring.cause(Finished(1, "some output\n" if said else "", said)) == words
