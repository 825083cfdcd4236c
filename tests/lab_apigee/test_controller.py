from __future__ import annotations

import copy
from pathlib import Path

import pytest

from hybridspan_lab.apigee import components, controller, datastore
from hybridspan_lab.apigee.long_work import LongWork
from hybridspan_lab.apigee.overrides import Overrides
from hybridspan_lab.apigee.watching import Cluster
from hybridspan_lab.kubeapi import WatchEvent

NAMESPACE = "apigee"


class Server:
    """An API server that keeps what is applied and counts the writes; statuses go back into the cluster at once."""

    def __init__(self) -> None:
        self.writes: list[str] = []
        self.cluster: Cluster | None = None

    async def apply(self, api, resource, document, namespace=None, *, field_manager):
        self.writes.append(f"{document['kind']}/{document['metadata']['name']}")
        stored = copy.deepcopy(document)
        stored["metadata"] |= {"uid": f"uid-{len(self.writes)}", "generation": 1}
        return stored

    async def patch(self, api, resource, name, patch, namespace=None):
        found = self.cluster.find(resource, name, namespace)
        found["metadata"] |= patch["metadata"]
        self.writes.append(f"patch {name}")
        return found

    async def update_status(self, api, resource, name, status, namespace=None):
        found = self.cluster.find(resource, name, namespace)
        found["status"] = {**(found.get("status") or {}), **status}
        return found

    async def delete(self, api, resource, name, namespace=None):
        self.writes.append(f"delete {name}")

    async def find(self, api, resource, name, namespace=None):
        return None


@pytest.fixture
def overrides() -> Overrides:
    document = {
        "org": "hybrid-test-7",
        "namespace": NAMESPACE,
        "gcp": {"projectID": "p", "region": "us-east1"},
        "k8sCluster": {"name": "c", "region": "us-east1"},
        "instanceID": "i",
        "envs": [{"name": "test"}],
        "virtualhosts": [],
        "cassandra": {"replicaCount": 3, "multiRegionSeedHost": "120.38.1.9"},
    }
    return Overrides(Path("overrides.yaml"), document)


@pytest.fixture
def work() -> LongWork:
    return LongWork(ring=None)


@pytest.fixture
def cluster() -> Cluster:
    server = Server()
    cluster = Cluster(server, "test")
    server.cluster = cluster
    return cluster


def put(cluster: Cluster, plural: str, document: dict, generation: int = 1) -> dict:
    stored = copy.deepcopy(document)
    before = cluster.find(plural, stored["metadata"]["name"], NAMESPACE) or {"metadata": {}}
    stored["metadata"] = {
        "uid": f"{plural}-uid",
        "finalizers": before["metadata"].get("finalizers", []),
        **stored["metadata"],
        "generation": generation,
    }
    stored["status"] = before.get("status") or {}
    cluster.take(plural, WatchEvent("MODIFIED", stored))
    return stored


def everything_runs(cluster: Cluster) -> None:
    """What the cluster's own controllers and the kubelet would do."""
    for found in cluster.all("statefulsets"):
        found["status"] = {
            "readyReplicas": found["spec"]["replicas"],
            "replicas": found["spec"]["replicas"],
            "observedGeneration": found["metadata"]["generation"],
            "currentRevision": "a",
            "updateRevision": "a",
        }
    for found in cluster.all("deployments"):
        found["status"] = {"availableReplicas": 1}
    for found in cluster.all("jobs"):
        found["status"] = {"succeeded": 1}


def state(cluster: Cluster, plural: str) -> str:
    return next(iter(cluster.all(plural)))["status"]["state"]


async def test_a_datastore_becomes_service_certificate_and_nodes(cluster, work, overrides):
    put(cluster, "apigeedatastores", components.datastore(overrides)[0])
    assert await controller.settle(cluster, work)
    assert cluster.api.writes == [
        "patch default",
        "ServiceAccount/apigee-cassandra-default",
        "Service/apigee-cassandra-default",
        "Certificate/apigee-cassandra-default",
        "StatefulSet/apigee-cassandra-default",
    ]
    assert state(cluster, "apigeedatastores") == "creating"


async def test_a_second_pass_changes_nothing(cluster, work, overrides):
    put(cluster, "apigeedatastores", components.datastore(overrides)[0])
    await controller.settle(cluster, work)
    writes = len(cluster.api.writes)
    everything_runs(cluster)
    await controller.settle(cluster, work)
    assert len(cluster.api.writes) == writes
    assert state(cluster, "apigeedatastores") == "running"


async def test_nodes_that_somebody_scales_by_hand_come_back(cluster, work, overrides):
    put(cluster, "apigeedatastores", components.datastore(overrides)[0])
    await controller.settle(cluster, work)
    everything_runs(cluster)
    (nodes,) = cluster.all("statefulsets")
    nodes["spec"]["replicas"] = 0
    nodes["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}
    written = len(cluster.api.writes)
    await controller.settle(cluster, work)
    assert "StatefulSet/apigee-cassandra-default" in cluster.api.writes[written:]
    (nodes,) = cluster.all("statefulsets")
    assert nodes["spec"]["replicas"] == 3


@pytest.mark.parametrize(
    ("there", "wanted", "same"),
    [
        ({"a": 1, "default": True}, {"a": 1}, True),
        ({"a": 2}, {"a": 1}, False),
        ({}, {"a": {}, "b": [], "c": "", "d": False}, True),
        ({"l": [{"n": "x", "added": 1}]}, {"l": [{"n": "x"}]}, True),
        ({"l": [{"n": "x"}, {"n": "y"}]}, {"l": [{"n": "x"}]}, False),
    ],
)
def test_an_object_may_say_more_than_is_wanted_but_nothing_else(there, wanted, same):
    assert datastore.says(there, wanted) is same


async def test_taking_the_seed_out_applies_the_nodes_again(cluster, work, overrides):
    put(cluster, "apigeedatastores", components.datastore(overrides)[0])
    await controller.settle(cluster, work)
    everything_runs(cluster)
    await controller.settle(cluster, work)
    cluster.api.writes.clear()
    overrides.document["cassandra"].pop("multiRegionSeedHost")
    put(cluster, "apigeedatastores", components.datastore(overrides)[0], generation=2)
    await controller.settle(cluster, work)
    assert cluster.api.writes == ["StatefulSet/apigee-cassandra-default"]
    assert state(cluster, "apigeedatastores") == "releasing"


async def test_the_organizations_jobs_run_one_after_the_other_once_the_ring_is_there(
    cluster, work, overrides
):
    put(cluster, "apigeeorganizations", components.organization(overrides)[-1])
    await controller.settle(cluster, work)
    assert cluster.all("jobs") == []
    put(cluster, "apigeedatastores", components.datastore(overrides)[0])
    for _ in range(8):
        await controller.settle(cluster, work)
        everything_runs(cluster)
    await controller.settle(cluster, work)
    jobs = [name for name in cluster.api.writes if name.startswith("Job/")]
    assert [name.split("-hybrid-test-7")[0] for name in jobs] == [
        "Job/apigee-cassandra-user-setup",
        "Job/apigee-cassandra-schema-setup",
        "Job/apigee-cassandra-schema-val",
    ]
    assert state(cluster, "apigeeorganizations") == "running"


async def test_an_environment_waits_for_its_organization(cluster, work, overrides):
    put(cluster, "apigeeenvironments", components.environment(overrides, "test")[-1])
    await controller.settle(cluster, work)
    assert state(cluster, "apigeeenvironments") == "creating"
    assert cluster.all("deployments") == []


async def test_a_virtual_host_waits_for_its_certificate(cluster, work):
    spec = {"sslSecret": "tls", "version": "1.16.0"}
    metadata = {"name": "group", "namespace": NAMESPACE}
    put(cluster, "apigeerouteconfigs", {"metadata": metadata, "spec": spec})
    assert not await controller.settle(cluster, work)
    assert state(cluster, "apigeerouteconfigs") == "creating"


async def test_a_datastore_that_is_deleted_goes_after_its_nodes(cluster, work, overrides):
    document = put(cluster, "apigeedatastores", components.datastore(overrides)[0])
    await controller.settle(cluster, work)
    document["metadata"]["deletionTimestamp"] = "2026-11-01T00:00:00Z"
    await controller.settle(cluster, work)
    assert state(cluster, "apigeedatastores") == "deleting"
    cluster.known["statefulsets"].clear()
    await controller.settle(cluster, work)
    assert (
        datastore.FINALIZER
        not in cluster.find("apigeedatastores", "default", NAMESPACE)["metadata"]["finalizers"]
    )
