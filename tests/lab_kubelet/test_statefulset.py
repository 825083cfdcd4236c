"""A StatefulSet with claims on a real control plane, through the real kubectl."""

from __future__ import annotations

import json
import sys


def test_every_pod_has_an_address_of_the_subnet_on_a_node_of_its_own(cluster, database):
    pods = cluster.json("get", "pods", "-l", "app=db")["items"]
    addresses = {pod["status"]["podIP"] for pod in pods}
    assert len(addresses) == 3
    assert all(address.startswith("120.38.1.") for address in addresses)
    assert {pod["status"]["hostIP"] for pod in pods} <= {"120.38.1.4", "120.38.1.5", "120.38.1.6"}


def test_a_pod_knows_its_own_address_and_its_secrets(cluster, database):
    address = cluster.text("get", "pod", "db-0", "-o", "jsonpath={.status.podIP}")
    assert cluster.shell("db-0", "echo $POD_IP $PASSWORD; cat /etc/creds/password").split() == [
        address,
        "geheim",
        "geheim",
    ]


def test_nothing_of_the_machine_gets_into_a_containers_environment(cluster, database):
    names = {line.partition("=")[0] for line in cluster.shell("db-0", "env").splitlines()}
    assert names <= {
        "PATH", "HOME", "HOSTNAME", "PWD", "POD_IP", "PASSWORD",
        "KUBERNETES_PORT", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT",
    }  # fmt: skip


def test_pods_find_each_other_by_name(cluster, database):
    address = cluster.text("get", "pod", "db-1", "-o", "jsonpath={.status.podIP}")
    for name in ("db-1.db", "db-1.db.default.svc.cluster.local"):
        assert cluster.shell("db-0", f"getent hosts {name}").split()[0] == address
    assert cluster.shell("db-0", "hostname; hostname -f").split() == [
        "db-0",
        "db-0.db.default.svc.cluster.local",
    ]


def test_a_headless_services_name_gives_every_pod(cluster, database):
    script = "getent ahostsv4 db | awk '{print $1}' | sort -u"
    # That pods are ready comes to their services' endpoints a moment later.
    cluster.until(lambda: len(cluster.shell("db-0", script).split()) == 3)


def test_names_outside_the_cluster_do_not_exist(cluster, database):
    assert cluster.shell("db-0", "getent hosts example.com || echo none") == "none\n"


def test_a_services_own_address_leads_to_a_pod(cluster, database):
    fetch = "import urllib.request as r; print(r.urlopen('http://front/').status)"
    command = ("exec", "db-0", "-c", "main", "--", python(cluster), "-c", fetch)
    cluster.until(lambda: cluster.run(*command, check=False).stdout == b"200\n")


def test_the_api_is_reached_with_the_service_accounts_token(cluster, database):
    directory = "/var/run/secrets/kubernetes.io/serviceaccount"
    fetch = (
        "import ssl,urllib.request as r;"
        f"t=open('{directory}/token').read();"
        "q=r.Request('https://kubernetes.default/version',headers={'Authorization':'Bearer '+t});"
        f"print(r.urlopen(q,context=ssl.create_default_context(cafile='{directory}/ca.crt')).status)"
    )
    assert cluster.shell("db-0", f'{python(cluster)} -c "{fetch}"') == "200\n"


def test_data_outlives_the_pod(cluster, database):
    cluster.shell("db-2", "echo kept > /opt/app/data/file")
    cluster.run("delete", "pod", "db-2")
    # Its StatefulSet may not have noticed yet, so its rollout says nothing.
    cluster.run("wait", "--for=create", "pod/db-2", "--timeout=120s")
    cluster.run("wait", "--for=condition=ready", "pod/db-2", "--timeout=120s")
    assert cluster.shell("db-2", "ls /opt/app/data; cat /opt/app/data/file").split() == [
        "file",
        "prepared",
        "kept",
    ]


def test_a_changed_secret_reaches_a_running_pod(cluster, database):
    cluster.run("patch", "secret", "creds", "-p", '{"stringData":{"more":"1"}}')
    cluster.until(lambda: "more" in cluster.shell("db-0", "ls /etc/creds"))


def test_a_failing_liveness_probe_restarts_the_container(cluster, database):
    cluster.shell("db-1", "touch /tmp/broken")
    restarts = "jsonpath={.status.containerStatuses[0].restartCount}"
    cluster.until(lambda: cluster.text("get", "pod", "db-1", "-o", restarts) == "1")
    cluster.run("wait", "--for=condition=ready", "pod/db-1", "--timeout=120s")
    assert "GET /" in cluster.text("logs", "db-1", "--previous")


def test_an_init_containers_log_can_be_read(cluster, database):
    assert cluster.text("logs", "db-0", "-c", "first") == "prepared\n"


def test_a_small_disk_can_be_full(cluster):
    (cluster.home / "disk-limits.json").write_text(json.dumps({"east/full": 1_000_000}))
    ended = one_shot(cluster, "full", "head -c 2000000 /dev/zero > /v/x")
    assert ended["exitCode"] != 0
    assert "No space left on device" in cluster.text("logs", "full")
    cluster.run("delete", "pod/full", "pvc/full")


def test_a_deleted_claims_data_go_with_it(cluster):
    one_shot(cluster, "lone", "echo x > /v/x")
    name = cluster.text("get", "pvc", "lone", "-o", "jsonpath={.spec.volumeName}")
    assert (cluster.home / "volumes" / name / "x").read_text() == "x\n"
    cluster.run("delete", "pod/lone", "pvc/lone")
    cluster.until(lambda: not (cluster.home / "volumes" / name).exists())


def one_shot(cluster, name, command):
    """Runs a command once with a claim of its own at /v; returns how it ended."""
    request = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": request}
    container = {"name": "main", "image": "test/sh", "command": ["sh", "-c", command]}
    container["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": name}}
    spec = {"restartPolicy": "Never", "containers": [container], "volumes": [volume]}
    cluster.apply(claim, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    cluster.until(lambda: cluster.json("get", "pod", name)["status"]["phase"] in ("Succeeded", "Failed"))
    return cluster.json("get", "pod", name)["status"]["containerStatuses"][0]["state"]["terminated"]


def python(cluster):
    return sys.executable


def test_a_sidecar_runs_beside_and_ends_with_the_main_container(cluster):
    sidecar = {"name": "side", "image": "test/sh", "command": ["sh", "-c", "echo up; sleep 1000"]}
    container = {"name": "main", "image": "test/sh", "command": ["sh", "-c", "echo done"]}
    spec = {
        "restartPolicy": "Never",
        "initContainers": [{**sidecar, "restartPolicy": "Always"}],
        "containers": [container],
    }
    cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "both"}, "spec": spec})
    cluster.until(lambda: cluster.json("get", "pod", "both")["status"]["phase"] == "Succeeded")
    assert cluster.text("logs", "both", "-c", "side") == "up\n"
    state = "jsonpath={.status.initContainerStatuses[0].state.terminated.exitCode}"
    cluster.until(lambda: cluster.text("get", "pod", "both", "-o", state))
    cluster.run("delete", "pod", "both")
