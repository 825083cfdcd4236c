"""Creating a managed cluster through Azure's interface starts one; deleting it stops it."""

import asyncio
import contextlib
import json
import subprocess
import time
from dataclasses import replace
from ipaddress import IPv4Network, ip_address
from pathlib import Path
from types import SimpleNamespace

import pytest

from hybridspan.secrets import Secret
from hybridspan.topology import loading
from hybridspan_lab import control
from hybridspan_lab.control import UpOptions
from hybridspan_lab.examples import example_directory
from hybridspan_lab.world import clusters
from hybridspan_lab.world.existing import CLUSTER_VERSION, ByHand
from hybridspan_lab.world.places import Places
from hybridspan_lab.world.record import members
from tests.lab_world.test_nodes import CLUSTER as CLUSTER_DOCUMENT
from tests.lab_world.test_nodes import POOL

REGION = loading.load(example_directory("two-regions") / "hybrid.yaml").first
GROUP = f"/subscriptions/{REGION.subscription}/resourcegroups/{REGION.resource_group}"
CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/{REGION.cluster.name}"

CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "tight", "namespace": "default"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "managed-csi",
        "resources": {"requests": {"storage": "1Gi"}},
    },
}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "tight", "namespace": "default"},
    "spec": {
        "restartPolicy": "Never",
        "containers": [
            {
                "name": "writer",
                "image": "busybox",
                "command": ["dd", "if=/dev/zero", "of=/data/file", "bs=1M", "count=4"],
                "volumeMounts": [{"name": "disk", "mountPath": "/data"}],
            }
        ],
        "volumes": [{"name": "disk", "persistentVolumeClaim": {"claimName": "tight"}}],
    },
}

HELD = 64 * 2**20
"""What a pod of these tests holds in memory."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    home = tmp_path_factory.mktemp("world") / "lab"
    record = control.up(UpOptions(home=home, bare=True))
    places = Places(home)
    asyncio.run(by_hand(places, record, lambda azure: azure.create([REGION])))
    yield places, record
    control.down(home)


async def by_hand(places, record, work):
    secret = Secret(places.client_secret.read_text())
    async with ByHand(record.arm, places.arm / "ca.pem", secret) as azure:
        return await work(azure)


def kubectl(places, *arguments):
    command = [places.bin / "kubectl", "--kubeconfig", places.kubeconfig, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def until(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.1)


def of_pod(places, name):
    (cluster,) = control.status(places.home)["clusters"]
    return next(pod for pod in cluster["pods"] if pod["name"] == name)


def resident(processes, field):
    """Bytes, by the kernel's own count of each process."""
    found = 0
    for pid in processes:
        with contextlib.suppress(OSError):  # it may have ended since it was listed
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            found += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
    return found


async def test_a_cluster_is_made_only_when_it_takes_pods(monkeypatch):
    """A controller makes the account that pods run as, in its own time, and that may be after the nodes are ready."""
    looks = []

    class Api:
        async def list(self, _api, _resource):
            return [
                {"metadata": {"name": "a"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
            ]

        async def find(self, *wanted):
            looks.append(wanted)
            return {} if len(looks) == 3 else None

    monkeypatch.setattr(clusters, "_POLL_SECONDS", 0.0)
    cluster = SimpleNamespace(nodes=[SimpleNamespace(name="a")], kubelet=SimpleNamespace(is_running=True))
    await clusters._until_ready(Api(), cluster)
    assert looks == [("/api/v1", "serviceaccounts", "default", "default")] * 3


def test_a_subnet_of_pods_is_a_range_of_loopback_too_where_there_are_no_networks(tmp_path):
    pool = replace(POOL, pod_subnet_prefix="120.38.1.128/25")
    fallen_back = clusters.Clusters(Places(tmp_path), None, lambda: None, "loopback")
    found = fallen_back._placed_pool(CLUSTER_DOCUMENT, pool).pod_subnet_prefix
    assert IPv4Network(found).subnet_of(IPv4Network("127.0.0.0/8"))
    assert fallen_back._placed_pool(CLUSTER_DOCUMENT, pool).pod_subnet_prefix == found
    real = clusters.Clusters(Places(tmp_path), None, lambda: None, "namespaces")
    assert real._placed_pool(CLUSTER_DOCUMENT, pool) == pool


def test_the_nodes_are_those_of_the_pools_with_addresses_of_the_subnet(lab):
    places, _ = lab
    nodes = json.loads(kubectl(places, "get", "nodes", "-o", "json"))["items"]
    pools = sorted(node["metadata"]["labels"]["agentpool"] for node in nodes)
    assert pools == ["apigeedata", "apigeedata", "apigeedata", "apigeerun"]
    addresses = {a["address"] for n in nodes for a in n["status"]["addresses"] if a["type"] == "InternalIP"}
    assert addresses == {f"120.38.1.{number}" for number in (4, 5, 6, 7)}


def test_the_context_is_named_as_the_cluster(lab):
    places, _ = lab
    assert kubectl(places, "config", "get-contexts", "-o", "name") == "apigee-eastus\n"


def test_a_cluster_has_the_storage_classes_of_aks(lab):
    places, _ = lab
    assert "storageclass.storage.k8s.io/managed-csi-premium" in kubectl(places, "get", "sc", "-o", "name")


def test_a_pod_runs_with_an_address_of_the_subnet_and_is_seen_in_the_status(lab):
    places, record = lab
    script = f"held=$(head -c {HELD} /dev/zero | tr '\\0' x); echo there; sleep 600; true"
    kubectl(places, "run", "one", "--image=busybox", "--command", "--", "/bin/bash", "-c", script)
    kubectl(places, "wait", "--for=condition=Ready", "pod/one", "--timeout=120s")
    until(lambda: kubectl(places, "logs", "one") == "there\n")
    before = resident(members(record.namespace), "RssAnon")
    status = control.status(places.home)
    (cluster,) = status["clusters"]
    (pod,) = [pod for pod in cluster["pods"] if pod["name"] == "one"]
    assert pod["address"].startswith("120.38.1.")
    assert HELD <= pod["memory"] <= 4 * HELD
    for shown, process in ((p["memory"], p["pid"]) for p in cluster["programs"]):
        assert shown > 10 * 2**20, process
    # A page that is shared counts once: less than what every process has for itself and others, more than its own alone.
    # Programs that have just started still grow.
    processes = members(record.namespace)
    least = min(before, resident(processes, "RssAnon"))
    assert 0.8 * least < status["memory"] < 1.2 * resident(processes, "VmRSS")


def test_a_pod_is_paused_and_goes_on(lab):
    places, _ = lab
    asked = {"cluster": "apigee-eastus", "namespace": "default", "pod": "one"}
    assert control.fault({"kind": "pause", **asked}, places.home)["processes"] > 0
    assert control.fault({"kind": "resume", **asked}, places.home)["processes"] > 0
    assert kubectl(places, "exec", "one", "--", "hostname") == "one\n"


def test_a_disk_can_be_made_too_small(lab):
    places, _ = lab
    control.fault(
        {"kind": "small-disk", "cluster": "apigee-eastus", "claim": "tight", "megabytes": 1}, places.home
    )
    subprocess.run(
        [places.bin / "kubectl", "--kubeconfig", places.kubeconfig, "apply", "-f", "-"],
        input=json.dumps({"apiVersion": "v1", "kind": "List", "items": [CLAIM, POD]}),
        text=True,
        check=True,
    )
    kubectl(places, "wait", "--for=jsonpath={.status.phase}=Failed", "pod/tight", "--timeout=120s")
    assert "No space left on device" in kubectl(places, "logs", "tight")


def test_a_deleted_cluster_is_gone_with_its_programs(lab):
    places, record = lab

    async def delete(azure):
        await azure._request("DELETE", CLUSTER, CLUSTER_VERSION)

    asyncio.run(by_hand(places, record, delete))
    until(lambda: not control.status(places.home)["clusters"])
    assert kubectl(places, "config", "get-contexts", "-o", "name") == ""


def test_pods_of_an_overlay_have_addresses_of_it_and_hosted_ones_their_node_s(lab):
    places, record = lab
    second = loading.load(example_directory("two-regions") / "hybrid.yaml").regions[1]
    overlay = replace(second.cluster, network_plugin="azure-overlay", pod_cidr=IPv4Network("10.245.0.0/16"))
    region = replace(second, resource_group="my-overlay-rg", cluster=overlay)
    asyncio.run(by_hand(places, record, lambda azure: azure.create([region])))
    script = f"held=$(head -c {HELD} /dev/zero | tr '\\0' x); sleep 600; true"
    sleep = ("--image=busybox", "--command", "--", "/bin/bash", "-c", script)
    kubectl(places, "run", "own", *sleep)
    kubectl(places, "run", "hosted", '--overrides={"spec": {"hostNetwork": true}}', *sleep)
    kubectl(places, "wait", "--for=condition=Ready", "pod/own", "pod/hosted", "--timeout=120s")
    (cluster,) = control.status(places.home)["clusters"]
    pods = {pod["name"]: pod for pod in cluster["pods"]}
    assert ip_address(pods["own"]["address"]) in IPv4Network("10.245.0.0/16")
    assert pods["hosted"]["address"] in {node["address"] for node in cluster["nodes"]}
    # A pod on its node's own network shares that with others, and is told from them all the same.
    until(lambda: all(HELD <= of_pod(places, name)["memory"] <= 4 * HELD for name in ("own", "hosted")))
    asked = {"cluster": "apigee-centralus", "namespace": "default", "pod": "hosted"}
    assert control.fault({"kind": "pause", **asked}, places.home)["processes"] > 0
    assert control.fault({"kind": "resume", **asked}, places.home)["processes"] > 0
